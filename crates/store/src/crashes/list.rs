//! Lists of crashes, newest first.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::find::Row;
use super::{CrashSummary, Kind, Source};
use crate::{CrashId, DumpId, Error, MachineId};

/// Which crashes to list; what is `None` is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this stop code, bit 28 cleared.
    pub stop_code: Option<u32>,
    /// Pointing at this driver, by its base name in any case.
    pub driver: Option<String>,
    /// Pointing at this version of a driver.
    pub version: Option<String>,
    /// Of this machine.
    pub machine: Option<MachineId>,
    /// With this current process.
    pub process: Option<String>,
    /// With this signature.
    pub signature: Option<String>,
    /// Of machines of this hardware model.
    pub model: Option<String>,
    /// On this Windows build.
    pub os_build: Option<u32>,
    /// At this time or later.
    pub from: Option<OffsetDateTime>,
    /// Before this time.
    pub to: Option<OffsetDateTime>,
}

/// The place after one crash of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// That crash's time.
    pub crashed_at: OffsetDateTime,
    /// Its id, which orders crashes of one time.
    pub id: CrashId,
}

impl CrashSummary {
    /// The place after this crash.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            crashed_at: self.crashed_at,
            id: self.id,
        }
    }
}

/// At most `limit` crashes after `after`, newest first.
///
/// # Errors
///
/// [`Error::Database`], [`Error::Row`].
#[tracing::instrument(name = "db.crashes.list", skip_all)]
pub async fn list(
    conn: &mut PgConnection,
    filter: &Filter,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Vec<CrashSummary>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"
            SELECT
                crash.id AS "id: CrashId", dump_id AS "dump_id: DumpId", machine.name AS "machine?", source,
                kind, counts, crashed_at, received_at, stop_code, raw_code, crash.parameters, uptime_seconds,
                process, crash.os_build, hardware_model.manufacturer AS "manufacturer?",
                hardware_model.model AS "model?", signature, probable_driver,
                driver_version.version AS "probable_driver_version?", confidence, NULL::jsonb AS report
            FROM crash
            LEFT JOIN machine ON machine.machine_id = crash.machine_id
            LEFT JOIN hardware_model ON hardware_model.id = crash.model_id
            LEFT JOIN driver_version AS told ON told.id = crash.probable_driver_version_id
            LEFT JOIN driver_version ON driver_version.id = coalesce(told.merged_into, told.id)
            WHERE ($1::bigint IS NULL OR stop_code = $1)
                AND ($2::text IS NULL OR probable_driver = lower($2))
                AND ($3::uuid IS NULL OR crash.machine_id = $3)
                AND ($4::text IS NULL OR process = $4)
                AND ($5::text IS NULL OR signature = $5)
                AND ($6::integer IS NULL OR crash.os_build = $6)
                AND ($12::text IS NULL OR driver_version.version = $12)
                AND ($13::text IS NULL OR hardware_model.model = $13)
                AND crashed_at >= coalesce($7, '-infinity'::timestamptz)
                AND crashed_at < coalesce($8, 'infinity'::timestamptz)
                AND ($9::timestamptz IS NULL OR (crashed_at, crash.id) < ($9, $10::uuid))
            ORDER BY crashed_at DESC, crash.id DESC
            LIMIT $11
        "#,
        filter.stop_code.map(i64::from),
        filter.driver,
        filter.machine.map(|machine| machine.0),
        filter.process,
        filter.signature,
        filter.os_build.map(u32::cast_signed),
        filter.from,
        filter.to,
        after.map(|cursor| cursor.crashed_at),
        after.map_or(Uuid::nil(), |cursor| cursor.id.0),
        i64::from(limit),
        filter.version,
        filter.model,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(CrashSummary::try_from).collect()
}

impl TryFrom<Row> for CrashSummary {
    type Error = Error;

    fn try_from(row: Row) -> Result<CrashSummary, Error> {
        Ok(CrashSummary {
            id: row.id,
            bug_check: row.bug_check(),
            counted: row.counted(),
            source: Source::read(&row.source)?,
            kind: Kind::read(&row.kind)?,
            confidence: row.confidence()?,
            dump: row.dump_id,
            machine: row.machine,
            crashed_at: row.crashed_at,
            received_at: row.received_at,
            uptime_seconds: row.uptime_seconds.map(i64::unsigned_abs),
            process: row.process,
            os_build: row.os_build.map(i32::cast_unsigned),
            hardware: row.manufacturer.zip(row.model),
            signature: row.signature,
            probable_driver: row.probable_driver,
            probable_driver_version: row.probable_driver_version,
        })
    }
}
