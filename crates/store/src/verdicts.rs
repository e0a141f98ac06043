//! The computed rankings: one row per stop code and window.

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::jobs::VerdictKey;
use crate::{Error, Window, stop_codes};

/// A stored ranking.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The stop code.
    pub stop_code: u32,
    /// Length of the window.
    pub window_days: u16,
    /// The days that were counted.
    pub window: Window,
    /// When the counts were taken.
    pub computed_at: OffsetDateTime,
    /// The answer as the API gives it. This crate only stores it.
    pub body: Value,
}

/// The ranking, or `None` if it was never computed.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.verdicts.find", skip(conn))]
pub async fn find(
    conn: &mut PgConnection,
    stop_code: u32,
    window_days: u16,
) -> Result<Option<Verdict>, Error> {
    let row = sqlx::query!(
        r#"
        SELECT window_from, window_to, computed_at, body
        FROM verdict
        WHERE stop_code = $1 AND window_days = $2
        "#,
        i64::from(stop_code),
        i32::from(window_days),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Verdict {
        stop_code,
        window_days,
        window: Window {
            from: row.window_from,
            to: row.window_to,
        },
        computed_at: row.computed_at,
        body: row.body,
    }))
}

/// Stores a ranking, unless a newer one is there: then `false`.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.verdicts.put", skip_all)]
pub async fn put(conn: &mut PgConnection, verdict: &Verdict) -> Result<bool, Error> {
    let stored = sqlx::query!(
        r#"
        INSERT INTO verdict AS known (stop_code, window_days, window_from, window_to, computed_at, body)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (stop_code, window_days) DO UPDATE
        SET window_from = excluded.window_from, window_to = excluded.window_to,
            computed_at = excluded.computed_at, body = excluded.body
        WHERE known.computed_at <= excluded.computed_at
        "#,
        i64::from(verdict.stop_code),
        i32::from(verdict.window_days),
        verdict.window.from,
        verdict.window.to,
        verdict.computed_at,
        verdict.body,
    )
    .execute(conn)
    .await?;
    Ok(stored.rows_affected() == 1)
}

/// Whether newer data waits to be counted: a job for this ranking is queued or running.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn is_stale(conn: &mut PgConnection, stop_code: u32, window_days: u16) -> Result<bool, Error> {
    let key = VerdictKey {
        stop_code,
        window_days,
    };
    // The states apart, so that each finds its partial index.
    let stale = sqlx::query_scalar!(
        r#"
        SELECT EXISTS (SELECT FROM job WHERE kind = 'verdict' AND key = $1 AND state = 0)
            OR EXISTS (SELECT FROM job WHERE kind = 'verdict' AND key = $1 AND state = 1) AS "stale!"
        "#,
        key.to_string(),
    )
    .fetch_one(conn)
    .await?;
    Ok(stale)
}

/// Stop codes with crashes that count in the window, and no ranking computed since `before`.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn codes_to_refresh(
    conn: &mut PgConnection,
    window: Window,
    window_days: u16,
    before: OffsetDateTime,
) -> Result<Vec<u32>, Error> {
    let codes = sqlx::query_scalar!(
        r#"
        SELECT DISTINCT crash.stop_code AS "stop_code!"
        FROM crash
        LEFT JOIN verdict ON verdict.stop_code = crash.stop_code AND verdict.window_days = $3
        WHERE crash.kind = 'kernel'
          AND crash.counts
          AND crash.crashed_at >= $1
          AND crash.crashed_at < $2
          AND crash.stop_code IS NOT NULL
          AND (verdict.computed_at IS NULL OR verdict.computed_at < $4)
        "#,
        window.start(),
        window.end(),
        i32::from(window_days),
        before,
    )
    .fetch_all(conn)
    .await?;
    Ok(codes.into_iter().map(stop_codes::code_of).collect())
}

/// Whether machines told anything new since this was last called, by whatever replica.
///
/// Presence and inventories come all the time, and one of them changes a ranking little. So nobody asks for a ranking
/// when they come; this is called now and then instead, and costs nothing.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.verdicts.heard_news", level = "debug", skip_all)]
pub async fn heard_news(conn: &mut PgConnection) -> Result<bool, Error> {
    let heard = sqlx::query!(
        r#"
        -- Apart, because an update cannot join a sequence.
        WITH news AS MATERIALIZED (
            SELECT last_value AS number FROM fleet_news WHERE is_called
        )
        UPDATE fleet_news_heard
        SET number = news.number
        FROM news
        WHERE fleet_news_heard.number < news.number
        "#
    )
    .execute(conn)
    .await?;
    Ok(heard.rows_affected() > 0)
}
