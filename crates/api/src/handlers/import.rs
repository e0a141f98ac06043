//! History in bulk: NDJSON, read line by line, written 1,000 lines at a time.
//!
//! To go on after a failure a client sends the same file again with `from_line`. Lines before it are read only for
//! the ids of drivers and driver sets that later lines use.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use serde::Deserialize;
use store::import::{self, BATCH, NumberedLine};
use store::jobs::{self, VerdictKey};
use store::{Window, verdicts};
use utoipa::IntoParams;
use wire::import::{ImportAnswer, ImportLine, RejectedLine};
use wire::problem::Problem;
use wire::token::Scope;

use super::events::{VERDICT_DAYS, VERDICT_DEBOUNCE};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::Query;
use crate::intake::{Line, Lines};
use crate::state::AppState;
use crate::view;

/// Most rejected lines that are listed.
const MAX_LISTED: usize = 1000;

/// Bytes of lines after which a batch is written although it has fewer than 1,000.
const BATCH_BYTES: usize = 16 << 20;

/// Where to go on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// The first line that is to be stored; 1 unless given.
    pub(crate) from_line: Option<u64>,
}

/// Import history: drivers, driver sets, machines, inventories, presence and crashes, one JSON object a line.
///
/// Plain or with `Content-Encoding: gzip` or `zstd`. Lines are stored 1,000 at a time, all or none of them.
#[utoipa::path(post, path = "/api/v1/import", operation_id = "import_history", tag = "sending", params(ImportQuery),
    request_body(content = ImportLine, content_type = "application/x-ndjson"),
    responses((status = 200, body = ImportAnswer),
        (status = 500, body = Problem, description = "`import-stopped`: the detail says where to go on")),
    security(("token" = ["upload"])))]
#[tracing::instrument(name = "http.import.post", skip_all)]
pub(crate) async fn post(
    State(state): State<AppState>,
    caller: Caller,
    Query(query): Query<ImportQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<axum::Json<ImportAnswer>, ApiError> {
    caller.require(Scope::Upload)?;
    let encoding = headers
        .get(header::CONTENT_ENCODING)
        .map(|value| value.to_str().unwrap_or("?"));
    let lines = Lines::open(encoding, body, state.limits()).await?;
    let import = Import {
        state,
        session: import::Session::default(),
        from_line: query.from_line.unwrap_or(1),
        batch: Vec::new(),
        batch_bytes: 0,
        answer: ImportAnswer::default(),
    };
    import.run(lines).await.map(axum::Json)
}

/// Orders the rankings anew: any line may have changed any of them.
async fn order_verdicts(state: &AppState) -> Result<(), ApiError> {
    let now = state.clock.now();
    let window = Window::ending(now.date(), VERDICT_DAYS);
    let mut conn = state.conn().await?;
    for stop_code in verdicts::codes_to_refresh(&mut conn, window, VERDICT_DAYS, now).await? {
        let key = VerdictKey {
            stop_code,
            window_days: VERDICT_DAYS,
        };
        jobs::enqueue_verdict(&mut conn, key, VERDICT_DEBOUNCE).await?;
    }
    Ok(())
}

/// One import under way.
struct Import {
    state: AppState,
    session: import::Session,
    from_line: u64,
    batch: Vec<NumberedLine>,
    batch_bytes: usize,
    answer: ImportAnswer,
}

impl Import {
    async fn run(mut self, mut lines: Lines) -> Result<ImportAnswer, ApiError> {
        while let Some(Line { number, text }) = lines.next().await? {
            let bytes = text.as_ref().map_or(0, Vec::len);
            let Some(line) = self.read(number, text) else {
                continue;
            };
            self.batch.push(line);
            self.batch_bytes += bytes;
            if self.batch.len() >= BATCH || self.batch_bytes >= BATCH_BYTES {
                self.flush().await?;
            }
        }
        self.flush().await?;
        if self.answer.accepted > 0 {
            order_verdicts(&self.state).await?;
        }
        Ok(self.answer)
    }

    /// What is to be stored of a line; `None` for an empty one and for one that was stored before.
    fn read(&self, number: u64, text: Result<Vec<u8>, String>) -> Option<NumberedLine> {
        let line = match text {
            Ok(text) if text.trim_ascii().is_empty() => return None,
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|error| error.to_string())
                .and_then(view::import::line),
            Err(reason) => Err(reason),
        };
        let is_definition = matches!(
            line,
            Ok(import::Line::Driver { .. } | import::Line::DriverSet { .. })
        );
        (number >= self.from_line || is_definition).then_some(NumberedLine { number, line })
    }

    async fn flush(&mut self) -> Result<(), ApiError> {
        let lines = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        let Some(first) = lines.first().map(|line| line.number) else {
            return Ok(());
        };
        let stored_before = lines.iter().filter(|line| line.number < self.from_line).count() as u64;
        let stopped = |cause| ApiError::ImportStopped {
            next_line: first.max(self.from_line),
            cause,
        };
        let mut conn = match self.state.pool.acquire().await {
            Ok(conn) => conn,
            Err(error) => return Err(stopped(error.into())),
        };
        let applied = import::apply(&mut conn, &mut self.session, lines, self.state.clock.now()).await;
        let applied = applied.map_err(|error| stopped(error.into()))?;
        self.answer.accepted += applied.accepted.saturating_sub(stored_before);
        let room = MAX_LISTED.saturating_sub(self.answer.rejected.len());
        let rejected = applied
            .rejected
            .into_iter()
            .take(room)
            .map(|rejected| RejectedLine {
                line: rejected.line,
                reason: rejected.reason,
            });
        self.answer.rejected.extend(rejected);
        Ok(())
    }
}
