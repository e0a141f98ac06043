//! Uploaded dumps and where they stand.
//!
//! Rows are made by [`crate::ingest`] and settled by [`crate::crashes::record`], [`mark_failed`] and the queue.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::jobs::{self, JobFence};
use crate::{CrashId, DumpId, Error, MachineId, Sha256, stop_codes, text};

/// Where a dump stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DumpState {
    /// Stored, waiting for a worker.
    Queued,
    /// A worker has it.
    Processing,
    /// Its crash is there.
    Done,
    /// It could not be read; the error says why.
    Failed,
}

impl DumpState {
    /// The name as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            DumpState::Queued => "queued",
            DumpState::Processing => "processing",
            DumpState::Done => "done",
            DumpState::Failed => "failed",
        }
    }

    /// The state that a row's words mean; `running` tells whether its job is in a worker's hands.
    pub(crate) fn read(state: &str, running: Option<i32>) -> Result<DumpState, Error> {
        match (state, running) {
            ("queued" | "done" | "failed", Some(_)) => Ok(DumpState::Processing),
            ("queued", None) => Ok(DumpState::Queued),
            ("done", None) => Ok(DumpState::Done),
            ("failed", None) => Ok(DumpState::Failed),
            _ => Err(Error::Row {
                table: "dump",
                column: "state",
            }),
        }
    }
}

/// One dump and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Dump {
    /// Its id.
    pub id: DumpId,
    /// Hash of its bytes: where its blob lies.
    pub sha256: Sha256,
    /// Inflated size.
    pub size_bytes: u64,
    /// What the magic bytes said, e.g. `kernel-triage`.
    pub format: String,
    /// Where it stands.
    pub state: DumpState,
    /// How often analysis was tried, a try under way included.
    pub attempts: u32,
    /// Why it failed.
    pub error: Option<String>,
    /// The machine it was uploaded for.
    pub machine_id: Option<MachineId>,
    /// That machine's name.
    pub machine: Option<String>,
    /// The crash it became.
    pub crash_id: Option<CrashId>,
    /// The name it was sent under.
    pub file_name: Option<String>,
    /// The other parts of its multipart upload, by name; stored and shown, never read.
    pub annotations: Option<serde_json::Value>,
    /// When it was received.
    pub received_at: OffsetDateTime,
}

struct Row {
    id: DumpId,
    sha256: Vec<u8>,
    size_bytes: i64,
    format: String,
    state: String,
    attempts: i32,
    error: Option<String>,
    machine_id: Option<MachineId>,
    machine: Option<String>,
    crash_id: Option<CrashId>,
    file_name: Option<String>,
    annotations: Option<serde_json::Value>,
    received_at: OffsetDateTime,
    running: Option<i32>,
}

impl TryFrom<Row> for Dump {
    type Error = Error;

    fn try_from(row: Row) -> Result<Dump, Error> {
        Ok(Dump {
            id: row.id,
            sha256: Sha256::from_slice(&row.sha256).ok_or(Error::Row {
                table: "dump",
                column: "sha256",
            })?,
            size_bytes: row.size_bytes.unsigned_abs(),
            format: row.format,
            state: DumpState::read(&row.state, row.running)?,
            attempts: row.running.unwrap_or(row.attempts).unsigned_abs(),
            error: row.error,
            machine_id: row.machine_id,
            machine: row.machine,
            crash_id: row.crash_id,
            file_name: row.file_name,
            annotations: row.annotations,
            received_at: row.received_at,
        })
    }
}

/// The dump with this id, or `None` if there is none.
///
/// # Errors
///
/// [`Error::Database`], [`Error::Row`].
#[tracing::instrument(name = "db.dumps.find", skip_all, fields(dump.id = %id))]
pub async fn find(conn: &mut PgConnection, id: DumpId) -> Result<Option<Dump>, Error> {
    let row = sqlx::query_as!(
        Row,
        r#"
            SELECT
                dump.id AS "id: DumpId", sha256, size_bytes, format, dump.state, dump.attempts, error,
                dump.machine_id AS "machine_id: MachineId", machine.name AS "machine?",
                crash_id AS "crash_id: CrashId", file_name, annotations, received_at,
                job.attempts AS "running?"
            FROM dump
            LEFT JOIN job ON job.key = dump.id::text AND job.kind IN ('analyze', 'reanalyze') AND job.state = 1
            LEFT JOIN machine ON machine.machine_id = dump.machine_id
            WHERE dump.id = $1
        "#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(Dump::try_from).transpose()
}

/// What became of one uploaded dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its id.
    pub id: DumpId,
    /// The name it was sent under.
    pub file_name: Option<String>,
    /// Inflated size.
    pub size_bytes: u64,
    /// Where it stands.
    pub state: DumpState,
    /// Why it failed.
    pub error: Option<String>,
    /// The name of the machine it was uploaded for.
    pub machine: Option<String>,
    /// The crash it became.
    pub crash: Option<OutcomeCrash>,
}

/// The crash that an uploaded dump became, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeCrash {
    /// Its id.
    pub id: CrashId,
    /// Its stop code, unless it is a process's crash.
    pub stop_code: Option<u32>,
    /// What groups it with others.
    pub signature: String,
}

struct OutcomeRow {
    id: DumpId,
    file_name: Option<String>,
    size_bytes: i64,
    state: String,
    error: Option<String>,
    machine: Option<String>,
    crash_id: Option<CrashId>,
    stop_code: Option<i64>,
    signature: Option<String>,
    running: Option<i32>,
}

