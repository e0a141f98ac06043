//! The stop codes seen in a window.

use std::collections::HashMap;

use sqlx::PgConnection;
use time::Date;

use super::{UNKNOWN_NAME, code_of};
use crate::{Error, Window};

/// One stop code as the fleet sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopCodeCount {
    /// The code.
    pub code: u32,
    /// Its name.
    pub name: String,
    /// What kind of fault it is.
    pub class: String,
    /// Crashes in the window.
    pub crashes: u64,
    /// Machines that crashed with it in the window.
    pub machines: u64,
    /// The day of the latest crash; of a code that was never seen the window's first day.
    pub last_seen: Date,
    /// Whether it was first seen ever within the last seven days of the window.
    pub new: bool,
    /// Crashes on every day of the window.
    pub trend: Vec<DayCount>,
}

/// Crashes on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayCount {
    /// The day, UTC.
    pub day: Date,
    /// Crashes.
    pub crashes: u64,
}

/// The stop codes seen in the window, most crashes first.
///
/// Live dumps and stops made on purpose are in the list under their class.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.stop_codes.list", skip_all)]
pub async fn list(conn: &mut PgConnection, window: Window) -> Result<Vec<StopCodeCount>, Error> {
    counts(conn, window, None).await
}

/// The same for one stop code or all.
pub(super) async fn counts(
    conn: &mut PgConnection,
    window: Window,
    only: Option<u32>,
) -> Result<Vec<StopCodeCount>, Error> {
    let rows = sqlx::query!(
        r#"
        -- What was seen in the window.
        WITH seen AS (
            SELECT stop_code, count(*) AS crashes, max(crashed_at) AS last_at,
                count(DISTINCT machine_id) FILTER (WHERE machine_id <> '00000000-0000-0000-0000-000000000000') AS machines
            FROM crash
            WHERE kind = 'kernel'
              AND crashed_at >= $1
              AND crashed_at < $2
              AND ($3::bigint IS NULL OR stop_code = $3)
            GROUP BY stop_code
        )
        SELECT seen.stop_code AS "code!", seen.crashes AS "crashes!", seen.machines AS "machines!",
            (seen.last_at AT TIME ZONE 'UTC')::date AS "last_seen!", stop_code.name AS "name?", stop_code.class AS "class?",
            NOT EXISTS (
                SELECT FROM crash AS before
                WHERE before.stop_code = seen.stop_code AND before.crashed_at < $4
            ) AS "new!"
        FROM seen
        LEFT JOIN stop_code ON stop_code.code = seen.stop_code
        WHERE seen.stop_code IS NOT NULL
        ORDER BY seen.crashes DESC, seen.stop_code
        "#,
        window.start(),
        window.end(),
        only.map(i64::from),
        window.news_from().midnight().assume_utc(),
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut trends = trends(conn, window, only).await?;
    let counts = rows.into_iter().map(|row| {
        let code = code_of(row.code);
        StopCodeCount {
            code,
            name: row.name.unwrap_or_else(|| UNKNOWN_NAME.to_owned()),
            class: row.class.unwrap_or_else(|| "unknown".to_owned()),
            crashes: row.crashes.unsigned_abs(),
            machines: row.machines.unsigned_abs(),
            last_seen: row.last_seen,
            new: row.new,
            trend: every_day(window, &trends.remove(&code).unwrap_or_default()),
        }
    });
    Ok(counts.collect())
}

/// The crashes of a stop code on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeDay {
    /// The day, in UTC.
    pub day: Date,
    /// The stop code.
    pub code: u32,
    /// Its name; `None` if it has none.
    pub name: Option<String>,
    /// Crashes on that day.
    pub crashes: u64,
}

/// Crashes by day and stop code, of all stop codes or only one; days without any are left out.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.stop_codes.by_day", skip_all)]
pub async fn by_day(
    conn: &mut PgConnection,
    window: Window,
    only: Option<u32>,
) -> Result<Vec<CodeDay>, Error> {
    let rows = sqlx::query!(
        r#"
        SELECT day AS "day!", counted.code AS "code!", stop_code.name AS "name?", crashes AS "crashes!"
        FROM (
            SELECT (crashed_at AT TIME ZONE 'UTC')::date AS day, crash.stop_code AS code, count(*) AS crashes
            FROM crash
            WHERE kind = 'kernel'
              AND crashed_at >= $1
              AND crashed_at < $2
              AND crash.stop_code IS NOT NULL
              AND ($3::bigint IS NULL OR crash.stop_code = $3)
            GROUP BY 1, 2
        ) AS counted
        LEFT JOIN stop_code ON stop_code.code = counted.code
        ORDER BY day, counted.code
        "#,
        window.start(),
        window.end(),
        only.map(i64::from),
    )
    .fetch_all(conn)
    .await?;
    let days = rows.into_iter().map(|row| CodeDay {
        day: row.day,
        code: code_of(row.code),
        name: row.name,
        crashes: row.crashes.unsigned_abs(),
    });
    Ok(days.collect())
}

/// The same by stop code.
async fn trends(
    conn: &mut PgConnection,
    window: Window,
    only: Option<u32>,
) -> Result<HashMap<u32, HashMap<Date, u64>>, Error> {
    let mut trends: HashMap<u32, HashMap<Date, u64>> = HashMap::new();
    for day in by_day(conn, window, only).await? {
        trends.entry(day.code).or_default().insert(day.day, day.crashes);
    }
    Ok(trends)
}

/// The count of every day of the window.
pub(crate) fn every_day(window: Window, counts: &HashMap<Date, u64>) -> Vec<DayCount> {
    let count = |day| DayCount {
        day,
        crashes: counts.get(&day).copied().unwrap_or(0),
    };
    window.iter().map(count).collect()
}
