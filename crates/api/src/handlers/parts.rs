//! Tables that pages show as parts of something larger, as CSV. In JSON they are in the answer about that.

use axum::extract::State;
use axum::response::Response;
use store::{coverage, jobs, machines, stop_codes};
use uuid::Uuid;
use wire::StopCodeNumber;
use wire::problem::Problem;
use wire::suspects::Suspects;

use super::{crashes, suspects};
use crate::auth::Reader;
use crate::error::ApiError;
use crate::extract::{Path, Query};
use crate::list::{Table, WindowQuery, csv_file};
use crate::state::AppState;
use crate::view;
use crate::view::parts::{DayRow, DeadLetterRow, FailedDumpRow, FrameRow, changes};

/// Days that a stop code's machines are compared over, as on its page.
const WINDOW_DAYS: u16 = 91;

/// Most rows of failed dumps and jobs.
const MOST_FAILED: u32 = 500;

/// Get one table of a crash as CSV: `frames.csv`, `drivers.csv`, `unloaded-drivers.csv`, `evidence.csv` or
/// `parameters.csv`.
#[utoipa::path(get, path = "/api/v1/crashes/{id}/{table}", tag = "crashes",
    params(("id" = Uuid, Path), ("table" = String, Path, example = "frames.csv")),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 404, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.crashes.table", skip_all, fields(crash.id = %id))]
pub(crate) async fn of_crash(
    State(state): State<AppState>,
    _reader: Reader,
    Path((id, table)): Path<(Uuid, String)>,
) -> Result<Response, ApiError> {
    let report = crashes::find(&state, id).await?.report;
    match table.as_str() {
        "frames.csv" => {
            let crashed = report.frames.iter().map(|frame| FrameRow { thread: None, frame });
            let others = report.threads.iter().filter(|thread| !thread.crashed);
            let others = others.flat_map(|thread| {
                let frames = thread.frames.iter();
                frames.map(|frame| FrameRow {
                    thread: Some(thread.id),
                    frame,
                })
            });
            Ok(csv_rows(crashed.chain(others)))
        }
        "drivers.csv" if report.modules.is_empty() => Ok(csv_file(&report.drivers)),
        "drivers.csv" => Ok(csv_file(&report.modules)),
        "unloaded-drivers.csv" => Ok(csv_file(&report.unloaded_drivers)),
        "evidence.csv" => Ok(csv_file(&report.evidence)),
        "parameters.csv" => {
            let parameters = report.stop_code.map(|code| code.parameters);
            Ok(csv_file(&parameters.unwrap_or_default()))
        }
        _ => Err(ApiError::NoSuchPath),
    }
}

/// Get the drivers of a machine as CSV, by its latest inventory.
#[utoipa::path(get, path = "/api/v1/machines/{machine}/drivers.csv", tag = "machines",
    params(("machine" = String, Path)),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 404, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.machines.drivers", skip_all)]
pub(crate) async fn drivers_of_machine(
    State(state): State<AppState>,
    _reader: Reader,
    Path(machine): Path<String>,
) -> Result<Response, ApiError> {
    let detail = machines::detail(&mut *state.conn().await?, &machine).await?;
    let detail = detail.ok_or_else(|| ApiError::not_found("machine", &machine))?;
    Ok(csv_file(&view::machine::detail(detail).drivers))
}

/// Get what the machines that crash with a stop code have in common as CSV, beside the fleet.
#[utoipa::path(get, path = "/api/v1/stop-codes/{code}/shared.csv", tag = "stop codes",
    params(("code" = String, Path)),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 404, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.stop_codes.shared", skip_all)]
pub(crate) async fn shared_by_stop_code(
    State(state): State<AppState>,
    _reader: Reader,
    Path(code): Path<String>,
) -> Result<Response, ApiError> {
    Ok(csv_file(&suspects_of(&state, &code).await?.shared))
}

/// Get what happened where the suspects of a stop code came to machines and were taken back from them, as CSV: the crash
/// rates before and after, of up to three groups a suspect.
#[utoipa::path(get, path = "/api/v1/stop-codes/{code}/changes.csv", tag = "stop codes",
    params(("code" = String, Path)),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 404, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.stop_codes.changes", skip_all)]
pub(crate) async fn changes_by_suspect(
    State(state): State<AppState>,
    _reader: Reader,
    Path(code): Path<String>,
) -> Result<Response, ApiError> {
    let suspects = suspects_of(&state, &code).await?;
    Ok(csv_rows(suspects.suspects.iter().flat_map(changes)))
}

/// The suspects of a stop code, over the days that its page shows.
async fn suspects_of(state: &AppState, code: &str) -> Result<Suspects, ApiError> {
    let code = crashes::stop_code(code)?;
    suspects::find(state, code.get(), WINDOW_DAYS).await
}

/// Get the crashes of a stop code by day as CSV; days without any are left out.
#[utoipa::path(get, path = "/api/v1/stop-codes/{code}/days.csv", tag = "stop codes",
    params(("code" = String, Path), WindowQuery),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 400, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.stop_codes.days", skip_all)]
pub(crate) async fn days_of_stop_code(
    State(state): State<AppState>,
    _reader: Reader,
    Path(code): Path<String>,
    Query(query): Query<WindowQuery>,
) -> Result<Response, ApiError> {
    by_day(&state, &query, Some(crashes::stop_code(&code)?)).await
}

/// Get the crashes of all stop codes by day as CSV; days without any are left out.
#[utoipa::path(get, path = "/api/v1/fleet/days.csv", tag = "stop codes", params(WindowQuery),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 400, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.fleet.days", skip_all)]
pub(crate) async fn days(
    State(state): State<AppState>,
    _reader: Reader,
    Query(query): Query<WindowQuery>,
) -> Result<Response, ApiError> {
    by_day(&state, &query, None).await
}

async fn by_day(
    state: &AppState,
    query: &WindowQuery,
    only: Option<StopCodeNumber>,
) -> Result<Response, ApiError> {
    let window = query.window(state)?;
    let only = only.map(StopCodeNumber::get);
    let days = stop_codes::by_day(&mut *state.conn().await?, window, only).await?;
    Ok(csv_rows(days.into_iter().map(DayRow)))
}

/// Get the latest dumps that could not be read as CSV, with the reasons.
#[utoipa::path(get, path = "/api/v1/dumps/failed.csv", tag = "dumps",
    responses((status = 200, body = String, content_type = "text/csv"), (status = 403, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.dumps.failed", skip_all)]
pub(crate) async fn failed_dumps(
    State(state): State<AppState>,
    _reader: Reader,
) -> Result<Response, ApiError> {
    let dumps = coverage::failed_dumps(&mut *state.conn().await?, MOST_FAILED).await?;
    Ok(csv_rows(dumps.into_iter().map(FailedDumpRow)))
}

/// Get the latest jobs that were given up as CSV, with the reasons.
#[utoipa::path(get, path = "/api/v1/jobs/failed.csv", tag = "operation",
    responses((status = 200, body = String, content_type = "text/csv"), (status = 403, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.jobs.failed", skip_all)]
pub(crate) async fn failed_jobs(
    State(state): State<AppState>,
    _reader: Reader,
) -> Result<Response, ApiError> {
    let letters = jobs::dead_letters(&mut *state.conn().await?, MOST_FAILED).await?;
    Ok(csv_rows(letters.into_iter().map(DeadLetterRow)))
}

fn csv_rows<R: Table>(rows: impl Iterator<Item = R>) -> Response {
    csv_file(&rows.collect::<Vec<_>>())
}
