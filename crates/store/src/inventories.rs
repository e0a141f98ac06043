//! Which machine had which drivers when.
//!
//! History on change: a row says what a machine had from a moment on, until its next row. An inventory that tells
//! nothing new writes no row.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use sqlx::PgConnection;
use time::{Date, OffsetDateTime, UtcOffset};
use uuid::Uuid;

use crate::driver_sets::{self, DriverSet, DriverSetHash};
use crate::drivers::{self, InventoryDriver};
use crate::machines::{self, Attributes};
use crate::{Error, MachineId, presence};

/// An inventory as an agent sends it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewInventory {
    /// The machine, as its client names it.
    pub machine: String,
    /// When it was taken.
    pub at: OffsetDateTime,
    /// What the machine is.
    pub attributes: Attributes,
    /// Whether and how it can write dumps; stored and shown, never read.
    pub crash_control: Option<Value>,
    /// Its loaded drivers.
    pub drivers: InventoryDrivers,
}

/// How an inventory tells the drivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InventoryDrivers {
    /// In full; the loaded ones only.
    Whole(Vec<InventoryDriver>),
    /// By the hash that the server answered before.
    Hash(DriverSetHash),
    /// Not at all: what was known stays.
    Untold,
}

/// What became of an inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// The machine's drivers.
    pub driver_set: DriverSet,
    /// Whether they differ from its inventory before.
    pub changed: bool,
}

/// Records an inventory; `None`, and nothing is written, if it names a hash that is not known.
///
/// Wants a transaction: it writes to several tables. A time after `now` is taken as `now`.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.inventories.record", skip_all)]
pub async fn record(
    conn: &mut PgConnection,
    inventory: &NewInventory,
    now: OffsetDateTime,
) -> Result<Option<Recorded>, Error> {
    let at = inventory.at.min(now);
    let machine = MachineId::of(&inventory.machine);
    let driver_set = match &inventory.drivers {
        InventoryDrivers::Whole(drivers) => {
            let versions = drivers::resolve_inventory(conn, drivers, at.date()).await?;
            let versions: Vec<i32> = versions.into_iter().flatten().collect();
            driver_sets::intern(conn, &versions).await?
        }
        InventoryDrivers::Hash(hash) => match driver_sets::find_by_hash(conn, *hash).await? {
            Some(driver_set) => driver_set,
            None => return Ok(None),
        },
        InventoryDrivers::Untold => current_set(conn, machine).await?,
    };
    let crash_control = inventory.crash_control.as_ref();
    machines::upsert(
        conn,
        &inventory.machine,
        &inventory.attributes,
        crash_control,
        now,
    )
    .await?;
    let before = before(conn, machine, at).await?;
    let changed = before
        .as_ref()
        .is_none_or(|before| before.driver_set_id != driver_set.id);
    if changed || before.is_some_and(|before| before.attributes_changed) {
        insert_many(conn, &[(machine, at, driver_set.id)], now).await?;
    }
    Ok(Some(Recorded { driver_set, changed }))
}

/// What a machine's row before an inventory says.
struct Before {
    driver_set_id: i64,
    /// Whether build or model differ from what they are now.
    attributes_changed: bool,
}

async fn before(
    conn: &mut PgConnection,
    machine: MachineId,
    at: OffsetDateTime,
) -> Result<Option<Before>, Error> {
    let before = sqlx::query_as!(
        Before,
        r#"
        SELECT inventory.driver_set_id,
            inventory.os_build IS DISTINCT FROM machine.os_build
                OR inventory.model_id IS DISTINCT FROM machine.model_id AS "attributes_changed!"
        FROM inventory
        JOIN machine USING (machine_id)
        WHERE machine_id = $1 AND inventory.at <= $2
        ORDER BY inventory.at DESC
        LIMIT 1
        "#,
        machine.0,
        at,
    )
    .fetch_optional(conn)
    .await?;
    Ok(before)
}

/// The machine's drivers as far as they are known.
async fn current_set(conn: &mut PgConnection, machine: MachineId) -> Result<DriverSet, Error> {
    let id = sqlx::query_scalar!(
        "SELECT driver_set_id FROM machine WHERE machine_id = $1",
        machine.0
    )
    .fetch_optional(&mut *conn)
    .await?
    .unwrap_or(driver_sets::UNKNOWN);
    let hash = driver_sets::hash_of(conn, id).await?;
    let hash = hash.ok_or(Error::Database(sqlx::Error::RowNotFound))?;
    Ok(DriverSet { id, hash })
}

