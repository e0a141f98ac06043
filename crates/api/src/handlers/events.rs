//! Bug checks that a machine's event log tells of, with no dump to read.

use std::time::Duration;

use axum::extract::State;
use serde::Serialize;
use sqlx::PgConnection;
use store::crashes::{self, BugCheck, Counted, Kind, NewCrash, Source};
use store::jobs::{self, VerdictKey};
use store::{MachineId, Window, machines, stop_codes};
use time::OffsetDateTime;
use utoipa::ToSchema;
use wire::Hex;
use wire::inventory::{Event, Events};
use wire::problem::Problem;
use wire::report::{CrashKind, Parameter, Report, StopCode, StopCodeClass};

use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Json, Path};
use crate::intake::machine_name;
use crate::state::{AppState, commit};
use crate::view;

/// Most events in one report.
const MAX_EVENTS: usize = 500;

/// How long a verdict waits for more data after a crash.
pub(super) const VERDICT_DEBOUNCE: Duration = Duration::from_secs(2);

/// The window that verdicts are kept for.
pub(super) const VERDICT_DAYS: u16 = 91;

/// What became of reported events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct EventsAnswer {
    /// Crashes that were new.
    pub(crate) recorded: u64,
    /// Crashes that were known from a dump or an earlier report.
    pub(crate) known: u64,
}

/// Tell of bug checks known without a dump. One crash seen both ways is counted once.
#[utoipa::path(post, path = "/api/v1/machines/{machine}/events", tag = "sending",
    params(("machine" = String, Path)), request_body = Events,
    responses((status = 200, body = EventsAnswer), (status = 400, body = Problem)),
    security(("token" = ["agent"])))]
#[tracing::instrument(name = "http.events.post", skip_all)]
pub(crate) async fn post(
    State(state): State<AppState>,
    caller: Caller,
    Path(machine): Path<String>,
    Json(Events { events }): Json<Events>,
) -> Result<axum::Json<EventsAnswer>, ApiError> {
    caller.write_for(Some(&machine))?;
    let machine = machine_name(&machine)?;
    if events.len() > MAX_EVENTS {
        return Err(ApiError::invalid("at most 500 events in one report"));
    }
    if events.iter().any(|event| event.parameters.len() > 4) {
        return Err(ApiError::invalid("a bug check has at most four parameters"));
    }
    let now = state.clock.now();
    let mut answer = EventsAnswer {
        recorded: 0,
        known: 0,
    };
    let mut transaction = state.begin().await?;
    let id = machines::touch(&mut transaction, machine, now).await?;
    for event in events {
        if record(&mut transaction, id, event, now).await? {
            answer.recorded += 1;
        } else {
            answer.known += 1;
        }
    }
    commit(transaction).await?;
    Ok(axum::Json(answer))
}

/// Records one; whether it was new.
async fn record(
    conn: &mut PgConnection,
    machine: MachineId,
    event: Event,
    now: OffsetDateTime,
) -> Result<bool, ApiError> {
    let code = event.stop_code.get();
    let known = stop_codes::detail(conn, code, Window::ending(now.date(), 1)).await?;
    let report = report(&event, known.map(view::stop_code::detail));
    let class = report.stop_code.as_ref().map(|code| code.class);
    let crash = NewCrash {
        machine,
        dump: None,
        source: Source::Event,
        kind: Kind::Kernel,
        counted: if class.is_none_or(StopCodeClass::is_crash) {
            Counted::Yes
        } else {
            Counted::No
        },
        crashed_at: Some(event.at),
        received_at: now,
        bug_check: Some(BugCheck {
            code,
            raw_code: code,
            parameters: event.parameters.iter().map(|&Hex(value)| value).collect(),
        }),
        uptime_seconds: None,
        process: None,
        os_build: None,
        signature: report.signature.clone(),
        images: Vec::new(),
        probable_driver: None,
        evidence: Vec::new(),
        report: serde_json::to_value(report).map_err(ApiError::internal)?,
    };
    let recorded = crashes::record(conn, &crash).await?;
    if recorded.changed {
        let key = VerdictKey {
            stop_code: code,
            window_days: VERDICT_DAYS,
        };
        jobs::enqueue_verdict(conn, key, VERDICT_DEBOUNCE).await?;
    }
    Ok(recorded.changed)
}

/// The report of a crash of which only the bug check is known.
fn report(event: &Event, known: Option<wire::stop_code::StopCodeDetail>) -> Report {
    let (name, class, meanings, guidance) = match known {
        Some(known) => (
            known.count.name,
            known.count.class,
            known.parameter_meanings,
            known.guidance,
        ),
        None => (
            "UNKNOWN_BUGCHECK".to_owned(),
            StopCodeClass::Unknown,
            Vec::new(),
            Vec::new(),
        ),
    };
    let mut meanings = meanings.into_iter();
    let parameters = event.parameters.iter().map(|&value| Parameter {
        value,
        meaning: meanings.next().flatten(),
    });
    let stop_code = StopCode {
        code: event.stop_code,
        raw_code: Hex(event.stop_code.get().into()),
        name: name.clone(),
        class,
        parameters: parameters.collect(),
    };
    Report {
        kind: CrashKind::Kernel,
        format: None,
        crashed_at: Some(event.at),
        uptime_seconds: None,
        stop_code: Some(stop_code),
        exception: None,
        os_build: None,
        architecture: None,
        processors: None,
        manufacturer: None,
        model: None,
        process: None,
        signature: name,
        frames: Vec::new(),
        threads: Vec::new(),
        drivers: Vec::new(),
        modules: Vec::new(),
        unloaded_drivers: Vec::new(),
        evidence: Vec::new(),
        probable_driver: None,
        guidance,
        missing_symbols: Vec::new(),
        warnings: vec!["known from the event log only; no dump was received".to_owned()],
    }
}
