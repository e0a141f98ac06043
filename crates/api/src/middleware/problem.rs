//! Writes the body of every failed request: RFC 9457, with the request's id.
//!
//! Failures come as the error of a handler, or as a bare status with at most a line of text (axum's own
//! rejections, timeouts). Pages fail with their own HTML, which passes untouched. What is the server's own fault
//! is logged here, once, with its whole chain.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::response::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use tokio::time::timeout;
use wire::problem::Problem;

use super::request_id::RequestId;
use crate::auth::{Caller, by_session, session_secret};
use crate::error::{ApiError, Failure, chain};
use crate::problem_types;
use crate::state::AppState;

/// The media type of problems.
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// How long the page of a failure waits to know who looks at it.
const PATIENCE: Duration = Duration::from_millis(500);

/// The layer.
pub(crate) async fn write(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let id = request
        .extensions()
        .get::<RequestId>()
        .map(|id| id.0.clone())
        .unwrap_or_default();
    let wants_page = wants_page(request.uri().path(), request.headers());
    let session = session_secret(request.headers()).map(str::to_owned);
    let response = next.run(request).await;
    let (parts, body) = response.into_parts();
    let Some(problem) = problem(&parts, id) else {
        return Response::from_parts(parts, body);
    };
    let problem = match problem {
        Found::Whole(problem) => problem,
        Found::TextInBody(problem) => with_text(problem, body).await,
    };
    if !wants_page {
        return with_json(parts, &problem);
    }
    let caller = match session {
        Some(secret) => signed_in(&state, &secret).await,
        None => None,
    };
    with_page(parts, &problem, caller.as_ref())
}

/// Who looks at the page of a failure, if that is known soon: what failed may be the database.
async fn signed_in(state: &AppState, secret: &str) -> Option<Caller> {
    timeout(PATIENCE, by_session(state, secret)).await.ok()?.ok()
}

/// What is known of a failed response before its body is read.
enum Found {
    /// Everything.
    Whole(Problem),
    /// All but the detail.
    TextInBody(Problem),
}

fn problem(parts: &Parts, request_id: String) -> Option<Found> {
    if let Some(Failure(error)) = parts.extensions.get::<Failure>() {
        // Not being ready yet is no failure, and its answer says when to come again.
        if error.status().is_server_error() && !matches!(**error, ApiError::NotReady { .. }) {
            tracing::error!(error = %chain(error.as_ref()), error.kind = error.problem_type().word, "request failed");
        }
        let kind = error.problem_type();
        return Some(Found::Whole(Problem {
            kind: kind.word.to_owned(),
            title: kind.title.to_owned(),
            status: kind.status.as_u16(),
            detail: error.to_string(),
            request_id,
        }));
    }
    let is_error = parts.status.is_client_error() || parts.status.is_server_error();
    let bare = parts
        .headers
        .get(header::CONTENT_TYPE)
        .is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    (is_error && bare).then(|| Found::TextInBody(of_status(parts, request_id)))
}

/// The problem that a bare status means.
fn of_status(parts: &axum::http::response::Parts, request_id: String) -> Problem {
    let kind = match parts.status {
        StatusCode::BAD_REQUEST => Some(problem_types::INVALID_REQUEST),
        StatusCode::PAYLOAD_TOO_LARGE => Some(problem_types::TOO_LARGE),
        // Who cannot decode a body says what it can.
        StatusCode::UNSUPPORTED_MEDIA_TYPE if parts.headers.contains_key(header::ACCEPT_ENCODING) => {
            Some(problem_types::UNSUPPORTED_ENCODING)
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Some(problem_types::UNSUPPORTED_MEDIA_TYPE),
        StatusCode::SERVICE_UNAVAILABLE => Some(problem_types::DEADLINE),
        _ => None,
    };
    let phrase = parts.status.canonical_reason().unwrap_or("Error");
    Problem {
        // As RFC 9457 has it for a problem that is no more than its status.
        kind: kind.map_or("about:blank", |kind| kind.word).to_owned(),
        title: kind.map_or(phrase, |kind| kind.title).to_owned(),
        status: parts.status.as_u16(),
        detail: kind.map_or(phrase, |kind| kind.example).to_owned(),
        request_id,
    }
}

/// Takes a client error's line of text as the detail; a server error's text stays inside.
async fn with_text(mut problem: Problem, body: Body) -> Problem {
    const LIMIT_BYTES: usize = 1024;
    let is_server_error = StatusCode::from_u16(problem.status).is_ok_and(|status| status.is_server_error());
    if let Ok(text) = to_bytes(body, LIMIT_BYTES).await
        && let Ok(text) = std::str::from_utf8(&text)
        && !text.is_empty()
        && !is_server_error
    {
        text.clone_into(&mut problem.detail);
    }
    problem
}

/// The response with its body written anew as a page for `caller`.
fn with_page(mut parts: Parts, problem: &Problem, caller: Option<&Caller>) -> Response {
    let Some(page) = crate::pages::error_page(problem, caller) else {
        return with_json(parts, problem);
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::CONTENT_TYPE);
    (parts.status, parts.headers, Html(page)).into_response()
}

/// The response with its body written anew as JSON.
fn with_json(mut parts: Parts, problem: &Problem) -> Response {
    let body = serde_json::to_vec(problem).unwrap_or_default();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
    Response::from_parts(parts, Body::from(body))
}

/// Whether a person with a browser is at the other end and asks for something that is not the API.
fn wants_page(path: &str, headers: &HeaderMap) -> bool {
    let accepts_html = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    accepts_html && !path.starts_with("/api/")
}
