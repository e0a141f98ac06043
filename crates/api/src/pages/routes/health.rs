//! `/health` and its buttons.
//!
//! A button is a form that posts with the session cookie. [`Session`] refuses such a request unless the browser says
//! that it comes from our own pages, so no other site can press them.

use axum::extract::State;
use axum::response::Redirect;
use serde::Deserialize;
use sqlx::PgConnection;
use store::{DumpId, audit, coverage, dumps, jobs};
use time::OffsetDateTime;
use uuid::Uuid;
use wire::token::Scope;

use super::{Answer, html, viewer};
use crate::auth::Session;
use crate::error::ApiError;
use crate::extract::{Path, Query};
use crate::pages::health;
use crate::state::{AppState, commit};
use crate::view;

/// Rows of each table.
const MOST_ROWS: u32 = 50;

/// `?done=requeued`, after a button was pressed.
#[derive(Debug, Deserialize)]
pub(super) struct HealthQuery {
    done: Option<String>,
}

/// Show how the server is doing.
#[tracing::instrument(name = "http.pages.health", skip_all)]
pub(super) async fn show(
    State(state): State<AppState>,
    Session(caller): Session,
    Query(query): Query<HealthQuery>,
) -> Answer {
    let viewer = viewer(&caller)?;
    let mut facts = gather(&mut *state.conn().await?, state.clock.now()).await?;
    facts.notice = (query.done.as_deref() == Some("requeued")).then_some(health::Notice::Requeued);
    html(&health::Page::new(&facts, Some(&viewer)))
}

async fn gather(conn: &mut PgConnection, now: OffsetDateTime) -> Result<health::Facts, ApiError> {
    let counts = jobs::counts(conn).await?;
    let oldest = counts.iter().filter_map(|count| count.oldest_queued_at).min();
    let coverage = coverage::counts(conn, now).await?;
    let failed = coverage::failed_dumps(conn, MOST_ROWS).await?;
    let letters = jobs::dead_letters(conn, MOST_ROWS).await?;
    Ok(health::Facts {
        queued: counts.iter().map(|count| count.queued).sum(),
        running: counts.iter().map(|count| count.running).sum(),
        failed: counts.iter().map(|count| count.failed).sum(),
        oldest_seconds: oldest.and_then(|at| u64::try_from((now - at).whole_seconds()).ok()),
        failed_dumps: failed.into_iter().map(failed_dump).collect(),
        dead_letters: letters.into_iter().map(dead_letter).collect(),
        machines: coverage.machines,
        machines_without_presence: coverage.without_presence,
        machines_without_agent: coverage.without_agent,
        crashes_without_machine: coverage.crashes_without_machine,
        notice: None,
    })
}

fn failed_dump(dump: coverage::FailedDump) -> health::FailedDump {
    health::FailedDump {
        id: dump.id.0,
        file_name: dump.file_name,
        format: view::dump::format(&dump.format).ok(),
        machine: dump.machine,
        size_bytes: dump.size_bytes,
        attempts: dump.attempts,
        error: dump.error,
        received_at: dump.received_at,
    }
}

fn dead_letter(letter: jobs::DeadLetter) -> health::DeadLetter {
    health::DeadLetter {
        id: letter.id,
        kind: letter.kind,
        key: letter.key,
        attempts: letter.attempts.unsigned_abs(),
        last_error: letter.last_error,
        created_at: letter.created_at,
    }
}

/// Analyse a dump again.
#[tracing::instrument(name = "http.pages.retry_dump", skip_all, fields(dump.id = %id))]
pub(super) async fn retry_dump(
    State(state): State<AppState>,
    Session(caller): Session,
    Path(id): Path<Uuid>,
) -> Result<Redirect, ApiError> {
    caller.require(Scope::Admin)?;
    let mut transaction = state.begin().await?;
    let queued = dumps::reprocess(&mut transaction, DumpId(id)).await?;
    queued.ok_or_else(|| ApiError::not_found("dump", &id))?;
    let entry = state.entry(&caller, "dump.reprocess", &id);
    audit::record(&mut transaction, &entry).await?;
    commit(transaction).await?;
    Ok(Redirect::to("/health?done=requeued"))
}

/// Run a job again that was given up.
#[tracing::instrument(name = "http.pages.retry_job", skip_all, fields(job.id = id))]
pub(super) async fn retry_job(
    State(state): State<AppState>,
    Session(caller): Session,
    Path(id): Path<i64>,
) -> Result<Redirect, ApiError> {
    caller.require(Scope::Admin)?;
    let mut transaction = state.begin().await?;
    let queued = jobs::requeue(&mut transaction, id).await?;
    queued.ok_or_else(|| ApiError::not_found("job", &id))?;
    let entry = state.entry(&caller, "job.requeue", &id);
    audit::record(&mut transaction, &entry).await?;
    commit(transaction).await?;
    Ok(Redirect::to("/health?done=requeued"))
}
