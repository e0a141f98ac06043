//! What people see of the queue: how long it is, and what was given up.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::Error;

/// How many jobs of one kind there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueCount {
    /// The kind's name.
    pub kind: String,
    /// Waiting, those that are not due yet included.
    pub queued: u64,
    /// In a worker's hands.
    pub running: u64,
    /// Given up.
    pub failed: u64,
    /// When the longest waiting one was enqueued.
    pub oldest_queued_at: Option<OffsetDateTime>,
}

/// A job that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The job.
    pub id: i64,
    /// Which code ran it.
    pub kind: String,
    /// What it is about.
    pub key: String,
    /// How often it was tried.
    pub attempts: i32,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// When it was enqueued.
    pub created_at: OffsetDateTime,
}

/// Counts jobs by kind. Kinds without any are left out.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.jobs.counts", skip_all)]
pub async fn counts(conn: &mut PgConnection) -> Result<Vec<QueueCount>, Error> {
    let rows = sqlx::query!(
        r#"
            SELECT
                kind,
                count(*) FILTER (WHERE state = 0) AS "queued!",
                count(*) FILTER (WHERE state = 1) AS "running!",
                count(*) FILTER (WHERE state = 2) AS "failed!",
                min(created_at) FILTER (WHERE state = 0) AS oldest_queued_at
            FROM job
            GROUP BY kind
            ORDER BY kind
        "#,
    )
    .fetch_all(conn)
    .await?;
    let counts = rows.into_iter().map(|row| QueueCount {
        kind: row.kind,
        queued: row.queued.unsigned_abs(),
        running: row.running.unsigned_abs(),
        failed: row.failed.unsigned_abs(),
        oldest_queued_at: row.oldest_queued_at,
    });
    Ok(counts.collect())
}

/// The latest `limit` jobs that were given up, newest first.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.jobs.dead_letters", skip_all)]
pub async fn dead_letters(conn: &mut PgConnection, limit: u32) -> Result<Vec<DeadLetter>, Error> {
    let letters = sqlx::query_as!(
        DeadLetter,
        r#"
            SELECT id, kind, key, attempts, last_error, created_at
            FROM job
            WHERE state = 2
            ORDER BY id DESC
            LIMIT $1
        "#,
        i64::from(limit),
    )
    .fetch_all(conn)
    .await?;
    Ok(letters)
}

/// Queues a job again that was given up, with all its attempts before it. `None` if there is no such job.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.jobs.requeue", skip_all, fields(job.id = id))]
pub async fn requeue(conn: &mut PgConnection, id: i64) -> Result<Option<()>, Error> {
    let queued = sqlx::query_scalar!(
        r#"
            WITH
                requeued AS (
                    UPDATE job
                    SET state = 0, attempts = 0, run_after = now()
                    WHERE id = $1 AND state = 2
                    RETURNING
                        CASE WHEN kind IN ('analyze', 'reanalyze') THEN key::uuid END AS dump_id,
                        CASE WHEN kind = 'symbol' THEN key::uuid END AS symbol_file_id
                ),
                told AS (
                    UPDATE dump
                    SET state = 'queued', attempts = 0, error = NULL
                    FROM requeued
                    WHERE dump.id = requeued.dump_id
                ),
                file_told AS (
                    UPDATE symbol_file
                    SET state = 'queued', reason = NULL, settled_at = NULL
                    FROM requeued
                    WHERE symbol_file.id = requeued.symbol_file_id
                )
            SELECT count(*) AS "count!" FROM requeued
        "#,
        id,
    )
    .fetch_one(conn)
    .await?;
    Ok((queued == 1).then_some(()))
}
