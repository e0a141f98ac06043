//! One stop code with its breakdowns.

use sqlx::PgConnection;

use super::{StopCodeCount, StopCodeEntry, UNKNOWN_NAME, entries, list};
use crate::{Error, Window};

/// What a stop code means and how it spreads over the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopCodeDetail {
    /// Counts and trend; zeros if the window has none.
    pub count: StopCodeCount,
    /// What each of the four parameters means.
    pub parameter_meanings: Vec<Option<String>>,
    /// What to do about it.
    pub guidance: Vec<String>,
    /// Crashes by hardware model, most first, at most 50.
    pub by_model: Vec<Share>,
    /// Crashes by Windows build, most first, at most 50.
    pub by_os_build: Vec<Share>,
    /// Crashes by process, most first, at most 50.
    pub by_process: Vec<Share>,
}

/// A part of a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Which part; `None` where it is not known.
    pub value: Option<String>,
    /// Crashes.
    pub crashes: u64,
    /// Machines that crashed.
    pub machines: u64,
}

/// The stop code, or `None` if neither the dictionary nor any crash has it.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.stop_codes.detail", skip_all, fields(stop_code = code))]
pub async fn detail(
    conn: &mut PgConnection,
    code: u32,
    window: Window,
) -> Result<Option<StopCodeDetail>, Error> {
    let entry = entries(conn, &[code]).await?.remove(&code);
    let count = match list::counts(conn, window, Some(code)).await?.pop() {
        Some(count) => count,
        None => match unseen(conn, code, window, entry.as_ref()).await? {
            Some(count) => count,
            None => return Ok(None),
        },
    };
    let (parameters, guidance) = match entry {
        Some(entry) => (entry.parameters.to_vec(), entry.guidance),
        None => (vec![None; 4], Vec::new()),
    };
    Ok(Some(StopCodeDetail {
        count,
        parameter_meanings: parameters,
        guidance,
        by_model: by_model(conn, code, window).await?,
        by_os_build: by_os_build(conn, code, window).await?,
        by_process: by_process(conn, code, window).await?,
    }))
}

/// Zeros for a code without crashes in the window; `None` if nobody ever heard of it.
async fn unseen(
    conn: &mut PgConnection,
    code: u32,
    window: Window,
    entry: Option<&StopCodeEntry>,
) -> Result<Option<StopCodeCount>, Error> {
    let last_seen = sqlx::query_scalar!(
        r#"SELECT (max(crashed_at) AT TIME ZONE 'UTC')::date FROM crash WHERE stop_code = $1"#,
        i64::from(code),
    )
    .fetch_one(conn)
    .await?;
    if last_seen.is_none() && entry.is_none() {
        return Ok(None);
    }
    Ok(Some(StopCodeCount {
        code,
        name: entry.map_or(UNKNOWN_NAME, |entry| &entry.name).to_owned(),
        class: entry.map_or("unknown", |entry| &entry.class).to_owned(),
        crashes: 0,
        machines: 0,
        last_seen: last_seen.unwrap_or(window.from),
        new: false,
        trend: list::every_day(window, &std::collections::HashMap::new()),
    }))
}

/// A part as it is read.
struct ShareRow {
    value: Option<String>,
    crashes: i64,
    machines: i64,
}

fn shares(rows: Vec<ShareRow>) -> Vec<Share> {
    let share = |row: ShareRow| Share {
        value: row.value,
        crashes: row.crashes.unsigned_abs(),
        machines: row.machines.unsigned_abs(),
    };
    rows.into_iter().map(share).collect()
}

async fn by_model(conn: &mut PgConnection, code: u32, window: Window) -> Result<Vec<Share>, Error> {
    let rows = sqlx::query_as!(
        ShareRow,
        r#"
        SELECT nullif(concat_ws(' ', nullif(hardware_model.manufacturer, ''), hardware_model.model), '') AS value, count(*) AS "crashes!",
            count(DISTINCT crash.machine_id) AS "machines!"
        FROM crash
        LEFT JOIN hardware_model ON hardware_model.id = crash.model_id
        WHERE crash.stop_code = $1 AND crash.crashed_at >= $2 AND crash.crashed_at < $3
        GROUP BY 1
        ORDER BY 2 DESC, 1
        LIMIT 50
        "#,
        i64::from(code),
        window.start(),
        window.end(),
    )
    .fetch_all(conn)
    .await?;
    Ok(shares(rows))
}

async fn by_os_build(conn: &mut PgConnection, code: u32, window: Window) -> Result<Vec<Share>, Error> {
    let rows = sqlx::query_as!(
        ShareRow,
        r#"
        SELECT crash.os_build::text AS value, count(*) AS "crashes!",
            count(DISTINCT crash.machine_id) AS "machines!"
        FROM crash
        WHERE crash.stop_code = $1 AND crash.crashed_at >= $2 AND crash.crashed_at < $3
        GROUP BY 1
        ORDER BY 2 DESC, 1
        LIMIT 50
        "#,
        i64::from(code),
        window.start(),
        window.end(),
    )
    .fetch_all(conn)
    .await?;
    Ok(shares(rows))
}

async fn by_process(conn: &mut PgConnection, code: u32, window: Window) -> Result<Vec<Share>, Error> {
    let rows = sqlx::query_as!(
        ShareRow,
        r#"
        SELECT lower(crash.process) AS value, count(*) AS "crashes!",
            count(DISTINCT crash.machine_id) AS "machines!"
        FROM crash
        WHERE crash.stop_code = $1 AND crash.crashed_at >= $2 AND crash.crashed_at < $3
        GROUP BY 1
        ORDER BY 2 DESC, 1
        LIMIT 50
        "#,
        i64::from(code),
        window.start(),
        window.end(),
    )
    .fetch_all(conn)
    .await?;
    Ok(shares(rows))
}
