//! Finding machines.

use std::collections::HashMap;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Attributes, Machine, MachineId};
use crate::{Error, Page};

/// One machine in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineSummary {
    /// Its id.
    pub id: MachineId,
    /// The id its client gave it.
    pub name: String,
    /// What it is.
    pub attributes: Attributes,
    /// When it was last heard of.
    pub last_seen_at: OffsetDateTime,
    /// Crashes known of it.
    pub crashes: u64,
    /// Its latest crash.
    pub last_crash_at: Option<OffsetDateTime>,
}

/// The machine that its client calls `name`, or `None` if it was never heard of.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.machines.find", skip_all)]
pub async fn find(conn: &mut PgConnection, name: &str) -> Result<Option<Machine>, Error> {
    let row = sqlx::query!(
        r#"
        SELECT machine_id, name, host_name, manufacturer, model, bios_version, os_build, architecture, site, ring,
            model_id, driver_set_id, inventory_at, last_seen_at
        FROM machine
        WHERE machine_id = $1
        "#,
        MachineId::of(name).0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Machine {
        id: MachineId(row.machine_id),
        name: row.name,
        attributes: Attributes {
            host_name: row.host_name,
            manufacturer: row.manufacturer,
            model: row.model,
            bios_version: row.bios_version,
            os_build: row.os_build.map(i32::cast_unsigned),
            architecture: row.architecture,
            site: row.site,
            ring: row.ring,
        },
        model_id: row.model_id,
        driver_set_id: row.driver_set_id,
        inventory_at: row.inventory_at,
        last_seen_at: row.last_seen_at,
    }))
}

/// The names of machines, for showing rows that hold their ids. Unknown ids are left out.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn names(conn: &mut PgConnection, ids: &[MachineId]) -> Result<HashMap<MachineId, String>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        "SELECT machine_id, name FROM machine WHERE machine_id = ANY($1)",
        &ids
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (MachineId(row.machine_id), row.name))
        .collect())
}

/// Machines by name, at most `limit`, after the one named `after`.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.machines.list", skip_all)]
pub async fn list(
    conn: &mut PgConnection,
    after: Option<&str>,
    limit: u32,
) -> Result<Page<MachineSummary, String>, Error> {
    let rows = summaries(conn, after, None, i64::from(limit) + 1).await?;
    Ok(Page::cut(rows, limit, |machine| machine.name.clone()))
}

/// One machine as the list shows it.
pub(super) async fn summary(conn: &mut PgConnection, id: MachineId) -> Result<Option<MachineSummary>, Error> {
    Ok(summaries(conn, None, Some(id), 1).await?.pop())
}

async fn summaries(
    conn: &mut PgConnection,
    after: Option<&str>,
    only: Option<MachineId>,
    limit: i64,
) -> Result<Vec<MachineSummary>, Error> {
    let rows = sqlx::query!(
        r#"
        SELECT machine_id, name, host_name, manufacturer, model, bios_version, os_build, architecture, site, ring,
            last_seen_at, crashes.count AS "crashes!", crashes.last_at AS last_crash_at
        FROM machine
        CROSS JOIN LATERAL (
            SELECT count(*), max(crash.crashed_at) AS last_at
            FROM crash
            WHERE crash.machine_id = machine.machine_id
        ) AS crashes
        WHERE ($1::text IS NULL OR machine.name > $1)
          AND ($2::uuid IS NULL OR machine.machine_id = $2)
        ORDER BY machine.name
        LIMIT $3
        "#,
        after,
        only.map(|id| id.0),
        limit,
    )
    .fetch_all(conn)
    .await?;
    let machines = rows.into_iter().map(|row| MachineSummary {
        id: MachineId(row.machine_id),
        name: row.name,
        attributes: Attributes {
            host_name: row.host_name,
            manufacturer: row.manufacturer,
            model: row.model,
            bios_version: row.bios_version,
            os_build: row.os_build.map(i32::cast_unsigned),
            architecture: row.architecture,
            site: row.site,
            ring: row.ring,
        },
        last_seen_at: row.last_seen_at,
        crashes: row.crashes.unsigned_abs(),
        last_crash_at: row.last_crash_at,
    });
    Ok(machines.collect())
}