/// Writes inventories of machines that have a row, and files days of presence again that they change.
///
/// Of two with the same machine and time the later one holds.
pub(crate) async fn insert_many(
    conn: &mut PgConnection,
    inventories: &[(MachineId, OffsetDateTime, i64)],
    now: OffsetDateTime,
) -> Result<(), Error> {
    let inventories: BTreeMap<(MachineId, OffsetDateTime), i64> = inventories
        .iter()
        .map(|(machine, at, set)| ((*machine, *at), *set))
        .collect();
    let machines: Vec<Uuid> = inventories.keys().map(|(machine, _)| machine.0).collect();
    let times: Vec<OffsetDateTime> = inventories.keys().map(|(_, at)| *at).collect();
    let sets: Vec<i64> = inventories.values().copied().collect();
    sqlx::query!(
        r#"
        -- Inventories as they are told.
        WITH told AS (
            SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::bigint[]) AS told (machine_id, at, driver_set_id)
        ),
        -- The latest of each machine is what it has now, unless a later one is known already.
        latest AS (
            SELECT DISTINCT ON (machine_id) machine_id, at, driver_set_id
            FROM told
            ORDER BY machine_id, at DESC
        ),
        current AS (
            UPDATE machine
            SET driver_set_id = latest.driver_set_id, inventory_at = latest.at
            FROM latest
            WHERE machine.machine_id = latest.machine_id
              AND (machine.inventory_at IS NULL OR machine.inventory_at <= latest.at)
        )
        INSERT INTO inventory (machine_id, at, driver_set_id, os_build, model_id)
        SELECT told.machine_id, told.at, told.driver_set_id, machine.os_build, machine.model_id
        FROM told
        JOIN machine USING (machine_id)
        ON CONFLICT (machine_id, at) DO UPDATE
        SET driver_set_id = excluded.driver_set_id, os_build = excluded.os_build, model_id = excluded.model_id
        "#,
        &machines,
        &times,
        &sets,
    )
    .execute(&mut *conn)
    .await?;
    let mut since: BTreeMap<MachineId, Date> = BTreeMap::new();
    for (machine, at) in inventories.keys() {
        since
            .entry(*machine)
            .or_insert(at.to_offset(UtcOffset::UTC).date());
    }
    presence::file_again(conn, &since, now).await
}

/// The driver set that each machine had at a moment; none for a machine without an inventory that old.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn sets_at(
    conn: &mut PgConnection,
    asked: &[(MachineId, OffsetDateTime)],
) -> Result<HashMap<(MachineId, OffsetDateTime), i64>, Error> {
    let machines: Vec<Uuid> = asked.iter().map(|(machine, _)| machine.0).collect();
    let moments: Vec<OffsetDateTime> = asked.iter().map(|(_, at)| *at).collect();
    let rows = sqlx::query!(
        r#"
        SELECT asked.position AS "position!", held.driver_set_id
        FROM unnest($1::uuid[], $2::timestamptz[]) WITH ORDINALITY AS asked (machine_id, at, position)
        CROSS JOIN LATERAL (
            SELECT driver_set_id
            FROM inventory
            WHERE inventory.machine_id = asked.machine_id AND inventory.at <= asked.at
            ORDER BY inventory.at DESC
            LIMIT 1
        ) AS held
        "#,
        &machines,
        &moments,
    )
    .fetch_all(conn)
    .await?;
    let sets = rows.into_iter().filter_map(|row| {
        let position = usize::try_from(row.position).ok()?.checked_sub(1)?;
        Some((*asked.get(position)?, row.driver_set_id))
    });
    Ok(sets.collect())
}

/// The inventories that tell which set each machine had on each day from `from` to `to`, by machine and time.
///
/// For every machine all of the span, and the last one before it.
pub(crate) async fn over_days(
    conn: &mut PgConnection,
    machines: &[Uuid],
    from: &[Date],
    to: &[Date],
) -> Result<HashMap<MachineId, Vec<(Date, i64)>>, Error> {
    let rows = sqlx::query!(
        r#"
        SELECT inventory.machine_id, inventory.at, inventory.driver_set_id
        FROM unnest($1::uuid[], $2::date[], $3::date[]) AS span (machine_id, from_day, to_day)
        JOIN inventory USING (machine_id)
        WHERE inventory.at < (span.to_day + 1)::timestamp AT TIME ZONE 'UTC'
          AND inventory.at >= coalesce(
              (
                  SELECT max(before.at)
                  FROM inventory AS before
                  WHERE before.machine_id = span.machine_id
                    AND before.at < (span.from_day + 1)::timestamp AT TIME ZONE 'UTC'
              ),
              '-infinity'
          )
        ORDER BY inventory.machine_id, inventory.at
        "#,
        machines,
        from,
        to,
    )
    .fetch_all(conn)
    .await?;
    let mut by_machine: HashMap<MachineId, Vec<(Date, i64)>> = HashMap::new();
    for row in rows {
        let day = row.at.to_offset(UtcOffset::UTC).date();
        let known = by_machine.entry(MachineId(row.machine_id)).or_default();
        known.push((day, row.driver_set_id));
    }
    Ok(by_machine)
}
