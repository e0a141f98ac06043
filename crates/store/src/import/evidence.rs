//! What the stacks of imported crashes point at.
//!
//! History tells the names of modules, not their images, so a name is the version that the machine's latest inventory
//! before the crash had of it. A name that no inventory told points at nothing, as with dumps: the kernel is on every
//! stack.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::CrashLine;
use crate::drivers::base_name;
use crate::{Error, MachineId, driver_sets};

/// As with frames that were found by scanning: nobody knows how the stack was walked.
const KIND: &str = "stack-scan";

/// As strong as the innermost frame of a scanned stack.
const STRENGTH: f32 = 0.3;

/// Writes the evidence of crashes that were just inserted under these ids.
pub(super) async fn write(conn: &mut PgConnection, crashes: &[(&CrashLine, Uuid)]) -> Result<(), Error> {
    let with_stack = crashes
        .iter()
        .filter(|(crash, _)| !crash.stack_modules.is_empty());
    let crashes: Vec<(&CrashLine, Uuid)> = with_stack.copied().collect();
    if crashes.is_empty() {
        return Ok(());
    }
    let sets = sets(conn, &crashes).await?;
    let all: HashSet<i64> = sets.values().copied().collect();
    let members = driver_sets::members_of(conn, &all.into_iter().collect::<Vec<_>>()).await?;
    let versions = versions_by_name(conn, &crashes).await?;
    let mut rows = Rows::default();
    for (crash, id) in crashes {
        let installed = sets.get(&id).and_then(|set| members.get(set));
        let on_stack: HashSet<String> = crash
            .stack_modules
            .iter()
            .filter_map(|name| base_name(name))
            .collect();
        let named = on_stack.iter().filter_map(|name| versions.get(name)).flatten();
        for version in named.filter(|version| installed.is_some_and(|set| set.binary_search(version).is_ok()))
        {
            rows.machines.push(MachineId::of(&crash.machine).0);
            rows.times.push(crash.at);
            rows.ids.push(id);
            rows.versions.push(*version);
        }
    }
    rows.insert(conn).await
}

/// The drivers that the machine of each crash had, by crash.
async fn sets(conn: &mut PgConnection, crashes: &[(&CrashLine, Uuid)]) -> Result<HashMap<Uuid, i64>, Error> {
    let machines: Vec<Uuid> = crashes
        .iter()
        .map(|(crash, _)| MachineId::of(&crash.machine).0)
        .collect();
    let times: Vec<OffsetDateTime> = crashes.iter().map(|(crash, _)| crash.at).collect();
    let ids: Vec<Uuid> = crashes.iter().map(|(_, id)| *id).collect();
    let rows = sqlx::query!(
        r#"
        SELECT crash.id AS "id!", inventory.driver_set_id
        FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[]) AS crash (machine_id, at, id)
        CROSS JOIN LATERAL (
            SELECT inventory.driver_set_id
            FROM inventory
            WHERE inventory.machine_id = crash.machine_id AND inventory.at <= crash.at
            ORDER BY inventory.at DESC
            LIMIT 1
        ) AS inventory
        "#,
        &machines,
        &times,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.driver_set_id)).collect())
}

/// All versions of the drivers on the stacks, by the driver's name.
async fn versions_by_name(
    conn: &mut PgConnection,
    crashes: &[(&CrashLine, Uuid)],
) -> Result<HashMap<String, Vec<i32>>, Error> {
    let modules = crashes.iter().flat_map(|(crash, _)| &crash.stack_modules);
    let names: HashSet<String> = modules.filter_map(|name| base_name(name)).collect();
    let names: Vec<String> = names.into_iter().collect();
    let rows = sqlx::query!(
        r#"
        SELECT driver.name, driver_version.id
        FROM driver
        JOIN driver_version ON driver_version.driver_id = driver.id
        WHERE driver.name = ANY($1)
        "#,
        &names,
    )
    .fetch_all(conn)
    .await?;
    let mut versions: HashMap<String, Vec<i32>> = HashMap::new();
    for row in rows {
        versions.entry(row.name).or_default().push(row.id);
    }
    Ok(versions)
}

/// Columns of the evidence to be written.
#[derive(Default)]
struct Rows {
    machines: Vec<Uuid>,
    times: Vec<OffsetDateTime>,
    ids: Vec<Uuid>,
    versions: Vec<i32>,
}

impl Rows {
    async fn insert(self, conn: &mut PgConnection) -> Result<(), Error> {
        sqlx::query!(
            r#"
            INSERT INTO crash_evidence (machine_id, crashed_at, crash_id, driver_version_id, kind, strength)
            SELECT told.*, $5, $6
            FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::integer[]) AS told
            ON CONFLICT DO NOTHING
            "#,
            &self.machines,
            &self.times,
            &self.ids,
            &self.versions,
            KIND,
            STRENGTH,
        )
        .execute(conn)
        .await?;
        Ok(())
    }
}
