//! How a machine's agent gets a token of its own, and how an administrator takes it away.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use store::enrolment::{self, Enrolment as Outcome};
use store::{TokenId, audit};
use wire::policy::{Enrolled, Enrolment};
use wire::problem::Problem;
use wire::token::Scope;

use super::agents::agent_version;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Json, Path};
use crate::intake::machine_name;
use crate::state::{AppState, commit};

/// Exchange an enrolment token for a token of one machine's agent. Its text is in this answer and nowhere else.
///
/// The token can write that machine's data and read nothing but its policy. Earlier tokens that the machine was enrolled
/// with end.
#[utoipa::path(post, path = "/api/v1/machines/{machine}/enrolment", operation_id = "enrol_machine", tag = "agents",
    params(("machine" = String, Path)), request_body = Enrolment,
    responses((status = 201, body = Enrolled),
        (status = 403, body = Problem,
            description = "`machine-revoked`: an administrator revoked the machine's latest token and has made no newer one")),
    security(("token" = ["upload"])))]
#[tracing::instrument(name = "http.enrolment.enrol", skip_all)]
pub(crate) async fn enrol(
    State(state): State<AppState>,
    caller: Caller,
    Path(machine): Path<String>,
    Json(wish): Json<Enrolment>,
) -> Result<Response, ApiError> {
    caller.require(Scope::Upload)?;
    let Some(enrolled_by) = caller.token_id.map(TokenId) else {
        return Err(ApiError::Forbidden { needs: Scope::Upload });
    };
    let machine = machine_name(&machine)?;
    let version = agent_version(&wish.agent_version)?;
    let mut transaction = state.begin().await?;
    let outcome =
        enrolment::enrol(&mut transaction, machine, enrolled_by, version, state.clock.now()).await?;
    let (id, secret) = match outcome {
        Outcome::Enrolled(id, secret) => (id, secret),
        Outcome::MachineRevoked => return Err(ApiError::MachineRevoked),
        Outcome::EnrolmentRevoked => {
            return Err(ApiError::Unauthorized {
                detail: "the token is unknown, expired or revoked",
            });
        }
    };
    audit::record(&mut transaction, &state.entry(&caller, "machine.enrol", &id)).await?;
    commit(transaction).await?;
    state.remembered.forget();
    let enrolled = Enrolled {
        machine: machine.to_owned(),
        token: secret.expose().to_owned(),
    };
    let uncached = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, uncached, axum::Json(enrolled)).into_response())
}

/// Put a machine out: all its tokens end, and it cannot enrol again until an administrator makes a newer one for it.
#[utoipa::path(delete, path = "/api/v1/machines/{machine}/enrolment", operation_id = "revoke_machine", tag = "agents",
    params(("machine" = String, Path)),
    responses((status = 204),
        (status = 404, body = Problem, description = "The machine never had a token")),
    security(("token" = ["admin"])))]
#[tracing::instrument(name = "http.enrolment.revoke", skip_all)]
pub(crate) async fn revoke(
    State(state): State<AppState>,
    caller: Caller,
    Path(machine): Path<String>,
) -> Result<StatusCode, ApiError> {
    caller.require(Scope::Admin)?;
    let mut transaction = state.begin().await?;
    let revoked = enrolment::revoke_machine(&mut transaction, &machine, state.clock.now()).await?;
    revoked.ok_or_else(|| ApiError::not_found("token of the machine", &machine))?;
    audit::record(
        &mut transaction,
        &state.entry(&caller, "machine.revoke", &machine),
    )
    .await?;
    commit(transaction).await?;
    state.remembered.forget();
    Ok(StatusCode::NO_CONTENT)
}
