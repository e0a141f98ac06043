//! Counts of everything, for whoever watches the server: one set-based query a subject.
//!
//! They are asked for every few minutes and not for every scrape: some read a whole table, if a small one (dumps,
//! machines). How long the queue is, is told by [`crate::jobs::counts`]; what single things are, by their own modules.

mod crashes;

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

use crate::Error;

pub use crashes::{CrashFigures, MOST_STOP_CODES, StopCodeFigure, crashes};

/// How many things are in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateCount {
    /// The state. Of verdicts it is the word.
    pub state: String,
    /// How many.
    pub count: u64,
}

/// How many machines tell what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineFigures {
    /// Machines known.
    pub known: u64,
    /// Those that told on which days they were on.
    pub with_presence: u64,
    /// Those that told their drivers.
    pub with_inventory: u64,
    /// Those that told how Windows writes dumps there.
    pub with_crash_control: u64,
    /// Those heard of in the last day.
    pub heard_in_a_day: u64,
    /// Those heard of in the last seven days.
    pub heard_in_a_week: u64,
}

/// Where symbol files stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolFigures {
    /// Uploaded files by state.
    pub files: Vec<StateCount>,
    /// Files that some crash misses and that nobody uploaded.
    pub missing: u64,
}

/// What the verdicts of one window say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerdictFigures {
    /// Stop codes by the word of their verdict.
    pub verdicts: Vec<StateCount>,
    /// When the oldest of them was computed; `None` if there is none.
    pub oldest_computed_at: Option<OffsetDateTime>,
}

/// Dumps by state; states without any are left out.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.figures.dumps", level = "debug", skip_all)]
pub async fn dumps(conn: &mut PgConnection) -> Result<Vec<StateCount>, Error> {
    let rows = sqlx::query!(r#"SELECT state, count(*) AS "count!" FROM dump GROUP BY state"#)
        .fetch_all(conn)
        .await?;
    let counts = rows.into_iter().map(|row| state_count(row.state, row.count));
    Ok(counts.collect())
}

/// How many machines tell what, at `now`.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.figures.machines", level = "debug", skip_all)]
pub async fn machines(conn: &mut PgConnection, now: OffsetDateTime) -> Result<MachineFigures, Error> {
    let row = sqlx::query!(
        r#"
        SELECT count(*) AS "known!", count(first_presence) AS "with_presence!", count(inventory_at) AS "with_inventory!",
            count(crash_control) AS "with_crash_control!",
            count(*) FILTER (WHERE last_seen_at >= $1) AS "heard_in_a_day!",
            count(*) FILTER (WHERE last_seen_at >= $2) AS "heard_in_a_week!"
        FROM machine
        "#,
        now - Duration::DAY,
        now - Duration::WEEK,
    )
    .fetch_one(conn)
    .await?;
    Ok(MachineFigures {
        known: row.known.unsigned_abs(),
        with_presence: row.with_presence.unsigned_abs(),
        with_inventory: row.with_inventory.unsigned_abs(),
        with_crash_control: row.with_crash_control.unsigned_abs(),
        heard_in_a_day: row.heard_in_a_day.unsigned_abs(),
        heard_in_a_week: row.heard_in_a_week.unsigned_abs(),
    })
}

/// Where symbol files stand.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.figures.symbols", level = "debug", skip_all)]
pub async fn symbols(conn: &mut PgConnection) -> Result<SymbolFigures, Error> {
    let files = sqlx::query!(r#"SELECT state, count(*) AS "count!" FROM symbol_file GROUP BY state"#)
        .fetch_all(&mut *conn)
        .await?;
    let missing = sqlx::query_scalar!(
        r#"
        SELECT count(*) AS "count!"
        FROM missing_symbol
        WHERE NOT EXISTS (
            SELECT FROM symbol_file WHERE symbol_file.key = missing_symbol.key AND symbol_file.state = 'ready'
        )
        "#
    )
    .fetch_one(conn)
    .await?;
    let files = files.into_iter().map(|row| state_count(row.state, row.count));
    Ok(SymbolFigures {
        files: files.collect(),
        missing: missing.unsigned_abs(),
    })
}

/// What the verdicts over the last `window_days` days say.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.figures.verdicts", level = "debug", skip_all)]
pub async fn verdicts(conn: &mut PgConnection, window_days: u16) -> Result<VerdictFigures, Error> {
    let rows = sqlx::query!(
        r#"
        SELECT verdict AS "verdict!", count(*) AS "count!", min(computed_at) AS "oldest_computed_at!"
        FROM reporting.verdicts
        WHERE window_days = $1 AND verdict IS NOT NULL
        GROUP BY verdict
        "#,
        i32::from(window_days),
    )
    .fetch_all(conn)
    .await?;
    let oldest_computed_at = rows.iter().map(|row| row.oldest_computed_at).min();
    let verdicts = rows.into_iter().map(|row| state_count(row.verdict, row.count));
    Ok(VerdictFigures {
        verdicts: verdicts.collect(),
        oldest_computed_at,
    })
}

/// Deliveries of alerts that were neither taken nor given up yet.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.figures.alert_deliveries", level = "debug", skip_all)]
pub async fn alert_deliveries_waiting(conn: &mut PgConnection) -> Result<u64, Error> {
    let waiting = sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM alert_delivery WHERE state = 0"#)
        .fetch_one(conn)
        .await?;
    Ok(waiting.unsigned_abs())
}

fn state_count(state: String, count: i64) -> StateCount {
    StateCount {
        state,
        count: count.unsigned_abs(),
    }
}
