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
async fn state(folder: &tempfile::TempDir, settings: Settings) -> AppState {
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
    AppState::new(services, settings)
}

async fn answer(request: axum::http::request::Builder) -> Response<Body> {
    answer_with(Settings::default(), request).await
}

async fn answer_with(settings: Settings, request: axum::http::request::Builder) -> Response<Body> {
    let folder = tempfile::tempdir().unwrap();
    let router = super::router(state(&folder, settings).await);
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
    let mut now = serde_json::to_string_pretty(&super::openapi()).unwrap();
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
    assert_eq!(response.status(), 400);
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

/// What stands in the document must be there, and what is there must say who may use it.
#[tokio::test]
async fn every_operation_of_the_document_is_routed() {
    let document = super::openapi();
    let folder = tempfile::tempdir().unwrap();
    let router = super::router(state(&folder, Settings::default()).await);
    let mut names = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let address = path
                .replace("{id}", "0199a0c6-5d5f-7a51-b9a7-2e6f8a3a1c11")
                .replace(['{', '}'], "");
            let request = Request::builder()
                .method(method.to_uppercase().as_str())
                .uri(&address);
            let response = router
                .clone()
                .oneshot(request.body(Body::empty()).unwrap())
                .await
                .unwrap();
            let is_open = operation.get("security").is_none();
            let status = response.status().as_u16();
            // The address of a begun upload has its secret in the query.
            let expected = if address.ends_with("/uploads/upload") && method == "put" {
                400
            } else {
                401
            };
            assert!(is_open || status == expected, "{method} {path}: {status}");
            assert!(status != 404 && status != 405, "{method} {path}: {status}");
            let name = operation["operationId"].as_str().unwrap();
            assert!(
                names.insert(name.to_owned()),
                "{name} is the name of two operations"
            );
        }
    }
}

/// An example for each body in JSON; that they fit their schemas is checked by `tests/rest`.
#[test]
fn every_body_in_json_has_an_example() {
    let document = super::openapi();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let answers = operation["responses"].as_object().unwrap().values();
            for owner in answers.chain(operation.get("requestBody")) {
                for (kind, content) in owner["content"].as_object().into_iter().flatten() {
                    let has_one = content.get("example").is_some() || content.get("examples").is_some();
                    assert!(has_one || !kind.ends_with("json"), "{method} {path} {kind}");
                }
            }
        }
    }
}

async fn bytes(response: Response<Body>) -> Vec<u8> {
    to_bytes(response.into_body(), 10 << 20).await.unwrap().to_vec()
}

#[tokio::test]
async fn an_answer_that_did_not_change_is_not_sent_again_however_it_is_packed() {
    let whole = answer(Request::get("/openapi.json")).await;
    let tag = whole.headers()["etag"].clone();
    assert!(tag.to_str().unwrap().starts_with("W/\""));
    assert_eq!(whole.headers()["cache-control"], "private, no-cache");
    let whole = bytes(whole).await;
    for encoding in ["identity", "gzip", "zstd"] {
        let request = || Request::get("/openapi.json").header("accept-encoding", encoding);
        let packed = answer(request()).await;
        assert_eq!(packed.headers()["etag"], tag);
        let vary = packed.headers()["vary"].to_str().unwrap().to_owned();
        assert!(vary.contains("accept-encoding"), "{vary}");
        if encoding != "identity" {
            assert_eq!(packed.headers()["content-encoding"], encoding);
            assert!(bytes(packed).await.len() < whole.len() / 2);
        }
        let again = answer(request().header("if-none-match", tag.clone())).await;
        assert_eq!(again.status(), 304);
        assert_eq!(
            (&again.headers()["etag"], &again.headers()["vary"]),
            (&tag, &vary.parse().unwrap())
        );
        assert!(!again.headers().contains_key("content-type"));
        assert!(bytes(again).await.is_empty());
    }
    let changed = answer(Request::get("/openapi.json").header("if-none-match", "W/\"0\"")).await;
    assert_eq!(changed.status(), 200);
}

#[tokio::test]
async fn a_parameter_that_is_not_known_is_refused_on_the_api_alone() {
    let response = answer(Request::get("/api/v1/crashes.csv?stopcode=0x76")).await;
    assert_eq!(response.status(), 400);
    let problem = problem(response).await;
    assert!(problem.detail.contains("stop_code"), "{}", problem.detail);
    // Crash reporters add what they like; without a token they get no further anyway.
    assert_eq!(answer(Request::post("/api/v1/dumps?guid=1")).await.status(), 401);
    assert_eq!(
        answer(Request::get("/crashes?utm_source=mail")).await.status(),
        303
    );
}

#[tokio::test]
async fn a_request_id_that_could_forge_a_log_line_is_replaced() {
    let response = answer(Request::get("/api/v2/x").header("x-request-id", "a b\tc")).await;
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(id.len(), 36);
    assert_eq!(problem(response).await.request_id, id);
}

fn preflight(path: &str) -> axum::http::request::Builder {
    Request::options(path)
        .header("origin", "https://grafana.example.com")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization")
}

#[tokio::test]
async fn other_sites_may_use_the_api_only_if_they_are_named_and_never_the_pages() {
    let allowed = |origin: &'static str| Settings {
        cors_origins: vec![axum::http::HeaderValue::from_static(origin)],
        ..Settings::default()
    };
    let off = answer(preflight("/api/v1/crashes")).await;
    assert_eq!(off.status(), 405);
    assert!(!off.headers().contains_key("access-control-allow-origin"));

    let on = allowed("https://grafana.example.com");
    let response = answer_with(on.clone(), preflight("/api/v1/crashes")).await;
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()["access-control-allow-origin"],
        "https://grafana.example.com"
    );
    assert!(
        !response
            .headers()
            .contains_key("access-control-allow-credentials")
    );
    let headers = response.headers()["access-control-allow-headers"]
        .to_str()
        .unwrap();
    assert!(headers.contains("authorization") && !headers.contains("cookie"));
    // A refusal must be readable too.
    let read = Request::get("/api/v1/crashes").header("origin", "https://grafana.example.com");
    let refused = answer_with(on.clone(), read).await;
    assert_eq!(refused.status(), 401);
    assert!(refused.headers().contains_key("access-control-allow-origin"));

    let other = answer_with(allowed("https://else.example.com"), preflight("/api/v1/crashes")).await;
    assert!(!other.headers().contains_key("access-control-allow-origin"));
    let page = answer_with(on, preflight("/crashes")).await;
    assert!(!page.headers().contains_key("access-control-allow-origin"));
}
