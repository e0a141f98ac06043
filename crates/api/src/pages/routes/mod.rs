//! The pages' routes: each gathers what its page shows and hands it to the view model.
//!
//! Everything but signing in and the static files needs a session (or a bearer token) with the scope `read`;
//! whoever has none is sent to `/sign-in` with the way back.

mod admin;
mod crashes;
mod experiments;
mod fleet;
mod health;
mod lists;
#[cfg(feature = "oidc")]
mod oidc;
mod session;
mod symbols;
mod upload;

use askama::Template;
use axum::Router;
use axum::response::Html;
use axum::routing::{get, post};
use wire::token::Scope;

use super::assets;
use super::layout::Viewer;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// The routes of all pages and of their static files.
pub(super) fn router() -> Router<AppState> {
    let router = Router::new();
    #[cfg(feature = "oidc")]
    let router = router.merge(oidc::router());
    router
        .route("/", get(fleet::overview))
        .route("/stop-codes/{code}", get(fleet::stop_code))
        .route("/crashes", get(crashes::list))
        .route("/crashes/{id}", get(crashes::one))
        .route("/drivers", get(lists::drivers))
        .route("/drivers/{name}", get(lists::driver))
        .route("/models", get(lists::models))
        .route("/models/{manufacturer}/{model}", get(lists::model))
        .route("/machines", get(lists::machines))
        .route("/machines/{machine}", get(lists::machine))
        .route("/experiments", get(experiments::list).post(experiments::start))
        .route("/experiments/{id}", get(experiments::one))
        .route("/experiments/{id}/cancel", post(experiments::cancel))
        .route("/symbols", get(symbols::show))
        .route("/upload", get(upload::show))
        .route("/health", get(health::show))
        .route("/health/dumps/{id}/retry", post(health::retry_dump))
        .route("/health/jobs/{id}/retry", post(health::retry_job))
        .route("/tokens", get(admin::list_tokens).post(admin::create_token))
        .route("/tokens/{id}/revoke", post(admin::revoke_token))
        .route("/tokens/sessions/{hash}/end", post(admin::end_session))
        .route("/audit", get(admin::list_audit))
        .route("/sign-in", get(session::form).post(session::sign_in))
        .route("/sign-out", post(session::sign_out))
        .route("/static/{file}", get(assets::get))
}

/// The routes of forms with large files, which bring limits and deadlines of their own.
pub(super) fn sending() -> Router<AppState> {
    Router::new()
        .route("/symbols", post(symbols::send))
        .route("/upload", post(upload::send))
}

/// What a page's handler answers.
type Answer = Result<Html<String>, ApiError>;

/// The page as a response.
fn html(page: &impl Template) -> Answer {
    page.render().map(Html).map_err(ApiError::internal)
}

/// The viewer, if the caller may read.
pub(super) fn viewer(caller: &Caller) -> Result<Viewer, ApiError> {
    caller.require(Scope::Read)?;
    Ok(Viewer {
        has_session: caller.session.is_some(),
        may_download: caller.may(Scope::Download),
        may_upload: caller.may(Scope::Upload),
        may_admin: caller.may(Scope::Admin),
    })
}
