//! All routes and their layers.

use axum::Router;

use crate::error::ApiError;
use crate::state::AppState;

/// The whole HTTP service: API, documents and pages.
pub fn router(state: AppState) -> Router {
    Router::new()
        .merge(crate::pages::router())
        .fallback(no_such_path)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(axum::middleware::from_fn(crate::middleware::problem::write))
        .layer(axum::middleware::from_fn(crate::middleware::request_id::assign))
        .with_state(state)
}

async fn no_such_path() -> ApiError {
    ApiError::NoSuchPath
}

async fn method_not_allowed() -> ApiError {
    ApiError::MethodNotAllowed
}
