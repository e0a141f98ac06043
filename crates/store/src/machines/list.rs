//! Finding machines.

use std::collections::HashMap;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Attributes, Machine, MachineId};
use crate::driver_sets::{self, Merges};
use crate::exposure::for_each_set;
use crate::{Error, Page, drivers, text};

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

/// Which machines; what is `None` is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Whose names start with this, in upper or lower case.
    pub search: Option<String>,
    /// That have this driver by their latest inventory; base name, lower case.
    pub driver: Option<String>,
    /// That have this version of it.
    pub version: Option<String>,
    /// Of this hardware model.
    pub model: Option<String>,
    /// On this Windows build.
    pub os_build: Option<u32>,
}

/// A filter as a query wants it.
#[derive(Debug, Default)]
struct Wanted {
    search: Option<String>,
    only: Option<Uuid>,
    /// The driver sets that hold what is asked for.
    sets: Option<Vec<i64>>,
    model: Option<String>,
    os_build: Option<i32>,
}

/// Machines by name, at most `limit`, after the one named `after`.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.machines.list", skip_all)]
pub async fn list(
    conn: &mut PgConnection,
    filter: &Filter,
    after: Option<&str>,
    limit: u32,
) -> Result<Page<MachineSummary, String>, Error> {
    let wanted = wanted(conn, filter).await?;
    let rows = summaries(conn, &wanted, after, i64::from(limit) + 1).await?;
    Ok(Page::cut(rows, limit, |machine| machine.name.clone()))
}

/// How many machines there are of this kind.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.machines.count", skip_all)]
pub async fn count(conn: &mut PgConnection, filter: &Filter) -> Result<u64, Error> {
    let wanted = wanted(conn, filter).await?;
    let count = sqlx::query_scalar!(
        r#"
        SELECT count(*) AS "count!"
        FROM machine
        WHERE ($1::bigint[] IS NULL OR machine.driver_set_id = ANY ($1))
          AND ($2::text IS NULL OR machine.model = $2)
          AND ($3::integer IS NULL OR machine.os_build = $3)
          AND ($4::text IS NULL OR starts_with(lower(machine.name), lower($4)))
        "#,
        wanted.sets.as_deref(),
        wanted.model,
        wanted.os_build,
        wanted.search,
    )
    .fetch_one(conn)
    .await?;
    Ok(count.unsigned_abs())
}

async fn wanted(conn: &mut PgConnection, filter: &Filter) -> Result<Wanted, Error> {
    let sets = match &filter.driver {
        None => None,
        Some(driver) => {
            let version = filter.version.as_deref();
            let versions = drivers::versions_named(conn, driver, version).await?;
            Some(sets_with(conn, &versions).await?)
        }
    };
    Ok(Wanted {
        search: filter.search.as_deref().map(text::without_nul),
        only: None,
        sets,
        model: filter.model.as_deref().map(text::without_nul),
        os_build: filter.os_build.map(u32::cast_signed),
    })
}

/// The driver sets that machines have now and that hold one of these versions.
pub(crate) async fn sets_with(
    conn: &mut PgConnection,
    driver_version_ids: &[i32],
) -> Result<Vec<i64>, Error> {
    if driver_version_ids.is_empty() {
        return Ok(Vec::new());
    }
    let in_use = sqlx::query_scalar!(
        "SELECT DISTINCT driver_set_id FROM machine WHERE driver_set_id <> $1",
        driver_sets::UNKNOWN,
    )
    .fetch_all(&mut *conn)
    .await?;
    let merges = Merges::load(conn).await?;
    let mut sets = Vec::new();
    for_each_set(conn, &in_use, &merges, |set, members| {
        if driver_version_ids
            .iter()
            .any(|id| members.binary_search(id).is_ok())
        {
            sets.push(set);
        }
    })
    .await?;
    Ok(sets)
}

/// One machine as the list shows it.
pub(super) async fn summary(conn: &mut PgConnection, id: MachineId) -> Result<Option<MachineSummary>, Error> {
    let wanted = Wanted {
        only: Some(id.0),
        ..Wanted::default()
    };
    Ok(summaries(conn, &wanted, None, 1).await?.pop())
}

async fn summaries(
    conn: &mut PgConnection,
    wanted: &Wanted,
    after: Option<&str>,
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
          AND ($3::bigint[] IS NULL OR machine.driver_set_id = ANY ($3))
          AND ($4::text IS NULL OR machine.model = $4)
          AND ($5::integer IS NULL OR machine.os_build = $5)
          AND ($6::text IS NULL OR starts_with(lower(machine.name), lower($6)))
        ORDER BY machine.name
        LIMIT $7
        "#,
        after,
        wanted.only,
        wanted.sets.as_deref(),
        wanted.model,
        wanted.os_build,
        wanted.search,
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
