//! One span and one log line a request.
//!
//! The query is left out: it may hold a token (`?key=`), and names of machines and processes. Paths stay, although
//! machines' names are in some of them, because without them a log line says nothing; they are at level `debug`.

use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use tracing::Span;

use super::request_id::RequestId;

/// The span of a request: its route and its id.
pub(crate) fn span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let id = request.extensions().get::<RequestId>().map(|id| id.0.as_str());
    tracing::info_span!(
        "http.request",
        http.method = %request.method(),
        http.route = route.unwrap_or("unmatched"),
        request.id = id.unwrap_or_default(),
    )
}

/// Notes the path when a request starts.
pub(crate) fn started(request: &Request, _span: &Span) {
    tracing::debug!(http.path = request.uri().path(), "request started");
}

/// Logs the request when its answer starts.
pub(crate) fn answered(response: &Response, elapsed: Duration, _span: &Span) {
    let status = response.status().as_u16();
    let elapsed_ms = elapsed.as_secs_f64() * 1000.0;
    tracing::info!(http.status = status, elapsed_ms, "request answered");
}
