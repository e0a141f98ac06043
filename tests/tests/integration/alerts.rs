//! Alerts: a verdict that is news is told to a webhook, signed, and again until it is taken.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use reqwest::Method;
use serde_json::{Value, json};
use tests::Server;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::ranking;

/// One post, as the receiver saw it.
struct Post {
    headers: HeaderMap,
    body: Bytes,
}

type Seen = Arc<mpsc::UnboundedSender<Post>>;

/// A receiver that refuses its first post and takes all others; its address, and what it sees.
async fn receiver() -> (String, mpsc::UnboundedReceiver<Post>) {
    let (seen, posts) = mpsc::unbounded_channel();
    let first = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let take = move |State(seen): State<Seen>, headers: HeaderMap, body: Bytes| async move {
        seen.send(Post { headers, body }).unwrap();
        if first.swap(false, std::sync::atomic::Ordering::SeqCst) {
            StatusCode::BAD_GATEWAY
        } else {
            StatusCode::NO_CONTENT
        }
    };
    let router = Router::new()
        .route("/hook", post(take))
        .with_state(Arc::new(seen));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, posts)
}

async fn next(posts: &mut mpsc::UnboundedReceiver<Post>) -> Post {
    timeout(Duration::from_mins(1), posts.recv())
        .await
        .expect("a post within a minute")
        .expect("the receiver runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_that_is_news_is_told_until_it_is_taken() {
    let server = Server::start().await;
    let admin = server.admin();
    let (url, mut posts) = receiver().await;
    let webhook = admin
        .send_json(Method::POST, "/api/v1/webhooks", &json!({"url": url}))
        .await;
    let secret = webhook["secret"].as_str().unwrap();

    let answer = admin.post("/api/v1/import", ranking::history()).await;

    assert!(answer.status().is_success());
    let refused = next(&mut posts).await;
    let taken = next(&mut posts).await;
    assert_eq!(refused.headers["stopcode-alert"], taken.headers["stopcode-alert"]);
    assert!(is_signed(&taken, secret), "{:?}", taken.headers);
    let alert: Value = serde_json::from_slice(&taken.body).unwrap();
    assert_eq!(alert["kind"], "verdict");
    assert_eq!(alert["stop_code"], "0x76");
    assert_eq!(alert["verdict"], "suspect-set");
    assert_eq!(alert["id"], taken.headers["stopcode-alert"].to_str().unwrap());
    assert_eq!(alert["suspects"][0]["drivers"][0]["name"], "acmecap.sys");

    // What it heard once it does not hear again, and the list says that it was taken.
    let listed = loop {
        let listed = admin.json("/api/v1/alerts").await["items"].take();
        if listed[0]["delivered"] == 1 {
            break listed;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["waiting"], 0);
    let table = admin.get("/api/v1/alerts.csv").await.text().await.unwrap();
    let row = table.lines().nth(1).unwrap();
    assert!(
        row.contains(alert["id"].as_str().unwrap()) && row.contains("verdict,0x76"),
        "{table}"
    );
    assert!(posts.try_recv().is_err());
}

/// Whether the signature is that of the body, by another crate than the one that signs.
fn is_signed(post: &Post, secret: &str) -> bool {
    let header = post.headers["stopcode-signature"].to_str().unwrap();
    let (seconds, signature) = header
        .strip_prefix("t=")
        .and_then(|rest| rest.split_once(",v1="))
        .unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let signed = [seconds.as_bytes(), b".", &post.body].concat();
    ring::hmac::verify(&key, &signed, &hex::decode(signature).unwrap()).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_needs_an_address_and_an_administrator() {
    let server = Server::start().await;
    let admin = server.admin();
    let path = "/api/v1/webhooks";
    let wrong = admin
        .request(Method::POST, path)
        .json(&json!({"url": "file:///etc/passwd"}));
    assert_eq!(wrong.send().await.unwrap().status(), 400);
    let reader = admin
        .send_json(
            Method::POST,
            "/api/v1/tokens",
            &json!({"name": "r", "scopes": ["read"]}),
        )
        .await;
    let reader = admin.with_token(reader["token"].as_str().unwrap());
    let refused = reader
        .request(Method::POST, path)
        .json(&json!({"url": "https://example.com/"}));
    assert_eq!(refused.send().await.unwrap().status(), 403);

    let made = admin
        .send_json(
            Method::POST,
            path,
            &json!({"url": "https://example.com/", "kinds": ["rate-jump"]}),
        )
        .await;
    let id = made["id"].as_str().unwrap();
    let gone = admin
        .request(Method::DELETE, &format!("{path}/{id}"))
        .send()
        .await
        .unwrap();

    assert_eq!(gone.status(), 204);
    let listed = admin.json(path).await;
    assert_eq!(listed["items"][0]["kinds"], json!(["rate-jump"]));
    assert!(listed["items"][0]["disabled_at"].is_string());
    assert!(!listed.to_string().contains(made["secret"].as_str().unwrap()));
}
