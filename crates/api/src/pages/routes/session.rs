//! `/sign-in` and `/sign-out`.

use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::tokens::Grant;
use store::{Sha256, TokenId, sessions};
use time::Duration;
use wire::token::Scope;

use super::html;
use crate::auth::{
    Caller, Session, Via, by_token, clear_cookie, is_same_site, session_cookie, session_secret,
};
use crate::error::ApiError;
use crate::extract::Query;
use crate::pages::sign_in::{Page, Refusal, way_back};
use crate::state::AppState;
use crate::view;

/// A session ends after a working day.
const SESSION_LASTS: Duration = Duration::hours(12);

/// `?next=` is the page to go back to; `?link=` is a one-time link's secret.
#[derive(Debug, Deserialize)]
pub(super) struct SignInQuery {
    next: Option<String>,
    link: Option<String>,
}

/// Show the form, or sign in by a one-time link.
#[tracing::instrument(name = "http.pages.sign_in_form", skip_all)]
pub(super) async fn form(
    State(state): State<AppState>,
    session: Result<Session, Response>,
    Query(query): Query<SignInQuery>,
) -> Result<Response, ApiError> {
    let next = way_back(query.next.as_deref());
    let Some(link) = query.link else {
        return Ok(html(&Page::new(None, next))?.into_response());
    };
    let mut conn = state.conn().await?;
    let hash = Sha256::of(link.as_bytes());
    match sessions::use_link(&mut conn, hash, state.clock.now()).await? {
        Some(grant) => open(&state, &grant, next).await,
        // Loading the link's address a second time is no reason to sign in again.
        None if session.is_ok() => Ok(Redirect::to(next).into_response()),
        None => refuse(Refusal::Link, next),
    }
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct SignInForm {
    token: String,
    #[serde(default)]
    next: String,
}

/// Sign in with a token.
#[tracing::instrument(name = "http.pages.sign_in", skip_all)]
pub(super) async fn sign_in(
    State(state): State<AppState>,
    (method, uri, headers): (Method, Uri, HeaderMap),
    Form(form): Form<SignInForm>,
) -> Result<Response, ApiError> {
    // Nobody may sign a visitor in to a session of theirs.
    if !is_same_site(&method, &uri, &headers) {
        return Err(ApiError::CrossSite);
    }
    let next = way_back(Some(&form.next));
    match by_token(&state, form.token.trim(), Via::Session).await {
        Ok(caller) if caller.may(Scope::Read) => open(&state, &grant(caller), next).await,
        Ok(_) => refuse(Refusal::Scope, next),
        Err(ApiError::Unauthorized { .. }) => refuse(Refusal::Token, next),
        Err(error) => Err(error),
    }
}

fn grant(caller: Caller) -> Grant {
    Grant {
        token: caller.token_id.map(TokenId),
        scopes: view::token::scope_names(&caller.scopes),
        machine: caller.machine,
    }
}

/// Opens a session and goes on to `next`.
async fn open(state: &AppState, grant: &Grant, next: &str) -> Result<Response, ApiError> {
    let mut conn = state.conn().await?;
    let secret = sessions::open(&mut conn, grant, state.clock.now(), SESSION_LASTS).await?;
    let cookie = session_cookie(secret.expose(), &state.settings)
        .ok_or_else(|| ApiError::internal("a session's secret does not fit a cookie"))?;
    Ok((AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to(next)).into_response())
}

fn refuse(refusal: Refusal, next: &str) -> Result<Response, ApiError> {
    let page = html(&Page::new(Some(refusal), next))?;
    Ok((StatusCode::FORBIDDEN, page).into_response())
}

/// Sign out.
#[tracing::instrument(name = "http.pages.sign_out", skip_all)]
pub(super) async fn sign_out(
    State(state): State<AppState>,
    _session: Session,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if let Some(secret) = session_secret(&headers) {
        let mut conn = state.conn().await?;
        sessions::close(&mut conn, Sha256::of(secret.as_bytes())).await?;
    }
    let forget = AppendHeaders([(header::SET_COOKIE, clear_cookie())]);
    Ok((forget, Redirect::to("/sign-in")).into_response())
}
