//! `/sign-in` and `/sign-out`.

use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::audit::{self, SignIn, Who};
use store::tokens::Grant;
use store::{TokenId, sessions};
use time::Duration;
use wire::token::Scope;

use super::{Answer, html};
use crate::auth::{Caller, Session, Visitor, clear_cookie, is_same_site, session_cookie};
use crate::error::ApiError;
use crate::extract::Query;
use crate::pages::sign_in::{LinkPage, Page, Refusal, way_back};
use crate::state::{AppState, commit};
use crate::view;

/// A session ends after a working day.
const SESSION_LASTS: Duration = Duration::hours(12);

/// `?next=` is the page to go back to; `?link=` is a one-time link's secret.
#[derive(Debug, Deserialize)]
pub(super) struct SignInQuery {
    next: Option<String>,
    link: Option<String>,
}

/// Show the form for a token, or the button of a one-time link.
///
/// Looking at a link does not use it up: programs that show a preview of it, or test it for malware, look at it too.
#[tracing::instrument(name = "http.pages.sign_in_form", skip_all)]
pub(super) async fn form(State(state): State<AppState>, Query(query): Query<SignInQuery>) -> Answer {
    let next = way_back(query.next.as_deref());
    match query.link {
        Some(link) => html(&LinkPage::new(&link, next)),
        None => html(&Page::new(None, next, state.settings.single_sign_on_name())),
    }
}

/// What the forms send: one of the two.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SignInForm {
    token: String,
    link: String,
    next: String,
}

/// Sign in with a token, or by a one-time link.
#[tracing::instrument(name = "http.pages.sign_in", skip_all)]
pub(super) async fn sign_in(
    State(state): State<AppState>,
    (visitor, session): (Visitor, Result<Session, Response>),
    (method, uri, headers): (Method, Uri, HeaderMap),
    Form(form): Form<SignInForm>,
) -> Result<Response, ApiError> {
    // Nobody may sign a visitor in to a session of theirs.
    if !is_same_site(&method, &uri, &headers) {
        return Err(ApiError::CrossSite);
    }
    let next = way_back(Some(&form.next));
    if !form.link.is_empty() {
        return by_link(&state, &visitor, &form.link, session.is_ok(), next).await;
    }
    match visitor.by_token(&state, form.token.trim()).await {
        Ok(caller) if caller.may(Scope::Read) => open(&state, &grant(caller), "token", next).await,
        Ok(caller) => {
            let who = Who {
                token: caller.token_id.map(TokenId),
                actor: None,
            };
            refuse(&state, who, Refusal::Scope, next).await
        }
        Err(ApiError::Unauthorized { .. }) => refuse(&state, Who::default(), Refusal::Token, next).await,
        Err(error) => Err(error),
    }
}

async fn by_link(
    state: &AppState,
    visitor: &Visitor,
    link: &str,
    has_session: bool,
    next: &str,
) -> Result<Response, ApiError> {
    match visitor.by_link(state, link).await? {
        Some(grant) => open(state, &grant, "link", next).await,
        // Pressing the button a second time is no reason to sign in again.
        None if has_session => Ok(Redirect::to(next).into_response()),
        None => refuse(state, Who::default(), Refusal::Link, next).await,
    }
}

fn grant(caller: Caller) -> Grant {
    Grant {
        token: caller.token_id.map(TokenId),
        scopes: view::token::scope_names(&caller.scopes),
        machine: caller.machine,
        actor: caller.actor,
    }
}

/// Opens a session that was proved in the way `by`, and goes on to `next`.
pub(super) async fn open(
    state: &AppState,
    grant: &Grant,
    by: &'static str,
    next: &str,
) -> Result<Response, ApiError> {
    let now = state.clock.now();
    let mut transaction = state.begin().await?;
    let secret = sessions::open(&mut transaction, grant, now, SESSION_LASTS).await?;
    let who = Who {
        token: grant.token,
        actor: grant.actor.as_deref(),
    };
    audit::sign_in(&mut transaction, SignIn::Accepted, who, by, now).await?;
    commit(transaction).await?;
    let cookie = session_cookie(secret.expose(), &state.settings)
        .ok_or_else(|| ApiError::internal("a session's secret does not fit a cookie"))?;
    Ok((AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to(next)).into_response())
}

/// Refuses the token or the person that somebody showed, with the page to try again on.
pub(super) async fn refuse(
    state: &AppState,
    who: Who<'_>,
    refusal: Refusal,
    next: &str,
) -> Result<Response, ApiError> {
    let mut conn = state.conn().await?;
    audit::sign_in(
        &mut conn,
        SignIn::Refused,
        who,
        refusal.reason(),
        state.clock.now(),
    )
    .await?;
    drop(conn);
    let page = html(&Page::new(
        Some(refusal),
        next,
        state.settings.single_sign_on_name(),
    ))?;
    let status = if refusal == Refusal::NoAnswer {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::FORBIDDEN
    };
    Ok((status, page).into_response())
}

/// Sign out.
#[tracing::instrument(name = "http.pages.sign_out", skip_all)]
pub(super) async fn sign_out(
    State(state): State<AppState>,
    Session(caller): Session,
) -> Result<Response, ApiError> {
    if let Some(session) = caller.session {
        let mut conn = state.conn().await?;
        sessions::close(&mut conn, session).await?;
    }
    let forget = AppendHeaders([(header::SET_COOKIE, clear_cookie())]);
    Ok((forget, Redirect::to("/sign-in")).into_response())
}