impl TryFrom<OutcomeRow> for Outcome {
    type Error = Error;

    fn try_from(row: OutcomeRow) -> Result<Outcome, Error> {
        let crash = row.crash_id.zip(row.signature);
        Ok(Outcome {
            id: row.id,
            file_name: row.file_name,
            size_bytes: row.size_bytes.unsigned_abs(),
            state: DumpState::read(&row.state, row.running)?,
            error: row.error,
            machine: row.machine,
            crash: crash.map(|(id, signature)| OutcomeCrash {
                id,
                stop_code: row.stop_code.map(stop_codes::code_of),
                signature,
            }),
        })
    }
}

/// What became of the dumps with these ids, in their order; ids that no dump has are left out.
///
/// # Errors
///
/// [`Error::Database`], [`Error::Row`].
#[tracing::instrument(name = "db.dumps.outcomes", skip_all)]
pub async fn outcomes(conn: &mut PgConnection, ids: &[DumpId]) -> Result<Vec<Outcome>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query_as!(
        OutcomeRow,
        r#"
            SELECT
                dump.id AS "id: DumpId", dump.file_name, dump.size_bytes, dump.state, dump.error,
                machine.name AS "machine?", crash.id AS "crash_id?: CrashId", crash.stop_code AS "stop_code?",
                crash.signature AS "signature?", job.attempts AS "running?"
            FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (id, place)
            JOIN dump ON dump.id = wanted.id
            LEFT JOIN job ON job.key = dump.id::text AND job.kind IN ('analyze', 'reanalyze') AND job.state = 1
            LEFT JOIN machine ON machine.machine_id = dump.machine_id
            LEFT JOIN crash ON crash.id = dump.crash_id
            ORDER BY wanted.place
        "#,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Outcome::try_from).collect()
}

/// The id of the dump with these bytes, or `None` if the server has none.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.dumps.find_by_sha256", skip_all)]
pub async fn find_by_sha256(conn: &mut PgConnection, sha256: Sha256) -> Result<Option<DumpId>, Error> {
    let id = sqlx::query_scalar!(
        r#"SELECT id AS "id: DumpId" FROM dump WHERE sha256 = $1"#,
        sha256.as_bytes(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// Whether the server has a dump with these bytes; of `machine` alone, if one is named.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.dumps.is_known", skip_all)]
pub async fn is_known(
    conn: &mut PgConnection,
    sha256: Sha256,
    machine: Option<MachineId>,
) -> Result<bool, Error> {
    let known = sqlx::query_scalar!(
        r#"
            SELECT EXISTS (
                SELECT FROM dump WHERE sha256 = $1 AND ($2::uuid IS NULL OR machine_id = $2)
            ) AS "known!"
        "#,
        sha256.as_bytes(),
        machine.map(|machine| machine.0),
    )
    .fetch_one(conn)
    .await?;
    Ok(known)
}

/// Queues a settled dump for analysis again; the crash it became stays until it is replaced. `None` if there is no such
/// dump; one that is queued already is left alone.
///
/// Call it in a transaction.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.dumps.reprocess", skip_all, fields(dump.id = %id))]
pub async fn reprocess(conn: &mut PgConnection, id: DumpId) -> Result<Option<()>, Error> {
    let settled = sqlx::query!(
        "UPDATE dump SET state = 'queued', attempts = 0, error = NULL WHERE id = $1 AND state <> 'queued'",
        id.0,
    )
    .execute(&mut *conn)
    .await?;
    if settled.rows_affected() == 1 {
        // A dead letter about it is answered by the new job.
        sqlx::query!(
            "DELETE FROM job WHERE state = 2 AND kind IN ('analyze', 'reanalyze') AND key = $1",
            id.to_string(),
        )
        .execute(&mut *conn)
        .await?;
        jobs::enqueue_analysis(conn, id).await?;
        return Ok(Some(()));
    }
    let known = sqlx::query!("SELECT id FROM dump WHERE id = $1", id.0)
        .fetch_optional(conn)
        .await?;
    Ok(known.map(|_| ()))
}

/// Marks a dump as one that cannot be read, with the reason as a sentence. `fence` is the claim it was tried under; end
/// that claim by [`jobs::finish`] in the same transaction.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.dumps.mark_failed", skip_all, fields(dump.id = %id))]
pub async fn mark_failed(
    conn: &mut PgConnection,
    id: DumpId,
    fence: JobFence,
    error: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE dump SET state = 'failed', attempts = $2, error = $3 WHERE id = $1",
        id.0,
        fence.attempts,
        text::without_nul(error),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Those of `hashes` that neither a dump nor a symbol file has.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.dumps.without_row", skip_all)]
pub(crate) async fn without_row(conn: &mut PgConnection, hashes: &[Sha256]) -> Result<Vec<Sha256>, Error> {
    let wanted: Vec<Vec<u8>> = hashes.iter().map(|sha256| sha256.0.to_vec()).collect();
    let missing = sqlx::query_scalar!(
        r#"
            SELECT hash AS "hash!"
            FROM unnest($1::bytea[]) AS wanted (hash)
            WHERE NOT EXISTS (SELECT FROM dump WHERE dump.sha256 = wanted.hash)
                AND NOT EXISTS (SELECT FROM symbol_file WHERE symbol_file.sha256 = wanted.hash)
        "#,
        &wanted,
    )
    .fetch_all(conn)
    .await?;
    Ok(missing
        .iter()
        .filter_map(|hash| Sha256::from_slice(hash))
        .collect())
}
