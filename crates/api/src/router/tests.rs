//! What the router answers before any handler asks the database.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use metrics_exporter_prometheus::PrometheusBuilder;
use sqlx::postgres::PgPoolOptions;
use store::Clock;
use store::blobs::Blobs;
use store::ingest::Ingest;
use store::wakeup::Notifier;
use tower::ServiceExt;
use wire::problem::Problem;

use crate::state::{AppState, Services, Settings};

/// A server whose database is not there.
async fn state(folder: &tempfile::TempDir) -> AppState {
    let pool = PgPoolOptions::new()
        .acquire_timeout(Duration::from_millis(50))
        .connect_lazy("postgres://nobody@127.0.0.1:1/none")
        .unwrap();
    let clock = Clock::System;
    let blobs = Blobs::open(folder.path(), clock.clone()).await.unwrap();
    let notifier = Notifier::start(pool.clone());
    let services = Services {
        ingest: Ingest::start(pool.clone(), blobs.clone(), clock.clone(), notifier.clone()),
        pool,
        blobs,
        notifier,
        clock,
        metrics: PrometheusBuilder::new().build_recorder().handle(),
        check_rules: |_| Ok(()),
    };
    AppState::new(services, Settings::default())
}

async fn answer(request: axum::http::request::Builder) -> Response<Body> {
    let folder = tempfile::tempdir().unwrap();
    let router = super::router(state(&folder).await);
    router
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap()
}

async fn problem(response: Response<Body>) -> Problem {
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body = to_bytes(response.into_body(), 10_000).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// Clients are made from the document, so a change to it must be seen in review. To take a change over, run the
/// test with `UPDATE_OPENAPI=1`.
#[test]
fn the_document_is_the_committed_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let mut now = super::openapi().to_pretty_json().unwrap();
    now.push('\n');
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    // Not as text: whether the fields of an example are sorted depends on what else the workspace builds.
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
    assert!(
        read(&now) == read(&committed),
        "openapi.json differs from the handlers; run with UPDATE_OPENAPI=1"
    );
}

#[tokio::test]
async fn an_unknown_path_is_a_problem_with_the_request_id() {
    let request = Request::get("/api/v2/nothing").header("x-request-id", "abc-1");
    let response = answer(request).await;
    assert_eq!(response.status(), 404);
    assert_eq!(response.headers()["x-request-id"], "abc-1");
    let problem = problem(response).await;
    assert_eq!(
        (problem.kind.as_str(), problem.request_id.as_str()),
        ("no-such-path", "abc-1")
    );
}

#[tokio::test]
async fn a_wrong_method_is_a_problem_that_names_the_right_ones() {
    let response = answer(Request::put("/api/v1/dumps")).await;
    assert_eq!(response.status(), 405);
    assert!(response.headers().contains_key("allow"));
    assert_eq!(problem(response).await.kind, "method-not-allowed");
}

#[tokio::test]
async fn without_a_token_nothing_is_read_or_taken() {
    for request in [
        Request::get("/api/v1/crashes"),
        Request::get("/api/v1/stop-codes.csv"),
        Request::post("/api/v1/dumps"),
        Request::post("/api/minidump"),
        Request::post("/api/1/minidump/"),
        Request::post("/api/v1/import"),
        Request::get("/api/v1/tokens"),
        Request::put("/api/v1/symbols/a.sys/1/a.sys"),
        Request::post("/api/v1/symbols"),
        Request::get("/api/v1/symbols"),
        Request::get("/api/v1/symbols/missing.csv"),
        Request::post("/api/v1/symbols/v1/uploads:create"),
        Request::post("/api/v1/symbols/v1/uploads/1:complete"),
        Request::get("/api/v1/symbols/v1/symbols/a.pdb/1:checkStatus"),
        Request::put("/api/v1/signature-rules"),
    ] {
        let response = answer(request).await;
        assert_eq!(response.status(), 401);
        assert!(response.headers().contains_key("www-authenticate"));
        assert_eq!(problem(response).await.kind, "unauthorized");
    }
}

#[tokio::test]
async fn a_key_in_the_query_is_only_looked_at_on_uploads() {
    let response = answer(Request::get("/api/v1/crashes?key=stopcode_0")).await;
    assert_eq!(response.status(), 401);
    // The upload asks the database about the key, which is not there.
    let response = answer(Request::post("/submit?key=stopcode_0")).await;
    assert_eq!(response.status(), 503);
    let problem = problem(response).await;
    assert_eq!(problem.kind, "unavailable");
    assert!(!problem.detail.contains("127.0.0.1"), "{}", problem.detail);
}

#[tokio::test]
async fn a_server_without_its_database_is_alive_but_not_ready() {
    assert_eq!(answer(Request::get("/healthz")).await.status(), 200);
    let response = answer(Request::get("/readyz")).await;
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn every_answer_tells_browsers_what_it_may_do() {
    let response = answer(Request::get("/healthz")).await;
    let policy = response.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'"));
    assert!(!policy.contains("unsafe"));
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn the_documentation_is_served_from_here() {
    let response = answer(Request::get("/docs/")).await;
    assert_eq!(response.status(), 200);
    let page = to_bytes(response.into_body(), 100_000).await.unwrap();
    let page = String::from_utf8(page.to_vec()).unwrap();
    assert!(!page.contains("https://"), "{page}");
    let document = answer(Request::get("/openapi.json")).await;
    assert_eq!(document.headers()["content-type"], "application/json");
}
