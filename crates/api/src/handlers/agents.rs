//! What agents tell once a day, what they are asked to do, and what they may ask.

use axum::extract::State;
use axum::http::StatusCode;
use store::experiments::{self, Asked};
use store::{MachineId, Sha256, agents, dumps};
use wire::policy::{CheckIn, Policy};
use wire::token::Scope;

use super::inventory::check_days;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Json, Path};
use crate::intake::machine_name;
use crate::state::{AppState, commit};

/// Longest version of an agent, in bytes.
const MAX_VERSION_BYTES: usize = 40;

/// How long after a check-in the next one is due when nothing happens.
const CHECK_IN_SECONDS: u64 = 24 * 60 * 60;

/// Tell that an agent is there: the one request of a day on which nothing happened. The days count as presence.
#[utoipa::path(post, path = "/api/v1/machines/{machine}/check-in", tag = "agents",
    params(("machine" = String, Path)), request_body = CheckIn,
    responses((status = 200, body = Policy)),
    security(("token" = ["agent"])))]
#[tracing::instrument(name = "http.agents.check_in", skip_all)]
pub(crate) async fn check_in(
    State(state): State<AppState>,
    caller: Caller,
    Path(machine): Path<String>,
    Json(told): Json<CheckIn>,
) -> Result<axum::Json<Policy>, ApiError> {
    caller.write_for(Some(&machine))?;
    let machine = machine_name(&machine)?;
    let now = state.clock.now();
    check_days(&told.days, now)?;
    let told = agents::CheckIn {
        agent_version: agent_version(&told.agent_version)?.to_owned(),
        days: told.days,
        started_at: told.started_at,
        may_track_locked_pages: told.may_track_locked_pages,
        locked_pages: told.locked_pages.map(|pages| agents::LockedPages {
            set: pages.set,
            in_force_since: pages.in_force_since,
            trouble: pages.trouble,
        }),
    };
    let mut transaction = state.begin().await?;
    agents::check_in(&mut transaction, machine, &told, now).await?;
    let asked = experiments::asked(&mut transaction, MachineId::of(machine), now).await?;
    commit(transaction).await?;
    Ok(axum::Json(answer(&state, asked)))
}

/// The version of an agent, if it can be one.
///
/// # Errors
///
/// [`ApiError::Invalid`] if it is empty, too long, or more than letters, digits and `.+-_`.
pub(super) fn agent_version(text: &str) -> Result<&str, ApiError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".+-_".contains(&byte);
    if (1..=MAX_VERSION_BYTES).contains(&text.len()) && text.bytes().all(is_plain) {
        Ok(text)
    } else {
        Err(ApiError::invalid(
            "`agent_version` must have 1 to 40 letters, digits, or characters of `.+-_`",
        ))
    }
}

/// Get what the agent of a machine is asked to do.
#[utoipa::path(get, path = "/api/v1/machines/{machine}/policy", operation_id = "get_machine_policy", tag = "agents", params(("machine" = String, Path)),
    responses((status = 200, body = Policy)),
    security(("token" = ["agent"])))]
#[tracing::instrument(name = "http.agents.policy", skip_all)]
pub(crate) async fn policy(
    State(state): State<AppState>,
    caller: Caller,
    Path(machine): Path<String>,
) -> Result<axum::Json<Policy>, ApiError> {
    if !caller.may(Scope::Read) {
        caller.write_for(Some(&machine))?;
    }
    let machine = machine_name(&machine)?;
    let mut conn = state.conn().await?;
    let asked = experiments::asked(&mut conn, MachineId::of(machine), state.clock.now()).await?;
    Ok(axum::Json(answer(&state, asked)))
}

fn answer(state: &AppState, asked: Option<Asked>) -> Policy {
    Policy {
        upload_interval_seconds: state.settings.upload_interval.as_secs(),
        check_in_seconds: CHECK_IN_SECONDS,
        wants_full_dumps: state.settings.wants_full_dumps,
        track_locked_pages: asked.is_some(),
        track_locked_pages_until: asked.map(|asked| asked.until),
        experiment: asked.map(|asked| asked.experiment.0),
    }
}

/// Ask whether a dump is known, by the SHA-256 of its plain bytes.
///
/// A token that is bound to a machine learns of that machine's dumps only.
#[utoipa::path(head, path = "/api/v1/machines/{machine}/dumps/{sha256}", tag = "agents",
    params(("machine" = String, Path), ("sha256" = String, Path)),
    responses((status = 200, description = "Known"), (status = 404, description = "Not known"),
        (status = 403, description = "The token is for another machine")),
    security(("token" = ["agent"])))]
#[tracing::instrument(name = "http.agents.has_dump", skip_all)]
pub(crate) async fn has_dump(
    State(state): State<AppState>,
    caller: Caller,
    Path((machine, sha256)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    caller.write_for(Some(&machine))?;
    let machine = machine_name(&machine)?;
    let hash = Sha256::from_hex(&sha256)
        .ok_or_else(|| ApiError::invalid("a SHA-256 is written as 64 hex digits"))?;
    let own = (!caller.may(Scope::Upload)).then(|| MachineId::of(machine));
    let mut conn = state.conn().await?;
    if dumps::is_known(&mut conn, hash, own).await? {
        Ok(StatusCode::OK)
    } else {
        Err(ApiError::not_found("dump", &sha256))
    }
}

#[cfg(test)]
mod tests {
    use super::agent_version;

    #[test]
    fn a_version_is_short_and_plain() {
        assert!(agent_version("0.1.0-rc.1+7").is_ok());
        for wrong in ["", "1 2", "<b>", &"1".repeat(41)] {
            assert!(agent_version(wrong).is_err(), "{wrong}");
        }
    }
}
