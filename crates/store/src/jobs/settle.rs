//! Ending jobs: done, to be tried again, given up, or taken from a worker that is gone.

use std::time::Duration;

use sqlx::PgConnection;

use super::{JobFence, MAX_ATTEMPTS, interval, split};
use crate::{Error, text};

/// Deletes finished jobs; those that `worker` still held. For any other it must not write its result.
///
/// Call it first in the transaction that stores the results: the rows stay locked, so the answer holds to its end.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.jobs.finish", level = "debug", skip_all)]
pub async fn finish(
    conn: &mut PgConnection,
    worker: &str,
    fences: &[JobFence],
) -> Result<Vec<JobFence>, Error> {
    let (ids, attempts) = split(fences);
    let held = sqlx::query_as!(
        JobFence,
        r#"
            DELETE FROM job
            USING unnest($1::bigint[], $2::integer[]) AS fence (id, attempts)
            WHERE job.id = fence.id
                AND job.attempts = fence.attempts
                AND job.state = 1
                AND job.worker = $3
            RETURNING job.id, job.attempts
        "#,
        &ids,
        &attempts,
        worker,
    )
    .fetch_all(conn)
    .await?;
    Ok(held)
}

/// Queues a job again after `delay`, or gives it up if that was the last attempt. `false`: the lease was lost, and
/// nothing was written.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.jobs.retry", skip_all, fields(job.id = fence.id))]
pub async fn retry(
    conn: &mut PgConnection,
    worker: &str,
    fence: JobFence,
    error: &str,
    delay: Duration,
) -> Result<bool, Error> {
    let state = if fence.attempts >= MAX_ATTEMPTS { 2 } else { 0 };
    settle(conn, worker, fence, &Outcome { state, error, delay }).await
}

/// Gives a job up at once, because another attempt would end the same way. `false`: the lease was lost, and nothing was
/// written.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.jobs.fail", skip_all, fields(job.id = fence.id))]
pub async fn fail(
    conn: &mut PgConnection,
    worker: &str,
    fence: JobFence,
    error: &str,
) -> Result<bool, Error> {
    let delay = Duration::ZERO;
    settle(
        conn,
        worker,
        fence,
        &Outcome {
            state: 2,
            error,
            delay,
        },
    )
    .await
}

struct Outcome<'a> {
    state: i16,
    error: &'a str,
    delay: Duration,
}

async fn settle(
    conn: &mut PgConnection,
    worker: &str,
    fence: JobFence,
    outcome: &Outcome<'_>,
) -> Result<bool, Error> {
    let settled = sqlx::query_scalar!(
        r#"
            WITH
                -- The job, if it is still this worker's.
                settled AS (
                    UPDATE job
                    SET state = $4, last_error = $5, lease_until = NULL, run_after = now() + $6
                    WHERE id = $1 AND attempts = $2 AND worker = $3 AND state = 1
                    RETURNING attempts, state,
                        CASE WHEN kind IN ('analyze', 'reanalyze') THEN key::uuid END AS dump_id,
                        CASE WHEN kind = 'symbol' AND state = 2 THEN key::uuid END AS symbol_file_id
                ),
                -- Its dump, if it is about one.
                told AS (
                    UPDATE dump
                    SET attempts = settled.attempts,
                        state = CASE WHEN settled.state = 2 THEN 'failed' ELSE dump.state END,
                        error = CASE WHEN settled.state = 2 THEN $5 ELSE dump.error END
                    FROM settled
                    WHERE dump.id = settled.dump_id
                ),
                -- Its symbol file, if it was about one and is given up.
                given_up AS (
                    UPDATE symbol_file
                    SET state = 'failed', reason = $5, settled_at = now()
                    FROM settled
                    WHERE symbol_file.id = settled.symbol_file_id
                )
            SELECT count(*) AS "count!" FROM settled
        "#,
        fence.id,
        fence.attempts,
        worker,
        outcome.state,
        text::without_nul(outcome.error),
        interval(outcome.delay),
    )
    .fetch_one(conn)
    .await?;
    Ok(settled == 1)
}

/// What the reaper found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reaped {
    /// Jobs queued again.
    pub requeued: u64,
    /// Jobs given up after their last attempt.
    pub failed: u64,
}

/// Takes jobs from workers that let their lease run out: queues them again after `delay`, or gives them up.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.jobs.reap", skip_all)]
pub async fn reap(conn: &mut PgConnection, delay: Duration) -> Result<Reaped, Error> {
    let reason = "the worker was gone before it finished";
    let row = sqlx::query!(
        r#"
            WITH
                expired AS MATERIALIZED (
                    SELECT id
                    FROM job
                    WHERE state = 1 AND lease_until < now()
                    FOR UPDATE SKIP LOCKED
                ),
                reaped AS (
                    UPDATE job
                    SET state = CASE WHEN attempts >= $1 THEN 2 ELSE 0 END,
                        last_error = $2, lease_until = NULL, run_after = now() + $3
                    FROM expired
                    WHERE job.id = expired.id
                    RETURNING attempts, state,
                        CASE WHEN kind IN ('analyze', 'reanalyze') THEN key::uuid END AS dump_id,
                        CASE WHEN kind = 'symbol' AND state = 2 THEN key::uuid END AS symbol_file_id
                ),
                told AS (
                    UPDATE dump
                    SET attempts = reaped.attempts,
                        state = CASE WHEN reaped.state = 2 THEN 'failed' ELSE dump.state END,
                        error = CASE WHEN reaped.state = 2 THEN $2 ELSE dump.error END
                    FROM reaped
                    WHERE dump.id = reaped.dump_id
                ),
                given_up AS (
                    UPDATE symbol_file
                    SET state = 'failed', reason = $2, settled_at = now()
                    FROM reaped
                    WHERE symbol_file.id = reaped.symbol_file_id
                )
            SELECT
                count(*) FILTER (WHERE state = 0) AS "requeued!",
                count(*) FILTER (WHERE state = 2) AS "failed!"
            FROM reaped
        "#,
        MAX_ATTEMPTS,
        reason,
        interval(delay),
    )
    .fetch_one(conn)
    .await?;
    Ok(Reaped {
        requeued: row.requeued.unsigned_abs(),
        failed: row.failed.unsigned_abs(),
    })
}
