//! A stop code's own rate, day by day.

use std::collections::HashMap;

use sqlx::PgConnection;
use time::{Date, Duration};

use super::cusum::{self, Day, Jump, WATCHED};
use crate::{Error, Window, stop_codes};

/// So many days are looked at: four weeks, and a quarter before them.
const DAYS: u16 = 119;

/// Stop codes with crashes that count in the last days before `today`: the others cannot have jumped.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn codes_to_watch(conn: &mut PgConnection, today: Date) -> Result<Vec<u32>, Error> {
    let window = Window::ending(
        today.saturating_sub(Duration::DAY),
        u16::try_from(WATCHED).unwrap_or(28),
    );
    let codes = sqlx::query_scalar!(
        r#"
        SELECT DISTINCT stop_code AS "stop_code!"
        FROM crash
        WHERE kind = 'kernel' AND counts AND crashed_at >= $1 AND crashed_at < $2 AND stop_code IS NOT NULL
        ORDER BY 1
        "#,
        window.start(),
        window.end(),
    )
    .fetch_all(conn)
    .await?;
    Ok(codes.into_iter().map(stop_codes::code_of).collect())
}

/// The jump that a stop code's rate is in, judged by the days before `today`, which is not over.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.alerts.rate_jump", skip_all, fields(stop_code))]
pub async fn rate_jump(conn: &mut PgConnection, stop_code: u32, today: Date) -> Result<Option<Jump>, Error> {
    let window = Window::ending(today.saturating_sub(Duration::DAY), DAYS);
    Ok(cusum::jump(&daily(conn, stop_code, window).await?))
}

/// Every day of the window: machines that were on, and those of them that crashed with the stop code and had not
/// within the week before. A crash on a day without presence is history and not counted.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.alerts.daily", skip_all, fields(stop_code))]
pub async fn daily(conn: &mut PgConnection, stop_code: u32, window: Window) -> Result<Vec<Day>, Error> {
    let machine_days = machine_days(conn, window).await?;
    let crashes = crashing_machines(conn, stop_code, window).await?;
    let of = |days: &HashMap<Date, u64>, day: Date| days.get(&day).copied().unwrap_or(0);
    let days = window.iter().map(|day| Day {
        day,
        crashing_machines: of(&crashes, day),
        machine_days: of(&machine_days, day),
    });
    Ok(days.collect())
}

async fn crashing_machines(
    conn: &mut PgConnection,
    stop_code: u32,
    window: Window,
) -> Result<HashMap<Date, u64>, Error> {
    let rows = sqlx::query!(
        r#"
        -- A machine that crashes every day is one machine, not a wave.
        WITH crashed AS (
            SELECT machine_id, crashed_at,
                lag(crashed_at) OVER (PARTITION BY machine_id ORDER BY crashed_at) AS crashed_before
            FROM crash
            WHERE kind = 'kernel' AND counts AND stop_code = $1
              AND crashed_at >= $2::timestamptz - interval '7 days' AND crashed_at < $3
        )
        SELECT (crashed.crashed_at AT TIME ZONE 'UTC')::date AS "day!", count(DISTINCT crashed.machine_id) AS "machines!"
        FROM crashed
        JOIN presence
            ON presence.machine_id = crashed.machine_id
            AND presence.week = date_trunc('week', crashed.crashed_at AT TIME ZONE 'UTC')::date
            AND presence.days & (1 << (extract(isodow FROM crashed.crashed_at AT TIME ZONE 'UTC')::integer - 1)) <> 0
        WHERE crashed.crashed_at >= $2
          AND (crashed.crashed_before IS NULL OR crashed.crashed_before < crashed.crashed_at - interval '7 days')
        GROUP BY 1
        "#,
        i64::from(stop_code),
        window.start(),
        window.end(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.day, row.machines.unsigned_abs()))
        .collect())
}

/// Machines that were on, by day of the weeks that the window touches: of rolled-up weeks as kept, of the others counted now.
pub(crate) async fn machine_days(
    conn: &mut PgConnection,
    window: Window,
) -> Result<HashMap<Date, u64>, Error> {
    let rows = sqlx::query!(
        r#"
        WITH week AS (
            SELECT week.week, kept.machine_days_by_day
            FROM unnest($1::date[]) AS week (week)
            LEFT JOIN exposure_week AS kept
                ON kept.week = week.week
                AND NOT EXISTS (SELECT FROM exposure_change WHERE exposure_change.week = week.week)
        ),
        -- How many machines had the same days, so that a million rows are not taken seven times each.
        same AS (
            SELECT presence.week, presence.days::integer AS days, count(*) AS machines
            FROM presence
            WHERE presence.week IN (SELECT week FROM week WHERE machine_days_by_day IS NULL)
            GROUP BY 1, 2
        )
        SELECT week.week + day AS "day!",
            coalesce(
                week.machine_days_by_day[day + 1],
                (SELECT sum(machines) FROM same WHERE same.week = week.week AND same.days >> day & 1 = 1)::bigint,
                0
            ) AS "machines!"
        FROM week
        CROSS JOIN generate_series(0, 6) AS day
        "#,
        &window.weeks(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.day, row.machines.unsigned_abs()))
        .collect())
}
