//! Writing what machines say of themselves.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Attributes, MachineId};
use crate::Error;
use crate::text::{json_without_nul, without_nul};

/// A machine to be written.
#[derive(Debug, Clone)]
pub(crate) struct NewMachine {
    pub(crate) name: String,
    pub(crate) attributes: Attributes,
}

/// Writes what is known of a machine; absent attributes stay as they are.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.machines.upsert", skip_all)]
pub async fn upsert(
    conn: &mut PgConnection,
    name: &str,
    attributes: &Attributes,
    crash_control: Option<&Value>,
    now: OffsetDateTime,
) -> Result<MachineId, Error> {
    let id = MachineId::of(name);
    let machine = NewMachine {
        name: name.to_owned(),
        attributes: attributes.clone(),
    };
    upsert_many(conn, &[machine], now).await?;
    if let Some(crash_control) = crash_control {
        sqlx::query!(
            "UPDATE machine SET crash_control = $2 WHERE machine_id = $1 AND crash_control IS DISTINCT FROM $2",
            id.0,
            json_without_nul(crash_control.clone()),
        )
        .execute(conn)
        .await?;
    }
    Ok(id)
}

/// Makes sure the machine has a row and notes that it was heard of.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn touch(conn: &mut PgConnection, name: &str, now: OffsetDateTime) -> Result<MachineId, Error> {
    upsert(conn, name, &Attributes::default(), None, now).await
}

/// Writes many machines at once; of two with the same name the later one's attributes win.
pub(crate) async fn upsert_many(
    conn: &mut PgConnection,
    machines: &[NewMachine],
    now: OffsetDateTime,
) -> Result<(), Error> {
    let machines = merged(machines);
    write_attributes(conn, &machines, now).await?;
    let told_model: Vec<Uuid> = machines
        .iter()
        .filter(|(_, (_, attributes))| attributes.model.is_some() || attributes.manufacturer.is_some())
        .map(|(id, _)| id.0)
        .collect();
    if told_model.is_empty() {
        return Ok(());
    }
    assign_models(conn, &told_model, now).await
}

/// One entry per machine, in the order of their ids, so that two writers never wait for each other in a circle.
fn merged(machines: &[NewMachine]) -> BTreeMap<MachineId, (&str, Attributes)> {
    let mut merged = BTreeMap::new();
    for machine in machines {
        let (_, known) = merged
            .entry(MachineId::of(&machine.name))
            .or_insert_with(|| (machine.name.as_str(), Attributes::default()));
        known.update(&machine.attributes);
    }
    merged
}

impl Attributes {
    /// Takes over what `newer` tells.
    fn update(&mut self, newer: &Attributes) {
        fn take<T: Clone>(known: &mut Option<T>, newer: Option<&T>) {
            if let Some(value) = newer {
                *known = Some(value.clone());
            }
        }
        take(&mut self.host_name, newer.host_name.as_ref());
        take(&mut self.manufacturer, newer.manufacturer.as_ref());
        take(&mut self.model, newer.model.as_ref());
        take(&mut self.bios_version, newer.bios_version.as_ref());
        take(&mut self.os_build, newer.os_build.as_ref());
        take(&mut self.architecture, newer.architecture.as_ref());
        take(&mut self.site, newer.site.as_ref());
        take(&mut self.ring, newer.ring.as_ref());
    }
}

async fn write_attributes(
    conn: &mut PgConnection,
    machines: &BTreeMap<MachineId, (&str, Attributes)>,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let ids: Vec<Uuid> = machines.keys().map(|id| id.0).collect();
    let names: Vec<String> = machines.values().map(|(name, _)| without_nul(name)).collect();
    let column = |field: fn(&Attributes) -> Option<&String>| -> Vec<Option<String>> {
        let values = machines.values();
        values
            .map(|(_, known)| field(known).map(|value| without_nul(value)))
            .collect()
    };
    let os_builds: Vec<Option<i32>> = machines
        .values()
        .map(|(_, known)| known.os_build.and_then(|build| i32::try_from(build).ok()))
        .collect();
    sqlx::query_file!(
        "src/machines/upsert.sql",
        &ids,
        &names,
        &column(|known| known.host_name.as_ref()) as &[Option<String>],
        &column(|known| known.manufacturer.as_ref()) as &[Option<String>],
        &column(|known| known.model.as_ref()) as &[Option<String>],
        &column(|known| known.bios_version.as_ref()) as &[Option<String>],
        &os_builds as &[Option<i32>],
        &column(|known| known.architecture.as_ref()) as &[Option<String>],
        &column(|known| known.site.as_ref()) as &[Option<String>],
        &column(|known| known.ring.as_ref()) as &[Option<String>],
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Points machines at their hardware models, and earlier presence that had none.
async fn assign_models(conn: &mut PgConnection, machines: &[Uuid], now: OffsetDateTime) -> Result<(), Error> {
    add_models(conn, machines).await?;
    let moved = sqlx::query_scalar!(
        r#"
        UPDATE machine
        SET model_id = known.id
        FROM hardware_model AS known
        WHERE machine.machine_id = ANY($1)
          AND known.manufacturer = coalesce(machine.manufacturer, '')
          AND known.model = machine.model
          AND machine.model_id IS DISTINCT FROM known.id
        RETURNING machine.machine_id
        "#,
        machines,
    )
    .fetch_all(&mut *conn)
    .await?;
    if moved.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"
        WITH told AS (
            UPDATE presence
            SET model_id = machine.model_id
            FROM machine
            WHERE presence.machine_id = machine.machine_id
              AND machine.machine_id = ANY($1)
              AND presence.model_id IS NULL
            RETURNING presence.week
        )
        -- What was rolled up of these weeks holds no longer.
        INSERT INTO exposure_change (week, changed_at)
        SELECT DISTINCT week, $2::timestamptz FROM told
        "#,
        &moved,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Adds the hardware models of these machines to the dictionary.
async fn add_models(conn: &mut PgConnection, machines: &[Uuid]) -> Result<(), Error> {
    sqlx::query!(
        r#"
        INSERT INTO hardware_model (manufacturer, model)
        SELECT DISTINCT coalesce(machine.manufacturer, ''), machine.model
        FROM machine
        WHERE machine.machine_id = ANY($1)
          AND machine.model IS NOT NULL
          -- ON CONFLICT alone would use up an id for every model that is there already.
          AND NOT EXISTS (
              SELECT FROM hardware_model AS known
              WHERE known.manufacturer = coalesce(machine.manufacturer, '') AND known.model = machine.model
          )
        ON CONFLICT DO NOTHING
        "#,
        machines,
    )
    .execute(conn)
    .await?;
    Ok(())
}
