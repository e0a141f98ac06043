//! An HTTP client that carries a token.

use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;

/// A client without a token.
pub fn http() -> reqwest::Client {
    // The one provider of the whole program; whoever came first has installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// A client without a token that shows redirects instead of following them.
///
/// # Panics
///
/// If no client can be made.
pub fn browser() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client")
}

/// A client of one server with one token.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Client {
    /// A client of the server at `base` (such as `http://127.0.0.1:8080`) that carries `token`.
    pub fn new(base: &str, token: &str) -> Self {
        Client {
            http: http(),
            base: base.to_owned(),
            token: token.to_owned(),
        }
    }

    /// The same server with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Client {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    /// What its token reads, for a person who types it.
    pub fn secret(&self) -> &str {
        &self.token
    }

    /// A request to `path` with the token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.token)
    }

    /// The answer to `GET path`.
    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path)
            .send()
            .await
            .expect("the server answers")
    }

    /// The JSON that `GET path` answers with status 200.
    pub async fn json(&self, path: &str) -> Value {
        ok_json(self.get(path).await).await
    }

    /// The answer to `POST path` with these bytes.
    pub async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Response {
        self.request(Method::POST, path)
            .body(body)
            .send()
            .await
            .expect("the server answers")
    }

    /// The JSON that a request with a JSON body answers with a 2xx status.
    pub async fn send_json(&self, method: Method, path: &str, body: &Value) -> Value {
        ok_json(
            self.request(method, path)
                .json(body)
                .send()
                .await
                .expect("the server answers"),
        )
        .await
    }

    /// Uploads one dump for `machine` and answers its entry of the upload's answer.
    pub async fn upload(&self, machine: &str, dump: Vec<u8>) -> Value {
        let answer = ok_json(self.post(&format!("/api/v1/dumps?machine={machine}"), dump).await).await;
        answer["dumps"][0].clone()
    }

    /// Waits until a dump is `done` or `failed` and answers it.
    ///
    /// # Panics
    ///
    /// After 90 seconds: a job of a killed worker is free when its lease has run out.
    pub async fn finished_dump(&self, id: &str) -> Value {
        let started = Instant::now();
        loop {
            let dump = self.json(&format!("/api/v1/dumps/{id}")).await;
            if dump["state"] == "done" || dump["state"] == "failed" {
                return dump;
            }
            assert!(
                started.elapsed() < Duration::from_secs(90),
                "still not finished: {dump}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Uploads one dump, waits for its analysis, and answers the crash.
    ///
    /// # Panics
    ///
    /// If the analysis fails.
    pub async fn crash_of(&self, machine: &str, dump: Vec<u8>) -> Value {
        let uploaded = self.upload(machine, dump).await;
        let finished = self.finished_dump(uploaded["id"].as_str().expect("an id")).await;
        let id = finished["crash_id"]
            .as_str()
            .unwrap_or_else(|| panic!("no crash: {finished}"));
        self.json(&format!("/api/v1/crashes/{id}")).await
    }

    /// A new token with one scope.
    pub async fn token(&self, scope: &str) -> String {
        let wish = serde_json::json!({"name": format!("test {scope}"), "scopes": [scope]});
        let made = self.send_json(Method::POST, "/api/v1/tokens", &wish).await;
        made["token"].as_str().expect("a token").to_owned()
    }
}

/// The JSON of an answer that must be 2xx.
async fn ok_json(response: Response) -> Value {
    let status = response.status();
    let url = response.url().clone();
    let text = response.text().await.expect("a body");
    assert!(status.is_success(), "{url}: {status}: {text}");
    if status == StatusCode::NO_CONTENT {
        return Value::Null;
    }
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{url}: {error}: {text}"))
}
