//! Taking jobs, keeping them, giving them back.

use std::time::Duration;

use sqlx::PgConnection;

use super::{Job, JobFence, JobKind, interval};
use crate::Error;

/// Claims up to `batch` jobs of one kind that are due, oldest first, for `lease`.
///
/// The claim is committed without waiting for the disk, if it is a transaction of its own. A database that loses power
/// may forget it; then the job is queued as before, and this worker's attempt to end it finds no fence.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.jobs.claim", level = "debug", skip_all, fields(job.kind = kind.as_str()))]
pub async fn claim(
    conn: &mut PgConnection,
    worker: &str,
    kind: JobKind,
    batch: u32,
    lease: Duration,
) -> Result<Vec<Job>, Error> {
    let rows = sqlx::query!(
        r#"
            WITH
                -- For this transaction only; it must be read below, or it is not run.
                relaxed AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true) AS setting),
                -- What is due and in nobody's hands.
                due AS MATERIALIZED (
                    SELECT id
                    FROM job
                    WHERE kind = $1 AND state = 0 AND run_after <= now()
                    ORDER BY run_after, id
                    LIMIT $2
                    FOR UPDATE SKIP LOCKED
                )
            UPDATE job
            SET state = 1, attempts = attempts + 1, worker = $3, lease_until = now() + $4
            FROM due, relaxed
            WHERE job.id = due.id AND relaxed.setting = 'off'
            RETURNING job.id, job.attempts, job.key, job.created_at, now() AS "claimed_at!"
        "#,
        kind.as_str(),
        i64::from(batch),
        worker,
        interval(lease),
    )
    .fetch_all(conn)
    .await?;
    let jobs = rows.into_iter().map(|row| Job {
        fence: JobFence {
            id: row.id,
            attempts: row.attempts,
        },
        kind,
        key: row.key,
        created_at: row.created_at,
        claimed_at: row.claimed_at,
    });
    Ok(jobs.collect())
}

/// Renews the leases of all jobs that `worker` holds; the ids of those jobs. A job that is missing is lost to it.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.jobs.heartbeat", level = "debug", skip_all)]
pub async fn heartbeat(conn: &mut PgConnection, worker: &str, lease: Duration) -> Result<Vec<i64>, Error> {
    let held = sqlx::query_scalar!(
        "UPDATE job SET lease_until = now() + $2 WHERE state = 1 AND worker = $1 RETURNING id",
        worker,
        interval(lease),
    )
    .fetch_all(conn)
    .await?;
    Ok(held)
}

/// Gives back all jobs that `worker` holds, without costing them an attempt; the number given back.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.jobs.release", skip_all)]
pub async fn release(conn: &mut PgConnection, worker: &str) -> Result<u64, Error> {
    let done = sqlx::query!(
        r#"
            UPDATE job
            SET state = 0, attempts = attempts - 1, lease_until = NULL, run_after = now()
            WHERE state = 1 AND worker = $1
        "#,
        worker,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
