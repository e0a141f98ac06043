//! One HTTP client with the token in it that waits when the server asks it to.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How often a request that was put off is sent again.
const ATTEMPTS: u32 = 40;
/// The longest wait between two attempts, whatever the server says.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A server and the right to use it.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base_url: String,
}

impl Client {
    pub(crate) fn new(base_url: &str, token: &str) -> anyhow::Result<Self> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {token}"))
            .context("the token has characters that no header can hold")?;
        bearer.set_sensitive(true);
        // The one provider of the whole program; whoever came first has installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, bearer)]))
            .connect_timeout(Duration::from_secs(10))
            .build()?;
        Ok(Client {
            http,
            base_url: base_url.trim_end_matches('/').to_owned(),
        })
    }

    /// A request to a path that begins with a slash.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base_url))
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let response = self.send(path, || self.request(Method::GET, path)).await?;
        read(path, response).await
    }

    /// Sends JSON; an answer other than 2xx is an error.
    pub(crate) async fn send_json(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<()> {
        self.send(path, || self.request(method.clone(), path).json(body))
            .await?;
        Ok(())
    }

    /// Like [`Client::send_json`], with the answer read.
    pub(crate) async fn exchange<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        let response = self
            .send(path, || self.request(method.clone(), path).json(body))
            .await?;
        read(path, response).await
    }

    /// Sends a request until the server takes it: 429 and 503 are waited out, everything else that is not 2xx is an error.
    pub(crate) async fn send(
        &self,
        path: &str,
        request: impl Fn() -> RequestBuilder,
    ) -> anyhow::Result<Response> {
        for _ in 0..ATTEMPTS {
            let response = request()
                .send()
                .await
                .with_context(|| format!("no answer to {path}"))?;
            match response.status() {
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                    tokio::time::sleep(wait_of(&response)).await;
                }
                _ => return checked(path, response).await,
            }
        }
        bail!("the server put {path} off {ATTEMPTS} times")
    }
}

/// The answer, or an error with what the server says about it.
pub(crate) async fn checked(path: &str, response: Response) -> anyhow::Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let text = response.text().await.unwrap_or_default();
    let start: String = text.chars().take(300).collect();
    bail!("{path} was answered with {status}: {start}")
}

pub(crate) async fn read<T: DeserializeOwned>(path: &str, response: Response) -> anyhow::Result<T> {
    response
        .json()
        .await
        .with_context(|| format!("the answer to {path} is not what the contract says"))
}

/// `Retry-After` in seconds; one second without it.
fn wait_of(response: &Response) -> Duration {
    response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .map_or(Duration::from_secs(1), Duration::from_secs)
        .min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests;
