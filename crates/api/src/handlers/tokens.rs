//! Access tokens.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use store::{TokenId, audit, enrolment, tokens};
use utoipa::IntoParams;
use uuid::Uuid;
use wire::page::Page;
use wire::problem::Problem;
use wire::token::{CreatedToken, NewToken, Scope, Token};

use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Json, Path, Query};
use crate::intake::machine_name;
use crate::list::ListRequest;
use crate::state::{AppState, commit};
use crate::view;

/// Longest name of a token, in characters.
const MAX_NAME_CHARACTERS: usize = 200;

/// Make a token. Its text is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/tokens", operation_id = "create_token", tag = "tokens", request_body = NewToken,
    responses((status = 201, body = CreatedToken)),
    security(("token" = ["admin"])))]
#[tracing::instrument(name = "http.tokens.create", skip_all)]
pub(crate) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(wish): Json<NewToken>,
) -> Result<Response, ApiError> {
    caller.require(Scope::Admin)?;
    let created = make(&state, &caller, wish).await?;
    let uncached = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, uncached, axum::Json(created)).into_response())
}

/// Makes a token for an administrator, and records it.
///
/// # Errors
///
/// [`ApiError::Invalid`] for a wish that makes no sense, and those of the store.
pub(crate) async fn make(
    state: &AppState,
    caller: &Caller,
    wish: NewToken,
) -> Result<CreatedToken, ApiError> {
    let now = state.clock.now();
    check(&wish, now)?;
    let new = tokens::NewToken {
        name: wish.name,
        scopes: view::token::scope_names(&wish.scopes),
        machine: wish.machine,
        expires_at: wish.expires_at,
    };
    let mut transaction = state.begin().await?;
    let (id, secret) = tokens::create(&mut transaction, &new, now).await?;
    audit::record(&mut transaction, &state.entry(caller, "token.create", &id)).await?;
    commit(transaction).await?;
    Ok(CreatedToken {
        id: id.0,
        token: secret.expose().to_owned(),
    })
}

/// Refuses a wish that makes no sense.
fn check(wish: &NewToken, now: time::OffsetDateTime) -> Result<(), ApiError> {
    if wish.name.trim().is_empty() || wish.name.chars().nth(MAX_NAME_CHARACTERS).is_some() {
        return Err(ApiError::invalid("`name` must have 1 to 200 characters"));
    }
    if wish.scopes.is_empty() {
        return Err(ApiError::invalid(
            "`scopes` is empty; such a token could do nothing",
        ));
    }
    if let Some(machine) = &wish.machine {
        machine_name(machine)?;
    }
    let is_agent = wish.scopes.contains(&Scope::Agent);
    if is_agent != wish.machine.is_some() {
        return Err(ApiError::invalid(
            "the scope `agent` needs a `machine`, and only that scope takes one",
        ));
    }
    if wish.expires_at.is_some_and(|at| at <= now) {
        return Err(ApiError::invalid("`expires_at` is over already"));
    }
    Ok(())
}

/// List tokens, newest first, without their texts.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "tokens",
    params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, content((Page<Token> = "application/json"), (String = "text/csv")))),
    security(("token" = ["admin"])))]
#[tracing::instrument(name = "http.tokens.list", skip_all)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    request: ListRequest,
) -> Result<Response, ApiError> {
    caller.require(Scope::Admin)?;
    let after: Option<Uuid> = request.cursor()?;
    let page = tokens::page(&mut *state.conn().await?, None, after.map(TokenId), request.limit).await?;
    let tokens = page.items.into_iter().map(view::token::token).collect();
    Ok(request.answer(tokens, page.next.map(|next| next.0).as_ref()))
}

/// Get one token, without its text.
#[utoipa::path(get, path = "/api/v1/tokens/{id}", tag = "tokens", params(("id" = Uuid, Path)),
    responses((status = 200, body = Token), (status = 404, body = Problem)),
    security(("token" = ["admin"])))]
#[tracing::instrument(name = "http.tokens.get", skip_all, fields(token.id = %id))]
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<axum::Json<Token>, ApiError> {
    caller.require(Scope::Admin)?;
    let mut conn = state.conn().await?;
    let token = tokens::find(&mut conn, TokenId(id)).await?;
    token
        .map(|token| axum::Json(view::token::token(token)))
        .ok_or_else(|| ApiError::not_found("token", &id))
}

/// Whom a revocation takes along.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RevokeQuery {
    /// Whether the tokens that agents were enrolled with by this one end too; they stay unless it is `true`. Their machines
    /// may enrol again with another token.
    #[serde(default)]
    pub(crate) with_agents: bool,
}

/// Revoke a token and end the sessions that were opened with it.
///
/// Without a usable enrolment token no agent can enrol any more; those that did go on with tokens of their own, unless
/// `with_agents` is set. Revoking the latest token of a machine puts that machine out: it cannot enrol again until an
/// administrator makes a newer one for it.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "tokens", params(("id" = Uuid, Path), RevokeQuery),
    responses((status = 204), (status = 404, body = Problem)),
    security(("token" = ["admin"])))]
#[tracing::instrument(name = "http.tokens.revoke", skip_all, fields(token.id = %id))]
pub(crate) async fn revoke(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<RevokeQuery>,
) -> Result<StatusCode, ApiError> {
    caller.require(Scope::Admin)?;
    let reach = if query.with_agents {
        Reach::WithAgents
    } else {
        Reach::Itself
    };
    end(&state, &caller, id, reach).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a revocation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The token alone.
    Itself,
    /// The token, and those that agents were enrolled with by it.
    WithAgents,
}

/// Revokes a token for an administrator, and records it.
///
/// # Errors
///
/// [`ApiError::NotFound`], and those of the store.
pub(crate) async fn end(state: &AppState, caller: &Caller, id: Uuid, reach: Reach) -> Result<(), ApiError> {
    let mut transaction = state.begin().await?;
    let now = state.clock.now();
    let (revoked, action) = match reach {
        Reach::WithAgents => {
            let ended = enrolment::revoke_with_agents(&mut transaction, TokenId(id), now).await?;
            (ended.map(|_| ()), "token.revoke-with-agents")
        }
        Reach::Itself => {
            let revoked = tokens::revoke(&mut transaction, TokenId(id), now).await?;
            (revoked, "token.revoke")
        }
    };
    revoked.ok_or_else(|| ApiError::not_found("token", &id))?;
    audit::record(&mut transaction, &state.entry(caller, action, &id)).await?;
    commit(transaction).await?;
    state.remembered.forget();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;
    use time::macros::datetime;
    use wire::token::{NewToken, Scope};

    fn wish(scopes: &[Scope], machine: Option<&str>) -> NewToken {
        NewToken {
            name: "ring 1".to_owned(),
            scopes: scopes.to_vec(),
            machine: machine.map(str::to_owned),
            expires_at: None,
        }
    }

    #[test]
    fn an_agent_token_is_for_exactly_one_machine() {
        let now = datetime!(2026-11-22 16:00 UTC);
        assert!(check(&wish(&[Scope::Agent], Some("m1")), now).is_ok());
        assert!(check(&wish(&[Scope::Agent], None), now).is_err());
        assert!(check(&wish(&[Scope::Read], Some("m1")), now).is_err());
        assert!(check(&wish(&[], None), now).is_err());
    }
}
