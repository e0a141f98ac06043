//! A handler that panics: a bug of ours, answered as one.

use std::any::Any;

use axum::response::{IntoResponse, Response};

use crate::error::ApiError;

/// The answer; its log line has the panic's text.
#[expect(clippy::needless_pass_by_value, reason = "the layer gives the panic away")]
pub(crate) fn answer(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a text");
    ApiError::internal(format!("a handler panicked: {text}")).into_response()
}
