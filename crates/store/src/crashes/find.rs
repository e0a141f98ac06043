//! One crash with its report.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{BugCheck, Confidence, Counted, Crash, CrashSummary};
use crate::{CrashId, DumpId, Error};

/// The columns of a crash, as this module and the lists read them.
pub(super) struct Row {
    pub(super) id: CrashId,
    pub(super) dump_id: Option<DumpId>,
    pub(super) machine: Option<String>,
    pub(super) source: String,
    pub(super) kind: String,
    pub(super) counts: bool,
    pub(super) crashed_at: OffsetDateTime,
    pub(super) received_at: OffsetDateTime,
    pub(super) stop_code: Option<i64>,
    pub(super) raw_code: Option<i64>,
    pub(super) parameters: Vec<i64>,
    pub(super) uptime_seconds: Option<i64>,
    pub(super) process: Option<String>,
    pub(super) os_build: Option<i32>,
    pub(super) manufacturer: Option<String>,
    pub(super) model: Option<String>,
    pub(super) signature: String,
    pub(super) probable_driver: Option<String>,
    pub(super) probable_driver_version: Option<String>,
    pub(super) confidence: Option<String>,
    pub(super) report: Option<serde_json::Value>,
}

impl Row {
    pub(super) fn bug_check(&self) -> Option<BugCheck> {
        let code = u32::try_from(self.stop_code?).ok()?;
        Some(BugCheck {
            code,
            raw_code: self
                .raw_code
                .and_then(|raw_code| u32::try_from(raw_code).ok())
                .unwrap_or(code),
            parameters: self.parameters.iter().copied().map(i64::cast_unsigned).collect(),
        })
    }

    pub(super) fn counted(&self) -> Counted {
        if self.counts { Counted::Yes } else { Counted::No }
    }

    pub(super) fn confidence(&self) -> Result<Option<Confidence>, Error> {
        self.confidence.as_deref().map(Confidence::read).transpose()
    }
}

/// The crash with this id, or `None` if there is none.
///
/// # Errors
///
/// [`Error::Database`], [`Error::Row`].
#[tracing::instrument(name = "db.crashes.find", skip_all, fields(crash.id = %id))]
pub async fn find(conn: &mut PgConnection, id: CrashId) -> Result<Option<Crash>, Error> {
    let row = sqlx::query_as!(
        Row,
        r#"
            SELECT
                crash.id AS "id: CrashId", dump_id AS "dump_id: DumpId", machine.name AS "machine?", source,
                kind, counts, crashed_at, received_at, stop_code, raw_code, crash.parameters, uptime_seconds,
                process, crash.os_build, hardware_model.manufacturer AS "manufacturer?",
                hardware_model.model AS "model?", signature, probable_driver,
                driver_version.version AS "probable_driver_version?", confidence, report AS "report?"
            FROM crash
            LEFT JOIN machine ON machine.machine_id = crash.machine_id
            LEFT JOIN hardware_model ON hardware_model.id = crash.model_id
            LEFT JOIN driver_version AS told ON told.id = crash.probable_driver_version_id
            LEFT JOIN driver_version ON driver_version.id = coalesce(told.merged_into, told.id)
            WHERE crash.id = $1
        "#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    let Some(mut row) = row else {
        return Ok(None);
    };
    let report = row.report.take().unwrap_or_default();
    let summary = CrashSummary::try_from(row)?;
    Ok(Some(Crash { summary, report }))
}
