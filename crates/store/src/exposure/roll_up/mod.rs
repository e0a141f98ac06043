//! Closed weeks, counted once.
//!
//! Whoever changes presence of a week that has ended writes a row of `exposure_change` in the same transaction. A roll-up works on one snapshot: it counts the week's presence, stores
//! the cells, and deletes the notes that its snapshot shows. A change that is committed meanwhile is in neither, so its
//! note stays and the week stays open. A week begins to be rolled up some hours after its end, so that no writer who
//! began before the end, and therefore left no note, is still at it.

mod cells;

use sqlx::{Connection, PgConnection};
use time::{Date, Duration, OffsetDateTime};

use self::cells::Cells;
use crate::Error;
use crate::window::monday;

/// A week is rolled up so long after its end at the earliest.
const GRACE: Duration = Duration::hours(6);

/// A week that changed is rolled up again when it was left alone for so long.
const QUIET: Duration = Duration::minutes(3);

/// A week that keeps changing is rolled up again after so long nonetheless.
const AGAIN_AFTER: Duration = Duration::HOUR;

/// So many weeks are kept rolled up: those that the longest window reaches.
const WEEKS: i64 = 54;

/// Any number that no other lock of this program uses.
const LOCK: i32 = 0x726f_6c6c;

/// Rolls up the weeks that are due; answers them.
///
/// A week is due when it has ended and was never rolled up, or when its presence changed since and settled. The
/// connection must not be in a transaction.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.exposure.roll_up_due", skip_all)]
pub async fn roll_up_due(conn: &mut PgConnection, now: OffsetDateTime) -> Result<Vec<Date>, Error> {
    let mut rolled_up = Vec::new();
    for week in due(conn, now).await? {
        if roll_up(conn, week, now).await? {
            rolled_up.push(week);
        }
    }
    Ok(rolled_up)
}

async fn due(conn: &mut PgConnection, now: OffsetDateTime) -> Result<Vec<Date>, Error> {
    // A week that holds the moment GRACE ago may still be written to without a note.
    let open = monday((now - GRACE).date());
    let weeks = (1..=WEEKS).map(|before| open.saturating_sub(Duration::weeks(before)));
    let weeks: Vec<Date> = weeks.collect();
    let due = sqlx::query_scalar!(
        r#"
        SELECT week.week AS "week!"
        FROM unnest($1::date[]) AS week (week)
        LEFT JOIN exposure_week AS known ON known.week = week.week
        LEFT JOIN LATERAL (
            SELECT max(changed_at) AS changed_at FROM exposure_change WHERE exposure_change.week = week.week
        ) AS change ON true
        WHERE (
              change.changed_at IS NOT NULL
              -- A week without any presence needs no row. Asked so that it is one look into the index.
              OR known.week IS NULL
              AND (SELECT min(presence.week) FROM presence WHERE presence.week >= week.week) = week.week
          )
          AND (change.changed_at IS NULL OR change.changed_at < $2 OR known.rolled_up_at < $3)
        ORDER BY week.week DESC
        "#,
        &weeks,
        now - QUIET,
        now - AGAIN_AFTER,
    )
    .fetch_all(conn)
    .await?;
    Ok(due)
}

/// Rolls one week up; `false` if another replica is at it.
#[tracing::instrument(name = "db.exposure.roll_up", skip_all, fields(week = %week))]
async fn roll_up(conn: &mut PgConnection, week: Date, now: OffsetDateTime) -> Result<bool, Error> {
    let mut transaction = conn.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
    let is_mine = sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_xact_lock($1, $2 - date '2000-01-03') AS "locked!""#,
        LOCK,
        week,
    )
    .fetch_one(&mut *transaction)
    .await?;
    if !is_mine {
        return Ok(false);
    }
    let cells = Cells::count(&mut transaction, week).await?;
    forget(&mut transaction, week).await?;
    note_week(&mut transaction, week, now).await?;
    cells.write(&mut transaction, week).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Deletes what was stored of the week, and the notes that this snapshot shows.
async fn forget(conn: &mut PgConnection, week: Date) -> Result<(), Error> {
    sqlx::query!(
        r#"
        WITH
            models AS (DELETE FROM exposure_model_week WHERE week = $1),
            sites AS (DELETE FROM exposure_site_week WHERE week = $1)
        DELETE FROM exposure_change WHERE week = $1
        "#,
        week,
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn note_week(conn: &mut PgConnection, week: Date, now: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        r#"
        -- How many machines had the same days, so that a million rows are not taken seven times each.
        WITH same AS (
            SELECT days::integer AS days, count(*) AS machines FROM presence WHERE week = $1 GROUP BY 1
        ),
        by_day AS (
            SELECT day, coalesce(sum(machines) FILTER (WHERE days >> day & 1 = 1), 0)::bigint AS machines
            FROM generate_series(0, 6) AS day
            LEFT JOIN same ON true
            GROUP BY day
        )
        INSERT INTO exposure_week (week, rolled_up_at, machine_days_by_day)
        SELECT $1, $2, array_agg(machines ORDER BY day) FROM by_day
        ON CONFLICT (week) DO UPDATE
        SET rolled_up_at = excluded.rolled_up_at, machine_days_by_day = excluded.machine_days_by_day
        "#,
        week,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}
