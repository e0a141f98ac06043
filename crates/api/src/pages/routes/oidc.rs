//! `/sign-in/oidc`: to the OpenID Connect provider and back.
//!
//! An attempt lives in a cookie of its own, with the page to go to afterwards; the server keeps nothing until the
//! browser is back and the provider has said who sits there.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::routing::get;
use oidc::{Attempt, Error, Identity, Provider, Return, scopes_of};
use serde::Deserialize;
use store::audit::Who;
use store::tokens::Grant;
use wire::token::Scope;

use super::session::{open, refuse};
use crate::auth::{Visitor, attempt_cookie, clear_attempt_cookie, kept_attempt};
use crate::error::ApiError;
use crate::extract::Query;
use crate::pages::sign_in::{Refusal, way_back};
use crate::state::AppState;
use crate::view::token::scope_names;

/// Where the provider sends browsers back to; it has to be told there.
const RETURN_PATH: &str = "/sign-in/oidc/callback";

/// The routes of this way to sign in.
pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/sign-in/oidc", get(begin))
        .route(RETURN_PATH, get(finish))
}

/// `?next=` is the page to go back to.
#[derive(Debug, Deserialize)]
struct BeginQuery {
    next: Option<String>,
}

/// Send the browser to the provider.
#[tracing::instrument(name = "http.pages.oidc_begin", skip_all)]
async fn begin(
    State(state): State<AppState>,
    headers: HeaderMap,
    Query(query): Query<BeginQuery>,
) -> Result<Response, ApiError> {
    let provider = provider(&state)?;
    let next = way_back(query.next.as_deref());
    let attempt = Attempt::new().map_err(ApiError::internal)?;
    let there = match provider.begin(&attempt, &return_to(&state, &headers)).await {
        Ok(there) => there,
        Err(error) => return refuse(&state, Who::default(), refusal(&error), next).await,
    };
    let cookie = attempt_cookie(&attempt.expose(), next, &state.settings)
        .ok_or_else(|| ApiError::internal("an attempt does not fit a cookie"))?;
    Ok((
        AppendHeaders([(header::SET_COOKIE, cookie)]),
        Redirect::to(&there),
    )
        .into_response())
}

/// Sign in whom the provider has sent back.
#[tracing::instrument(name = "http.pages.oidc_finish", skip_all)]
async fn finish(
    State(state): State<AppState>,
    visitor: Visitor,
    headers: HeaderMap,
    Query(back): Query<Return>,
) -> Result<Response, ApiError> {
    let provider = provider(&state)?;
    visitor.may_try(&state).await?;
    let (attempt, next) = kept_attempt(&headers).unwrap_or_default();
    let next = way_back(Some(&next));
    let found = match Attempt::read(attempt) {
        Some(attempt) => {
            provider
                .identify(&attempt, &back, &return_to(&state, &headers))
                .await
        }
        None => Err(Error::NotBegunHere),
    };
    let answer = match found {
        Ok(identity) => let_in(&state, provider, identity, next).await?,
        Err(error) => {
            let refusal = refusal(&error);
            if refusal != Refusal::NoAnswer {
                visitor
                    .was_wrong(&state, back.code.as_deref().unwrap_or_default())
                    .await;
            }
            refuse(&state, Who::default(), refusal, next).await?
        }
    };
    Ok((
        AppendHeaders([(header::SET_COOKIE, clear_attempt_cookie())]),
        answer,
    )
        .into_response())
}

async fn let_in(
    state: &AppState,
    provider: &Provider,
    identity: Identity,
    next: &str,
) -> Result<Response, ApiError> {
    let actor = identity.actor();
    let scopes = scopes_of(&provider.config().roles, &identity.roles);
    if !scopes
        .iter()
        .any(|scope| matches!(scope, Scope::Read | Scope::Admin))
    {
        tracing::info!(actor, roles = ?identity.roles, "nobody has said what these roles may do");
        let who = Who {
            token: None,
            actor: Some(&actor),
        };
        return refuse(state, who, Refusal::Role, next).await;
    }
    let grant = Grant {
        token: None,
        scopes: scope_names(&scopes),
        machine: None,
        actor: Some(actor),
    };
    open(state, &grant, "single sign-on", next).await
}

/// Why somebody was not let in; the operator finds the whole of it in the log.
fn refusal(error: &Error) -> Refusal {
    tracing::warn!(error = %error, "nobody was signed in by the provider");
    match error {
        Error::NotBegunHere => Refusal::NotBegunHere,
        Error::Refused(_) => Refusal::Provider,
        Error::NoRandomness | Error::Unreachable { .. } => Refusal::NoAnswer,
        Error::Unusable { .. } | Error::IdToken(_) => Refusal::Answer,
    }
}

fn provider(state: &AppState) -> Result<&Provider, ApiError> {
    state.settings.single_sign_on.as_ref().ok_or(ApiError::NoSuchPath)
}

fn return_to(state: &AppState, headers: &HeaderMap) -> String {
    format!("{}{RETURN_PATH}", state.address(headers))
}
