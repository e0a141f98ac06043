//! `/tokens` and `/audit`, for administrators.
//!
//! As on `/health`, a form posts with the session cookie, and [`Session`] refuses what does not come from our own pages.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::tokens::Kind;
use store::{Sha256, TokenId, audit as record, sessions, tokens as stored};
use time::Duration;
use uuid::Uuid;
use wire::token::{NewToken, Scope};

use super::{html, viewer};
use crate::auth::{Caller, Session};
use crate::error::ApiError;
use crate::extract::{Path, Query};
use crate::handlers::audit::{self as api, AuditQuery};
use crate::handlers::tokens;
use crate::list::{ListRequest, opaque_cursor};
use crate::pages::audit;
use crate::pages::tokens::{Done, Facts, Form, MOST_SESSIONS, Page, SignedIn, Token};
use crate::state::{AppState, commit};
use crate::view;

/// Tokens on the page that shows the form again.
const FIRST_PAGE: u32 = 50;

/// Whose tokens are listed, and what was just done.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TokensQuery {
    of: String,
    done: String,
}

/// Show the tokens, and the form to make one.
#[tracing::instrument(name = "http.pages.tokens", skip_all)]
pub(super) async fn list_tokens(
    State(state): State<AppState>,
    Session(caller): Session,
    request: ListRequest,
    Query(query): Query<TokensQuery>,
) -> Result<Response, ApiError> {
    caller.require(Scope::Admin)?;
    let after: Option<Uuid> = request.cursor()?;
    let kind = if query.of == "agents" {
        Kind::Enrolled
    } else {
        Kind::Made
    };
    let mut facts = gather(&state, &caller, kind, after, request.limit).await?;
    facts.done = match query.done.as_str() {
        "revoked" => Some(Done::Revoked),
        "ended" => Some(Done::Ended),
        _ => None,
    };
    facts.form = Form::read(&[]);
    page(StatusCode::OK, &caller, &facts)
}

async fn gather(
    state: &AppState,
    caller: &Caller,
    kind: Kind,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Facts, ApiError> {
    let now = state.clock.now();
    let mut conn = state.conn().await?;
    let page = stored::page(&mut conn, Some(kind), after.map(TokenId), limit).await?;
    let open = sessions::open_now(&mut conn, now, MOST_SESSIONS).await?;
    Ok(Facts {
        sessions: open
            .into_iter()
            .map(|session| signed_in(session, caller.session))
            .collect(),
        tokens: page
            .items
            .into_iter()
            .map(|token| shown(token, caller.token_id))
            .collect(),
        next_cursor: page.next.map(|next| opaque_cursor(&next.0)),
        of_agents: kind == Kind::Enrolled,
        turned: after.is_some(),
        now: Some(now),
        ..Facts::default()
    })
}

fn shown(token: stored::Token, own: Option<Uuid>) -> Token {
    Token {
        id: token.id.0,
        name: token.name,
        scopes: view::token::scopes(&token.scopes),
        machine: token.machine,
        created_at: token.created_at,
        last_used_at: token.last_used_at,
        expires_at: token.expires_at,
        revoked_at: token.revoked_at,
        own: own == Some(token.id.0),
    }
}

fn signed_in(session: sessions::Open, here: Option<Sha256>) -> SignedIn {
    SignedIn {
        hash: session.hash.to_string(),
        token: session.token_name,
        actor: session.actor,
        scopes: view::token::scopes(&session.scopes),
        since: session.created_at,
        until: session.expires_at,
        own: here == Some(session.hash),
    }
}

/// Make a token as the form says, and show its text; or the form again with what was wrong.
#[tracing::instrument(name = "http.pages.create_token", skip_all)]
pub(super) async fn create_token(
    State(state): State<AppState>,
    Session(caller): Session,
    axum::Form(pairs): axum::Form<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    caller.require(Scope::Admin)?;
    let form = Form::read(&pairs);
    let days = Some(form.days).filter(|&days| days > 0);
    let wish = NewToken {
        name: form.name.clone(),
        scopes: form.scopes.clone(),
        machine: Some(form.machine.clone()).filter(|machine| !machine.is_empty()),
        expires_at: days.map(|days| state.clock.now() + Duration::days(days.into())),
    };
    let made = tokens::make(&state, &caller, wish).await;
    let mut facts = gather(&state, &caller, Kind::Made, None, FIRST_PAGE).await?;
    match made {
        Ok(made) => {
            facts.made = Some(made.token);
            facts.form = Form::read(&[]);
            page(StatusCode::CREATED, &caller, &facts)
        }
        Err(error @ ApiError::Invalid { .. }) => {
            facts.problem = Some(error.to_string());
            facts.form = form;
            page(error.status(), &caller, &facts)
        }
        Err(error) => Err(error),
    }
}

fn page(status: StatusCode, caller: &Caller, facts: &Facts) -> Result<Response, ApiError> {
    let viewer = viewer(caller)?;
    // Neither the page with a token's text nor any other of these is kept.
    let uncached = [(header::CACHE_CONTROL, "no-store")];
    Ok((status, uncached, html(&Page::new(facts, Some(&viewer)))?).into_response())
}

/// Whether the tokens of a token's agents end too.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RevokeForm {
    with_agents: String,
}

