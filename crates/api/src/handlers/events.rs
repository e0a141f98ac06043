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
use wire::stop_code::StopCodeDetail;

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
pub(crate) const VERDICT_DAYS: u16 = 91;

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
    responses((status = 200, body = EventsAnswer)),
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
    let crash = new_crash(machine, &event, known.map(view::stop_code::detail), now)?;
    let recorded = crashes::record(conn, &[&crash]).await?;
    let changed = recorded.iter().any(|recorded| recorded.changed);
    if changed {
        let key = VerdictKey {
            stop_code: code,
            window_days: VERDICT_DAYS,
        };
        jobs::enqueue_verdict(conn, key, VERDICT_DEBOUNCE).await?;
    }
    Ok(changed)
}

fn new_crash(
    machine: MachineId,
    event: &Event,
    known: Option<StopCodeDetail>,
    now: OffsetDateTime,
) -> Result<NewCrash, ApiError> {
    let code = event.stop_code.get();
    let stop_code = view::event::stop_code(event, known.as_ref());
    let counted = if stop_code.class.is_crash() {
        Counted::Yes
    } else {
        Counted::No
    };
    let report = view::event::report(event, stop_code, known);
    Ok(NewCrash {
        machine,
        dump: None,
        source: Source::Event,
        kind: Kind::Kernel,
        counted,
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
        signature_rules: 0,
        missing_symbols: Vec::new(),
        images: Vec::new(),
        probable_driver: None,
        evidence: Vec::new(),
        report: serde_json::to_string(&report).map_err(ApiError::internal)?,
    })
}
