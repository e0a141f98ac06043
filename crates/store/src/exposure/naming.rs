//! Which drivers dumps point at: those of the cases, and those of all other stop codes for comparison.
//!
//! A driver that a parameter points to after it was unloaded was merely there, which exposure tells already, so
//! evidence of the kind `unloaded` names nobody.

use std::collections::HashMap;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::cases::CountedCrash;
use super::weights::for_each_set;
use crate::driver_sets::Merges;
use crate::{Error, Window};

/// `PROCESS_HAS_LOCKED_PAGES` and `DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS`: one fault, found late and found early.
const ONE_FAULT: [u32; 2] = [0x76, 0xcb];

/// How often dumps of other stop codes name a driver version.
///
/// The kernel and the usual bystanders are named everywhere, and this is how it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Naming {
    /// Dumps that name it.
    pub named: u32,
    /// Dumps of machines that had it.
    pub dumps: u32,
}

/// The versions that the dumps of these crashes point at, by crash.
pub(super) async fn named(
    conn: &mut PgConnection,
    crashes: &[&CountedCrash],
) -> Result<HashMap<Uuid, Vec<i32>>, Error> {
    let machines: Vec<Uuid> = crashes.iter().map(|crash| crash.machine.0).collect();
    let times: Vec<OffsetDateTime> = crashes.iter().map(|crash| crash.crashed_at).collect();
    let ids: Vec<Uuid> = crashes.iter().map(|crash| crash.id).collect();
    let rows = sqlx::query!(
        r#"
        SELECT DISTINCT told.crash_id AS "crash_id!", coalesce(version.merged_into, version.id) AS "version!"
        FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[]) AS told (machine_id, crashed_at, crash_id)
        JOIN crash_evidence AS evidence
            ON evidence.machine_id = told.machine_id
            AND evidence.crashed_at = told.crashed_at
            AND evidence.crash_id = told.crash_id
        JOIN driver_version AS version ON version.id = evidence.driver_version_id
        WHERE evidence.kind <> 'unloaded'
        "#,
        &machines,
        &times,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    let mut named: HashMap<Uuid, Vec<i32>> = HashMap::new();
    for row in rows {
        named.entry(row.crash_id).or_default().push(row.version);
    }
    Ok(named)
}

/// How often dumps of other stop codes name each version, by version id; versions without such dumps are left out.
pub(super) async fn elsewhere(
    conn: &mut PgConnection,
    stop_code: u32,
    window: Window,
    merges: &Merges,
) -> Result<HashMap<i32, Naming>, Error> {
    let mut naming: HashMap<i32, Naming> = HashMap::new();
    let by_set = dumps_by_set(conn, stop_code, window).await?;
    let sets: Vec<i64> = by_set.keys().copied().collect();
    for_each_set(conn, &sets, merges, |set, members| {
        for version in members {
            let dumps = by_set.get(&set).copied().unwrap_or(0);
            naming.entry(*version).or_default().dumps += dumps;
        }
    })
    .await?;
    for (version, named) in named_elsewhere(conn, stop_code, window).await? {
        let naming = naming.entry(version).or_default();
        naming.named = named;
        naming.dumps = naming.dumps.max(named);
    }
    Ok(naming)
}

/// The stop codes that are not "other": the asked one, and one that is the same fault.
fn same_fault(stop_code: u32) -> Vec<i64> {
    if ONE_FAULT.contains(&stop_code) {
        ONE_FAULT.map(i64::from).to_vec()
    } else {
        vec![i64::from(stop_code)]
    }
}

/// Dumps of other stop codes by the drivers that they list; those that others read, by the machine's inventory.
async fn dumps_by_set(
    conn: &mut PgConnection,
    stop_code: u32,
    window: Window,
) -> Result<HashMap<i64, u32>, Error> {
    let rows = sqlx::query!(
        r#"
        SELECT coalesce(crash.driver_set_id, told.driver_set_id) AS "set!", count(*) AS "dumps!"
        FROM crash
        LEFT JOIN LATERAL (
            SELECT inventory.driver_set_id
            FROM inventory
            WHERE crash.driver_set_id IS NULL
              AND inventory.machine_id = crash.machine_id
              AND inventory.at <= crash.crashed_at
            ORDER BY inventory.at DESC
            LIMIT 1
        ) AS told ON true
        WHERE crash.kind = 'kernel' AND crash.counts
          AND crash.crashed_at >= $2 AND crash.crashed_at < $3
          AND crash.stop_code <> ALL($1)
          AND coalesce(crash.driver_set_id, told.driver_set_id) IS NOT NULL
          AND (crash.source = 'dump' OR crash.source = 'import' AND coalesce(crash.report -> 'frames', '[]') <> '[]')
        GROUP BY 1
        "#,
        &same_fault(stop_code),
        window.start(),
        window.end(),
    )
    .fetch_all(conn)
    .await?;
    let dumps = rows.into_iter().map(|row| (row.set, number(row.dumps)));
    Ok(dumps.collect())
}

/// Dumps of other stop codes that name a version, by version.
async fn named_elsewhere(
    conn: &mut PgConnection,
    stop_code: u32,
    window: Window,
) -> Result<HashMap<i32, u32>, Error> {
    let rows = sqlx::query!(
        r#"
        SELECT coalesce(version.merged_into, version.id) AS "version!", count(DISTINCT crash.id) AS "named!"
        FROM crash_evidence AS evidence
        JOIN crash
            ON crash.machine_id = evidence.machine_id
            AND crash.crashed_at = evidence.crashed_at
            AND crash.id = evidence.crash_id
        JOIN driver_version AS version ON version.id = evidence.driver_version_id
        WHERE evidence.crashed_at >= $2 AND evidence.crashed_at < $3
          AND crash.crashed_at >= $2 AND crash.crashed_at < $3
          AND evidence.kind <> 'unloaded'
          AND crash.kind = 'kernel' AND crash.counts
          AND crash.stop_code <> ALL($1)
        GROUP BY 1
        "#,
        &same_fault(stop_code),
        window.start(),
        window.end(),
    )
    .fetch_all(conn)
    .await?;
    let named = rows.into_iter().map(|row| (row.version, number(row.named)));
    Ok(named.collect())
}

fn number(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
