//! What the server does not know: machines that cannot be counted, crashes of no machine, dumps that cannot be read.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::experiments::HEARD_WITHIN;
use crate::{DumpId, Error, MachineId};

/// How far the fleet can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// Machines known.
    pub machines: u64,
    /// Those of them that never said on which days they were on: their crashes enter no rate.
    pub without_presence: u64,
    /// Those of them whose agent was not heard lately, or that have none.
    pub without_agent: u64,
    /// Crashes whose upload named no machine.
    pub crashes_without_machine: u64,
}

/// How far the fleet can be counted at `now`.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.coverage.counts", skip_all)]
pub async fn counts(conn: &mut PgConnection, now: OffsetDateTime) -> Result<Coverage, Error> {
    let row = sqlx::query!(
        r#"
            SELECT
                (SELECT count(*) FROM machine) AS "machines!",
                (SELECT count(*) FROM machine WHERE first_presence IS NULL) AS "without_presence!",
                (
                    SELECT count(*) FROM machine
                    WHERE NOT EXISTS (
                        SELECT FROM agent WHERE agent.machine_id = machine.machine_id AND agent.checked_in_at >= $2
                    )
                ) AS "without_agent!",
                (SELECT count(*) FROM crash WHERE machine_id = $1) AS "crashes_without_machine!"
        "#,
        MachineId::UNKNOWN.0,
        now - HEARD_WITHIN,
    )
    .fetch_one(conn)
    .await?;
    Ok(Coverage {
        machines: row.machines.unsigned_abs(),
        without_presence: row.without_presence.unsigned_abs(),
        without_agent: row.without_agent.unsigned_abs(),
        crashes_without_machine: row.crashes_without_machine.unsigned_abs(),
    })
}

/// A dump that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedDump {
    /// Its id.
    pub id: DumpId,
    /// The name it was sent under.
    pub file_name: Option<String>,
    /// What the magic bytes said, e.g. `kernel-triage`.
    pub format: String,
    /// Inflated size.
    pub size_bytes: u64,
    /// The machine it was uploaded for.
    pub machine: Option<String>,
    /// How often analysis was tried.
    pub attempts: u32,
    /// Why it failed, in a sentence.
    pub error: Option<String>,
    /// When it was received.
    pub received_at: OffsetDateTime,
}

struct Row {
    id: Uuid,
    file_name: Option<String>,
    format: String,
    size_bytes: i64,
    machine: Option<String>,
    attempts: i32,
    error: Option<String>,
    received_at: OffsetDateTime,
}

/// The latest `limit` dumps that could not be read, newest first.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.coverage.failed_dumps", skip_all)]
pub async fn failed_dumps(conn: &mut PgConnection, limit: u32) -> Result<Vec<FailedDump>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"
            SELECT
                dump.id, file_name, format, size_bytes, machine.name AS "machine?", attempts, error, received_at
            FROM dump
            LEFT JOIN machine ON machine.machine_id = dump.machine_id
            WHERE state = 'failed'
            ORDER BY received_at DESC
            LIMIT $1
        "#,
        i64::from(limit),
    )
    .fetch_all(conn)
    .await?;
    let dumps = rows.into_iter().map(|row| FailedDump {
        id: DumpId(row.id),
        file_name: row.file_name,
        format: row.format,
        size_bytes: row.size_bytes.unsigned_abs(),
        machine: row.machine,
        attempts: row.attempts.unsigned_abs(),
        error: row.error,
        received_at: row.received_at,
    });
    Ok(dumps.collect())
}
