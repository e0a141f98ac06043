//! Whether something is news.
//!
//! A verdict is computed again and again, and near a threshold it comes and goes, or its first suspect changes places
//! with another that can hardly be told apart from it. So what was told is remembered: a word is news if no word as
//! strong about any of the same suspects was told within 90 days.

use serde_json::Value;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

use super::cusum::Jump;
use super::{AlertId, AlertKind, outbox};
use crate::Error;

/// What was told so long ago is news again.
const VERDICT_FORGOTTEN_AFTER: Duration = Duration::days(90);

/// A jump stays visible in the rate for some weeks; for so long after an alert there is none of the same stop code.
const JUMP_FORGOTTEN_AFTER: Duration = Duration::days(35);

/// The words that are worth an alert, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReachedWord {
    /// A small set holds the culprit.
    SuspectSet,
    /// One suspect is the likely cause.
    LikelyCause,
    /// It is proven.
    Confirmed,
}

impl ReachedWord {
    fn rank(self) -> i16 {
        match self {
            ReachedWord::SuspectSet => 1,
            ReachedWord::LikelyCause => 2,
            ReachedWord::Confirmed => 3,
        }
    }
}

/// A verdict that accuses somebody.
#[derive(Debug, Clone, PartialEq)]
pub struct Reached {
    /// The stop code.
    pub stop_code: u32,
    /// How strongly.
    pub word: ReachedWord,
    /// Whom: the versions of the first credible set by id; a Windows build as its negative.
    pub subjects: Vec<i32>,
    /// What is posted.
    pub body: Value,
}

/// Writes an alert if the verdict is news; `None` if it is not.
///
/// Call it in the transaction that stores the verdict, after that: then two replicas take turns.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.alerts.verdict_reached", skip_all)]
pub async fn verdict_reached(
    conn: &mut PgConnection,
    reached: &Reached,
    now: OffsetDateTime,
) -> Result<Option<AlertId>, Error> {
    let stop_code = i64::from(reached.stop_code);
    let noted = sqlx::query!(
        r#"
        INSERT INTO verdict_alerted (stop_code, rank, subjects, alerted_at)
        SELECT $1, $2, $3, $4
        WHERE NOT EXISTS (
            SELECT FROM verdict_alerted AS told
            WHERE told.stop_code = $1 AND told.rank >= $2 AND told.subjects && $3 AND told.alerted_at > $5
        )
        "#,
        stop_code,
        reached.word.rank(),
        &reached.subjects,
        now,
        now - VERDICT_FORGOTTEN_AFTER,
    )
    .execute(&mut *conn)
    .await?;
    if noted.rows_affected() == 0 {
        return Ok(None);
    }
    sqlx::query!(
        "DELETE FROM verdict_alerted WHERE stop_code = $1 AND alerted_at <= $2",
        stop_code,
        now - VERDICT_FORGOTTEN_AFTER,
    )
    .execute(&mut *conn)
    .await?;
    let alert = outbox::add(conn, AlertKind::Verdict, reached.stop_code, &reached.body, now).await?;
    Ok(Some(alert))
}

/// Writes an alert if the jump was not told yet; `None` if it was. Wants a transaction.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.alerts.rate_jumped", skip_all)]
pub async fn rate_jumped(
    conn: &mut PgConnection,
    stop_code: u32,
    jump: &Jump,
    body: &Value,
    now: OffsetDateTime,
) -> Result<Option<AlertId>, Error> {
    let noted = sqlx::query!(
        r#"
        INSERT INTO rate_jump_alerted AS told (stop_code, since, alerted_at)
        VALUES ($1, $2, $3)
        ON CONFLICT (stop_code) DO UPDATE
        SET since = excluded.since, alerted_at = excluded.alerted_at
        WHERE told.alerted_at <= $4
        "#,
        i64::from(stop_code),
        jump.since,
        now,
        now - JUMP_FORGOTTEN_AFTER,
    )
    .execute(&mut *conn)
    .await?;
    if noted.rows_affected() == 0 {
        return Ok(None);
    }
    let alert = outbox::add(conn, AlertKind::RateJump, stop_code, body, now).await?;
    Ok(Some(alert))
}