/// Revoke a token.
#[tracing::instrument(name = "http.pages.revoke_token", skip_all, fields(token.id = %id))]
pub(super) async fn revoke_token(
    State(state): State<AppState>,
    Session(caller): Session,
    Path(id): Path<Uuid>,
    axum::Form(form): axum::Form<RevokeForm>,
) -> Result<Redirect, ApiError> {
    caller.require(Scope::Admin)?;
    let reach = if form.with_agents == "true" {
        tokens::Reach::WithAgents
    } else {
        tokens::Reach::Itself
    };
    tokens::end(&state, &caller, id, reach).await?;
    Ok(Redirect::to("/tokens?done=revoked"))
}

/// End somebody's session: a second try finds it ended.
#[tracing::instrument(name = "http.pages.end_session", skip_all)]
pub(super) async fn end_session(
    State(state): State<AppState>,
    Session(caller): Session,
    Path(hash): Path<String>,
) -> Result<Redirect, ApiError> {
    caller.require(Scope::Admin)?;
    let hash = Sha256::from_hex(&hash).ok_or(ApiError::NoSuchPath)?;
    let mut transaction = state.begin().await?;
    if let Some(ended) = sessions::close(&mut transaction, hash).await? {
        record::record(&mut transaction, &state.entry(&caller, "session.end", &ended)).await?;
        commit(transaction).await?;
    }
    Ok(Redirect::to("/tokens?done=ended#sessions"))
}

/// Show who did what.
#[tracing::instrument(name = "http.pages.audit", skip_all)]
pub(super) async fn list_audit(
    State(state): State<AppState>,
    Session(caller): Session,
    request: ListRequest,
    // The same query twice: as the filter it means, and as the form shows it again.
    (Query(filter), Query(query)): (Query<AuditQuery>, Query<audit::Query>),
) -> Result<Response, ApiError> {
    caller.require(Scope::Admin)?;
    let mut facts = audit::Facts {
        query,
        ..audit::Facts::default()
    };
    let status = match fill(&state, &mut facts, &request, filter).await {
        Ok(()) => StatusCode::OK,
        // The form is shown again, with what was wrong.
        Err(error @ ApiError::Invalid { .. }) => {
            facts.problem = Some(error.to_string());
            StatusCode::BAD_REQUEST
        }
        Err(error) => return Err(error),
    };
    let page = html(&audit::Page::new(&facts, Some(&viewer(&caller)?)))?;
    Ok((status, page).into_response())
}

async fn fill(
    state: &AppState,
    facts: &mut audit::Facts,
    request: &ListRequest,
    query: AuditQuery,
) -> Result<(), ApiError> {
    let filter = query.filter()?;
    let after = request.cursor::<api::Key>()?.map(api::cursor).transpose()?;
    let page = record::list(&mut *state.conn().await?, &filter, after, request.limit).await?;
    facts.entries = page.items.into_iter().map(view::audit::entry).collect();
    facts.next_cursor = page.next.map(|next| opaque_cursor(&api::key(next)));
    Ok(())
}
