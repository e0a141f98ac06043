//! What dumps say directly of a driver version.

use std::collections::HashMap;

use sqlx::PgConnection;

use crate::{Error, Window};

/// Evidence that is weaker names a layer of Windows for want of a driver: that proves nothing.
pub(crate) const SURELY_NAMED: f32 = 0.9;

/// How often dumps with a stop code point at a driver version directly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DirectEvidence {
    /// 0xCB crashes at which Windows named it, whatever stop code was asked for.
    pub named_by_windows: u64,
    /// Crashes with it on a trusted stack.
    pub on_trusted_stack: u64,
    /// Crashes at which it had been unloaded.
    pub unloaded_at_crash: u64,
}

/// What dumps of the stop code in the window say directly of each of these versions, in the same order.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.exposure.direct_evidence", skip_all)]
pub async fn direct_evidence(
    conn: &mut PgConnection,
    stop_code: u32,
    window: Window,
    driver_version_ids: &[i32],
) -> Result<Vec<DirectEvidence>, Error> {
    let rows = sqlx::query!(
        r#"
        SELECT coalesce(driver_version.merged_into, driver_version.id) AS "driver_version_id!",
            count(DISTINCT crash.id) FILTER (
                WHERE crash_evidence.kind = 'named-by-windows' AND crash.stop_code = 203 -- 0xCB
                  AND crash_evidence.strength >= $5
            ) AS "named!",
            count(DISTINCT crash.id) FILTER (
                WHERE crash_evidence.kind = 'stack' AND crash.stop_code = $1
            ) AS "on_stack!",
            count(DISTINCT crash.id) FILTER (
                WHERE crash_evidence.kind = 'unloaded' AND crash.stop_code = $1
            ) AS "unloaded!"
        FROM driver_version
        JOIN crash_evidence
            ON crash_evidence.driver_version_id = driver_version.id
            AND crash_evidence.crashed_at >= $2 AND crash_evidence.crashed_at < $3
        JOIN crash
            ON crash.machine_id = crash_evidence.machine_id
            AND crash.crashed_at = crash_evidence.crashed_at
            AND crash.id = crash_evidence.crash_id
        WHERE (driver_version.id = ANY($4) OR driver_version.merged_into = ANY($4)) AND crash.counts
        GROUP BY 1
        "#,
        i64::from(stop_code),
        window.start(),
        window.end(),
        driver_version_ids,
        SURELY_NAMED,
    )
    .fetch_all(conn)
    .await?;
    let found: HashMap<i32, DirectEvidence> = rows
        .into_iter()
        .map(|row| {
            let evidence = DirectEvidence {
                named_by_windows: row.named.unsigned_abs(),
                on_trusted_stack: row.on_stack.unsigned_abs(),
                unloaded_at_crash: row.unloaded.unsigned_abs(),
            };
            (row.driver_version_id, evidence)
        })
        .collect();
    let in_order = driver_version_ids.iter();
    Ok(in_order
        .map(|id| found.get(id).copied().unwrap_or_default())
        .collect())
}
