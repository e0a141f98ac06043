//! Rankings held against proofs: was the driver that Windows named in a 0xCB the one that the ranking put first?
//!
//! Each change of a ranking's first suspect leaves a row. A 0xCB that names a driver is then compared with the ranking of
//! 0x76 that was the latest when it arrived, and that therefore cannot have known it. A verdict that accused nobody is
//! neither right nor wrong.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

use crate::Error;
use crate::experiments::{LEFT_LOCKED_PAGES, LOCKED_PAGES};
use crate::exposure::SURELY_NAMED;

/// 0xCBs that are older than this when they arrive are history.
const LOOK_BACK: Duration = Duration::days(91);

/// How often the first suspect was right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Score {
    /// 0xCBs in which Windows named a driver.
    pub proofs: u64,
    /// Those of them that arrived when a ranking of 0x76 accused somebody.
    pub judged: u64,
    /// Those of these that named its first suspect.
    pub right: u64,
}

/// Notes whom the ranking of a stop code, computed at `computed_at`, puts first; nothing if that is whom it put first
/// before. No versions: it accuses no driver.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.proofs.note_first_suspect", skip_all)]
pub async fn note_first_suspect(
    conn: &mut PgConnection,
    stop_code: u32,
    driver_version_ids: &[i32],
    computed_at: OffsetDateTime,
) -> Result<(), Error> {
    let mut versions = driver_version_ids.to_vec();
    versions.sort_unstable();
    versions.dedup();
    sqlx::query!(
        r#"
        INSERT INTO first_suspect (stop_code, driver_version_ids, since)
        SELECT $1, $2, $3
        WHERE $2 IS DISTINCT FROM (
            SELECT driver_version_ids FROM first_suspect WHERE stop_code = $1 ORDER BY since DESC, id DESC LIMIT 1
        )
        "#,
        i64::from(stop_code),
        &versions,
        computed_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes up the 0xCBs that named a driver and were not taken up yet; how many.
pub(crate) async fn take_up(conn: &mut PgConnection, now: OffsetDateTime) -> Result<u64, Error> {
    let taken_up = sqlx::query!(
        r#"
        -- What Windows named in 0xCBs that are new.
        WITH told AS (
            SELECT DISTINCT ON (crash.id) crash.id, crash.machine_id, crash.crashed_at, crash.received_at,
                coalesce(version.merged_into, version.id) AS driver_version_id
            FROM crash
            JOIN crash_evidence AS evidence
                ON evidence.machine_id = crash.machine_id
                AND evidence.crashed_at = crash.crashed_at
                AND evidence.crash_id = crash.id
            JOIN driver_version AS version ON version.id = evidence.driver_version_id
            WHERE crash.stop_code = $1
              AND crash.crashed_at >= $3
              AND crash.counts
              AND evidence.kind = 'named-by-windows'
              AND evidence.strength >= $4
              AND NOT EXISTS (SELECT FROM proof WHERE proof.crash_id = crash.id)
            ORDER BY crash.id, evidence.strength DESC, evidence.driver_version_id
        )
        INSERT INTO proof (crash_id, machine_id, crashed_at, received_at, driver_version_id, was_first)
        SELECT told.id, told.machine_id, told.crashed_at, told.received_at, told.driver_version_id,
            -- Null without a ranking, and with one that accused nobody.
            CASE WHEN cardinality(first.driver_version_ids) > 0 THEN EXISTS (
                SELECT
                FROM driver_version AS accused
                WHERE accused.id = ANY(first.driver_version_ids)
                  AND coalesce(accused.merged_into, accused.id) = told.driver_version_id
            ) END
        FROM told
        LEFT JOIN LATERAL (
            SELECT driver_version_ids
            FROM first_suspect
            WHERE first_suspect.stop_code = $2 AND first_suspect.since < told.received_at
            ORDER BY first_suspect.since DESC, first_suspect.id DESC
            LIMIT 1
        ) AS first ON true
        ON CONFLICT (crash_id) DO NOTHING
        "#,
        i64::from(LEFT_LOCKED_PAGES),
        i64::from(LOCKED_PAGES),
        now - LOOK_BACK,
        SURELY_NAMED,
    )
    .execute(conn)
    .await?;
    Ok(taken_up.rows_affected())
}

/// How often the first suspect was right, over all proofs.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.proofs.score", skip_all)]
pub async fn score(conn: &mut PgConnection) -> Result<Score, Error> {
    let row = sqlx::query!(
        r#"
        SELECT count(*) AS "proofs!", count(was_first) AS "judged!", count(*) FILTER (WHERE was_first) AS "right!"
        FROM proof
        "#
    )
    .fetch_one(conn)
    .await?;
    Ok(Score {
        proofs: row.proofs.unsigned_abs(),
        judged: row.judged.unsigned_abs(),
        right: row.right.unsigned_abs(),
    })
}
