//! Figures for the whole fleet.

use std::collections::HashMap;

use sqlx::PgConnection;
use time::Date;

use crate::drivers::{self, VersionDescription};
use crate::stop_codes::{self, DayCount, StopCodeCount};
use crate::{Error, Window};

/// Stop codes with a trend of their own.
const OWN_TRENDS: usize = 6;

/// Most new things of each kind.
const NEWS: i64 = 20;

/// The fleet in a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// Machines that were on at least one day.
    pub machines: u64,
    /// Those of them that did not crash.
    pub crash_free_machines: u64,
    /// Days on which machines were on, summed over the machines.
    pub machine_days: u64,
    /// Crashes that count.
    pub crashes: u64,
    /// Crashes per day by stop code: the six most frequent, then all others under `None`. Every day is there.
    pub by_stop_code: Vec<CodeTrend>,
    /// What was first seen in the last seven days of the window.
    pub new: NewThings,
}

/// Crashes per day of one stop code, or of all that are not shown apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeTrend {
    /// The stop code; `None` for all others.
    pub stop_code: Option<u32>,
    /// Its name.
    pub name: String,
    /// Crashes in the window.
    pub crashes: u64,
    /// Crashes on every day of the window.
    pub trend: Vec<DayCount>,
}

/// What was first seen in the last seven days of a window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewThings {
    /// Stop codes, most crashes first, at most 20.
    pub stop_codes: Vec<NewStopCode>,
    /// Driver versions that inventories told, at most 20, newest first.
    pub driver_versions: Vec<VersionDescription>,
    /// Signatures, most crashes first, at most 20.
    pub signatures: Vec<NewSignature>,
}

/// A stop code that was never seen before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewStopCode {
    /// The code.
    pub stop_code: u32,
    /// Its name.
    pub name: String,
    /// The first day.
    pub first_seen_on: Date,
    /// Crashes since.
    pub crashes: u64,
}

/// A signature that was never seen before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSignature {
    /// The signature.
    pub signature: String,
    /// The first day.
    pub first_seen_on: Date,
    /// Crashes since.
    pub crashes: u64,
}

/// The fleet in a window.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.fleet.overview", skip_all)]
pub async fn overview(conn: &mut PgConnection, window: Window) -> Result<Overview, Error> {
    let machines = machines(conn, window).await?;
    let counts = stop_codes::list(conn, window).await?;
    let (crashes, by_stop_code) = trends(window, &counts);
    Ok(Overview {
        machines: machines.machines.unsigned_abs(),
        crash_free_machines: machines.crash_free.unsigned_abs(),
        machine_days: machines.days.unsigned_abs(),
        crashes,
        by_stop_code,
        new: NewThings {
            stop_codes: new_stop_codes(&counts),
            driver_versions: new_driver_versions(conn, window).await?,
            signatures: new_signatures(conn, window).await?,
        },
    })
}

/// Crashes of a window, and the machines that had them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// Crashes that count.
    pub crashes: u64,
    /// Machines that were on and crashed.
    pub machines: u64,
}

/// The crashes of a window alone: less work than [`overview`], to compare one with.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.fleet.span", skip_all)]
pub async fn span(conn: &mut PgConnection, window: Window) -> Result<Span, Error> {
    let row = sqlx::query!(
        r#"
        SELECT count(*) AS "crashes!", count(DISTINCT machine_id) FILTER (WHERE EXISTS (
            SELECT FROM presence
            WHERE presence.machine_id = crash.machine_id AND presence.week BETWEEN $3 AND $4
        )) AS "machines!"
        FROM crash
        WHERE kind = 'kernel' AND counts AND crashed_at >= $1 AND crashed_at < $2
        "#,
        window.start(),
        window.end(),
        window.first_week(),
        window.last_week(),
    )
    .fetch_one(conn)
    .await?;
    Ok(Span {
        crashes: row.crashes.unsigned_abs(),
        machines: row.machines.unsigned_abs(),
    })
}

/// One week of the fleet, as far as it lies in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Week {
    /// Its Monday.
    pub week: Date,
    /// Machines that were on.
    pub machines: u64,
    /// Those of them that did not crash.
    pub crash_free_machines: u64,
    /// Days on which machines were on, summed over the machines.
    pub machine_days: u64,
    /// Crashes of these machines that count. Those of machines that nobody saw enter no rate and are left out.
    pub crashes: u64,
}

/// The weeks of a window in which machines were on, in order.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.fleet.weeks", skip_all)]
pub async fn weeks(conn: &mut PgConnection, window: Window) -> Result<Vec<Week>, Error> {
    let (first, last) = (window.first_week(), window.last_week());
    let rows = sqlx::query!(
        r#"
        -- Machines that were on in a week, with the number of their days.
        WITH seen AS (
            SELECT week, machine_id,
                sum(bit_count((
                    days & CASE week WHEN $1 THEN $3::smallint WHEN $2 THEN $4::smallint ELSE 127::smallint END
                )::integer::bit(7))) AS days
            FROM presence
            WHERE week BETWEEN $1 AND $2
            GROUP BY week, machine_id
        ),
        crashed AS (
            SELECT date_trunc('week', crashed_at AT TIME ZONE 'UTC')::date AS week, machine_id, count(*) AS crashes
            FROM crash
            WHERE kind = 'kernel' AND counts AND crashed_at >= $5 AND crashed_at < $6
            GROUP BY 1, 2
        )
        SELECT week AS "week!", count(*) AS "machines!", count(*) - count(crashed.machine_id) AS "crash_free!",
            sum(seen.days)::bigint AS "days!", coalesce(sum(crashed.crashes), 0)::bigint AS "crashes!"
        FROM seen
        LEFT JOIN crashed USING (week, machine_id)
        WHERE seen.days > 0
        GROUP BY week
        ORDER BY week
        "#,
        first,
        last,
        window.mask(first),
        window.mask(last),
        window.start(),
        window.end(),
    )
    .fetch_all(conn)
    .await?;
    let weeks = rows.into_iter().map(|row| Week {
        week: row.week,
        machines: row.machines.unsigned_abs(),
        crash_free_machines: row.crash_free.unsigned_abs(),
        machine_days: row.days.unsigned_abs(),
        crashes: row.crashes.unsigned_abs(),
    });
    Ok(weeks.collect())
}

