//! `/upload`, and the form on it.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::{DumpId, dumps};
use wire::StopCodeNumber;
use wire::dump::UploadedDumps;
use wire::token::Scope;

use super::{html, viewer};
use crate::auth::{Caller, Session};
use crate::error::ApiError;
use crate::extract::Query;
use crate::handlers::uploads::keep;
use crate::intake;
use crate::pages::upload::{Facts, MOST_SHOWN, Page, Sent, Stands, address, ids};
use crate::state::AppState;

/// The form's field for the machine.
const MACHINE_FIELD: &str = "machine";

/// `?dumps=id,id` shows what became of them, `&known=id` which of them the server had before; `?machine=` fills the
/// field in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct UploadQuery {
    dumps: String,
    known: Option<String>,
    machine: String,
}

/// Show the form, and what became of dumps that were sent.
#[tracing::instrument(name = "http.pages.upload", skip_all)]
pub(super) async fn show(
    State(state): State<AppState>,
    Session(caller): Session,
    Query(query): Query<UploadQuery>,
) -> Result<Response, ApiError> {
    let mut facts = facts(&state, &caller, query.machine);
    facts.sent = outcomes(&state, &ids(&query.dumps)).await?;
    if let Some(known) = query.known.as_deref().map(ids) {
        for sent in &mut facts.sent {
            sent.duplicate = Some(known.contains(&sent.id));
        }
    }
    page(StatusCode::OK, &caller, &facts)
}

/// Take the dumps of the form.
///
/// When all were taken, the answer leads to the page that shows what becomes of them; reloading that sends nothing
/// again. What was not taken is known in this answer alone, so then it is the page itself.
#[tracing::instrument(name = "http.pages.send_dumps", skip_all)]
pub(crate) async fn send(
    State(state): State<AppState>,
    Session(caller): Session,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Scope::Upload)?;
    let mut facts = facts(&state, &caller, String::new());
    match take(&state, &headers, body, &mut facts.machine).await {
        Ok(uploaded) => shown(&state, &caller, facts, uploaded).await,
        Err(error) if error.status().is_client_error() => {
            facts.problem = Some(error.to_string());
            page(error.status(), &caller, &facts)
        }
        Err(error) => Err(error),
    }
}

/// Receives the form and stores its dumps; `machine` becomes the one that was named.
async fn take(
    state: &AppState,
    headers: &HeaderMap,
    body: Body,
    machine: &mut String,
) -> Result<UploadedDumps, ApiError> {
    let mut upload = intake::receive_form(headers, body, state.limits(), &state.budget).await?;
    let named = upload.annotations.remove(MACHINE_FIELD).unwrap_or_default();
    named.trim().clone_into(machine);
    let named = (!machine.is_empty()).then_some(machine.as_str());
    let named = named.map(intake::machine_name).transpose()?;
    if upload.dumps.is_empty() && upload.refused.is_empty() {
        return Err(ApiError::invalid("no file was chosen"));
    }
    keep(state, named, upload).await
}

async fn shown(
    state: &AppState,
    caller: &Caller,
    mut facts: Facts,
    uploaded: UploadedDumps,
) -> Result<Response, ApiError> {
    let taken = &uploaded.dumps;
    if uploaded.refused.is_empty() && taken.len() <= MOST_SHOWN {
        let dumps = taken.iter().map(|dump| (dump.id, Some(dump.duplicate)));
        return Ok(Redirect::to(&address(dumps)).into_response());
    }
    facts.more = taken.len().saturating_sub(MOST_SHOWN);
    let shown: Vec<_> = taken.iter().map(|dump| dump.id).take(MOST_SHOWN).collect();
    facts.sent = outcomes(state, &shown).await?;
    for sent in &mut facts.sent {
        let answered = uploaded.dumps.iter().find(|dump| dump.id == sent.id);
        sent.duplicate = answered.map(|dump| dump.duplicate);
    }
    let refused = uploaded.refused.into_iter();
    facts.refused = refused.map(|file| (file.file_name, file.reason)).collect();
    page(StatusCode::OK, caller, &facts)
}

async fn outcomes(state: &AppState, ids: &[uuid::Uuid]) -> Result<Vec<Sent>, ApiError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<DumpId> = ids.iter().copied().map(DumpId).collect();
    let outcomes = dumps::outcomes(&mut *state.conn().await?, &ids).await?;
    Ok(outcomes.into_iter().map(sent).collect())
}

fn sent(outcome: dumps::Outcome) -> Sent {
    let stands = match (outcome.state, outcome.crash) {
        (dumps::DumpState::Queued, _) => Stands::Waiting,
        (dumps::DumpState::Processing, _) => Stands::Reading,
        (dumps::DumpState::Failed, _) => {
            Stands::Failed(outcome.error.unwrap_or_else(|| "no reason is known".to_owned()))
        }
        (dumps::DumpState::Done, None) => Stands::Gone,
        (dumps::DumpState::Done, Some(crash)) => Stands::Crash {
            id: crash.id.0,
            stop_code: crash
                .stop_code
                .map(|code| StopCodeNumber::from_raw(code).to_string()),
            signature: crash.signature,
        },
    };
    Sent {
        id: outcome.id.0,
        file_name: outcome.file_name,
        size_bytes: outcome.size_bytes,
        machine: outcome.machine,
        duplicate: None,
        stands,
    }
}

fn facts(state: &AppState, caller: &Caller, machine: String) -> Facts {
    Facts {
        limit_bytes: state.settings.max_dump_bytes,
        may_send: caller.may(Scope::Upload),
        machine,
        ..Facts::default()
    }
}

fn page(status: StatusCode, caller: &Caller, facts: &Facts) -> Result<Response, ApiError> {
    let viewer = viewer(caller)?;
    Ok((status, html(&Page::new(facts, Some(&viewer)))?).into_response())
}
