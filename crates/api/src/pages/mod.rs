//! The dashboard: pages rendered on the server.

mod assets;
mod audit;
mod charts;
mod crash;
mod crashes;
mod driver;
mod drivers;
mod experiments;
mod health;
mod layout;
mod machines;
mod models;
mod overview;
mod problem;
mod rates;
mod routes;
mod show;
mod sign_in;
mod stop_code;
mod symbols;
mod tokens;
mod upload;
mod verdict;
mod words;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

use askama::Template;
use axum::Router;
use wire::problem::Problem;

use crate::auth::Caller;
use crate::state::AppState;

/// The routes of all pages and of their static files.
pub fn router() -> Router<AppState> {
    routes::router()
}

/// The routes of pages that take large bodies.
pub(crate) fn sending() -> Router<AppState> {
    routes::sending()
}

/// The HTML page for a failed request that a browser of `caller` made, or `None` to answer with JSON.
pub(crate) fn error_page(problem: &Problem, caller: Option<&Caller>) -> Option<String> {
    let viewer = caller.and_then(|caller| routes::viewer(caller).ok());
    problem::Page::new(problem, viewer.as_ref()).render().ok()
}