/// Machines that were on, and their days.
struct Seen {
    machines: i64,
    crash_free: i64,
    days: i64,
}

async fn machines(conn: &mut PgConnection, window: Window) -> Result<Seen, Error> {
    let (first, last) = (window.first_week(), window.last_week());
    let seen = sqlx::query_as!(
        Seen,
        r#"
        -- Machines that were on, with the number of their days.
        WITH seen AS (
            SELECT machine_id,
                sum(bit_count((
                    days & CASE week WHEN $1 THEN $3::smallint WHEN $2 THEN $4::smallint ELSE 127::smallint END
                )::integer::bit(7))) AS days
            FROM presence
            WHERE week BETWEEN $1 AND $2
            GROUP BY machine_id
        ),
        crashed AS (
            SELECT DISTINCT machine_id
            FROM crash
            WHERE kind = 'kernel' AND counts AND crashed_at >= $5 AND crashed_at < $6
        )
        SELECT count(*) AS "machines!", count(*) - count(crashed.machine_id) AS "crash_free!",
            coalesce(sum(seen.days), 0)::bigint AS "days!"
        FROM seen
        LEFT JOIN crashed USING (machine_id)
        WHERE seen.days > 0
        "#,
        first,
        last,
        window.mask(first),
        window.mask(last),
        window.start(),
        window.end(),
    )
    .fetch_one(conn)
    .await?;
    Ok(seen)
}

/// All crashes that count, and their trends: the most frequent codes apart, the rest together.
fn trends(window: Window, counts: &[StopCodeCount]) -> (u64, Vec<CodeTrend>) {
    let counted: Vec<&StopCodeCount> = counts
        .iter()
        .filter(|count| !matches!(count.class.as_str(), "live" | "manual"))
        .collect();
    let crashes = counted.iter().map(|count| count.crashes).sum();
    let (own, others) = counted.split_at(counted.len().min(OWN_TRENDS));
    let own = own.iter().map(|count| CodeTrend {
        stop_code: Some(count.code),
        name: count.name.clone(),
        crashes: count.crashes,
        trend: count.trend.clone(),
    });
    let mut trends: Vec<CodeTrend> = own.collect();
    if !others.is_empty() {
        let mut by_day: HashMap<Date, u64> = HashMap::new();
        for day in others.iter().flat_map(|count| &count.trend) {
            *by_day.entry(day.day).or_default() += day.crashes;
        }
        trends.push(CodeTrend {
            stop_code: None,
            name: "all others".to_owned(),
            crashes: others.iter().map(|count| count.crashes).sum(),
            trend: stop_codes::every_day(window, &by_day),
        });
    }
    (crashes, trends)
}

fn new_stop_codes(counts: &[StopCodeCount]) -> Vec<NewStopCode> {
    let new = counts.iter().filter(|count| count.new).filter_map(|count| {
        let first = count.trend.iter().find(|day| day.crashes > 0)?;
        Some(NewStopCode {
            stop_code: count.code,
            name: count.name.clone(),
            first_seen_on: first.day,
            crashes: count.crashes,
        })
    });
    new.take(usize::try_from(NEWS).unwrap_or(usize::MAX)).collect()
}

/// Versions of drivers that were known before, or of new ones; placeholders tell nothing.
async fn new_driver_versions(
    conn: &mut PgConnection,
    window: Window,
) -> Result<Vec<VersionDescription>, Error> {
    let ids = sqlx::query_scalar!(
        r#"
        SELECT id
        FROM driver_version
        WHERE first_seen_on BETWEEN $1 AND $2 AND version IS NOT NULL
        ORDER BY first_seen_on DESC, id DESC
        LIMIT $3
        "#,
        window.news_from(),
        window.to,
        NEWS,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut versions = drivers::describe(conn, &ids).await?;
    versions.sort_by_key(|version| std::cmp::Reverse((version.first_seen_on, version.driver_version_id)));
    Ok(versions)
}

async fn new_signatures(conn: &mut PgConnection, window: Window) -> Result<Vec<NewSignature>, Error> {
    let rows = sqlx::query!(
        r#"
        SELECT recent.signature, count(*) AS "crashes!",
            (min(recent.crashed_at) AT TIME ZONE 'UTC')::date AS "first_seen_on!"
        FROM crash AS recent
        WHERE recent.counts
          AND recent.crashed_at >= $1
          AND recent.crashed_at < $2
          AND NOT EXISTS (
              SELECT FROM crash AS before
              WHERE before.signature = recent.signature AND before.crashed_at < $1
          )
        GROUP BY recent.signature
        ORDER BY count(*) DESC, recent.signature
        LIMIT $3
        "#,
        window.news_from().midnight().assume_utc(),
        window.end(),
        NEWS,
    )
    .fetch_all(conn)
    .await?;
    let signatures = rows.into_iter().map(|row| NewSignature {
        signature: row.signature,
        first_seen_on: row.first_seen_on,
        crashes: row.crashes.unsigned_abs(),
    });
    Ok(signatures.collect())
}
