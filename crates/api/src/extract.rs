//! axum's extractors with our error: a bad path, query or JSON body is answered as a problem.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts};
use axum::http::StatusCode;

use crate::error::ApiError;

/// A JSON body.
#[derive(Debug, FromRequest)]
#[from_request(via(axum::Json), rejection(ApiError))]
pub(crate) struct Json<T>(pub(crate) T);

/// The query.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(ApiError))]
pub(crate) struct Query<T>(pub(crate) T);

/// The variable parts of the path.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(ApiError))]
pub(crate) struct Path<T>(pub(crate) T);

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return ApiError::TooLarge {
                what: "the JSON body",
                limit_bytes: JSON_LIMIT_BYTES as u64,
            };
        }
        ApiError::invalid(sentence(rejection.body_text()))
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        ApiError::invalid(sentence(rejection.body_text()))
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        ApiError::invalid(sentence(rejection.body_text()))
    }
}

/// Largest JSON body: an inventory of some hundred drivers with all their fields is below 1 MiB.
pub(crate) const JSON_LIMIT_BYTES: usize = 8 << 20;

/// A rejection's text, cut short: it may quote what the client sent.
fn sentence(mut text: String) -> String {
    const LIMIT: usize = 400;
    if text.len() > LIMIT {
        let end = text.floor_char_boundary(LIMIT);
        text.truncate(end);
        text.push('…');
    }
    text
}
