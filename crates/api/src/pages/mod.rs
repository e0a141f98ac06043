//! The dashboard: pages rendered on the server.

use axum::Router;
use wire::problem::Problem;

use crate::state::AppState;

/// The routes of all pages and of their static files.
pub fn router() -> Router<AppState> {
    Router::new()
}

/// The HTML page for a failed request that a browser made, or `None` to answer with JSON.
pub(crate) fn error_page(_problem: &Problem) -> Option<String> {
    None
}
