//! Putting jobs into the queue.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::PgConnection;

use super::{JobKind, VerdictKey, interval};
use crate::{DumpId, Error};

/// Enqueues a job to be run `delay` from now at the earliest. Not for verdicts, which wait once: [`enqueue_verdicts`].
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.jobs.enqueue", skip_all, fields(job.kind = kind.as_str(), job.key = key))]
pub async fn enqueue(
    conn: &mut PgConnection,
    kind: JobKind,
    key: &str,
    delay: Duration,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO job (kind, key, run_after) VALUES ($1, $2, now() + $3)",
        kind.as_str(),
        key,
        interval(delay),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Enqueues the analysis of a dump, now.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn enqueue_analysis(conn: &mut PgConnection, dump: DumpId) -> Result<(), Error> {
    enqueue(conn, JobKind::Analyze, &dump.to_string(), Duration::ZERO).await
}

/// Enqueues a verdict. If one is waiting already, the earlier time holds.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn enqueue_verdict(conn: &mut PgConnection, key: VerdictKey, delay: Duration) -> Result<(), Error> {
    enqueue_verdicts(conn, &[key], delay).await
}

/// Enqueues several verdicts, as [`enqueue_verdict`] does one.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn enqueue_verdicts(
    conn: &mut PgConnection,
    keys: &[VerdictKey],
    delay: Duration,
) -> Result<(), Error> {
    // In one order and each once: an upsert takes locks row by row and refuses to change a row twice.
    let keys: BTreeSet<String> = keys.iter().map(VerdictKey::to_string).collect();
    let keys: Vec<String> = keys.into_iter().collect();
    sqlx::query!(
        r#"
            INSERT INTO job (kind, key, run_after)
            SELECT 'verdict', key, now() + $2
            FROM unnest($1::text[]) AS wished (key)
            ON CONFLICT (key) WHERE kind = 'verdict' AND state = 0 AND worker IS NULL
            DO UPDATE SET run_after = excluded.run_after
            WHERE job.run_after > excluded.run_after
        "#,
        &keys,
        interval(delay),
    )
    .execute(conn)
    .await?;
    Ok(())
}
