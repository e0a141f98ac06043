//! Writing a checked batch: a fixed number of statements, whatever the number of lines.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::PgConnection;
use time::{Date, OffsetDateTime, UtcOffset};

use super::crashes;
use super::plan::{Plan, Set};
use super::session::{Named, NamedSet, Session};
use crate::driver_sets::{self, Packed};
use crate::{Error, MachineId, drivers, inventories, machines, presence};

/// Writes the plan; answers what it named.
pub(super) async fn write(
    conn: &mut PgConnection,
    session: &Session,
    plan: Plan,
    now: OffsetDateTime,
) -> Result<Named, Error> {
    let mut named = Named::default();
    named.machines.extend(plan.mentioned());
    let sets = write_sets(conn, &plan, now, &mut named).await?;
    if !plan.machines.is_empty() {
        machines::upsert_many(conn, &plan.machines, now).await?;
    }
    if !plan.inventories.is_empty() {
        write_inventories(conn, &plan, &sets, now).await?;
        named.first_seen = first_days(session, &told(&plan, &sets));
        date_versions(conn, &named.first_seen).await?;
    }
    presence::place(conn, &plan.presence, now).await?;
    crashes::write(conn, plan.crashes, now).await?;
    Ok(named)
}

/// Stores drivers and sets; answers the sets in order.
async fn write_sets(
    conn: &mut PgConnection,
    plan: &Plan,
    now: OffsetDateTime,
    named: &mut Named,
) -> Result<Vec<NamedSet>, Error> {
    let drivers = if plan.drivers.is_empty() {
        Vec::new()
    } else {
        drivers::resolve_inventory(conn, &plan.drivers, now.date()).await?
    };
    let places = plan.named_drivers.iter();
    named.drivers = places
        .filter_map(|(id, place)| Some((id.clone(), drivers.get(*place).copied().flatten()?)))
        .collect();
    if plan.sets.is_empty() {
        return Ok(Vec::new());
    }
    let members = plan.members(&drivers);
    let packed: Vec<Packed> = members.iter().map(|members| Packed::of(members)).collect();
    let stored = driver_sets::intern_many(conn, &packed).await?;
    let sets: Vec<NamedSet> = stored
        .iter()
        .zip(members)
        .map(|(set, members)| NamedSet { id: set.id, members })
        .collect();
    let places = plan.named_sets.iter();
    named.sets = places
        .filter_map(|(id, place)| Some((id.clone(), sets.get(*place)?.clone())))
        .collect();
    Ok(sets)
}

async fn write_inventories(
    conn: &mut PgConnection,
    plan: &Plan,
    sets: &[NamedSet],
    now: OffsetDateTime,
) -> Result<(), Error> {
    let told = told(plan, sets);
    let rows: Vec<_> = told
        .iter()
        .map(|(machine, at, set)| (*machine, *at, set.id))
        .collect();
    inventories::insert_many(conn, &rows, now).await
}

/// The inventories of the plan with their sets.
fn told<'a>(plan: &'a Plan, sets: &'a [NamedSet]) -> Vec<(MachineId, OffsetDateTime, &'a NamedSet)> {
    let told = plan.inventories.iter().filter_map(|(machine, at, set)| {
        let set = match set {
            Set::Known(set) => set,
            Set::New(place) => sets.get(*place)?,
        };
        Some((*machine, *at, set))
    });
    told.collect()
}

/// The first day of each version in these inventories, where it is earlier than this import knew.
fn first_days(session: &Session, told: &[(MachineId, OffsetDateTime, &NamedSet)]) -> Vec<(i32, Date)> {
    let mut by_set: HashMap<i64, (Date, &Arc<[i32]>)> = HashMap::new();
    for (_, at, set) in told {
        let day = at.to_offset(UtcOffset::UTC).date();
        let first = by_set.entry(set.id).or_insert((day, &set.members));
        first.0 = first.0.min(day);
    }
    let mut first_days: HashMap<i32, Date> = HashMap::new();
    for (day, members) in by_set.into_values() {
        for version in members.iter() {
            let first = first_days.entry(*version).or_insert(day);
            *first = (*first).min(day);
        }
    }
    let mut news: Vec<(i32, Date)> = first_days
        .into_iter()
        .filter(|(version, day)| session.first_seen(*version).is_none_or(|known| *day < known))
        .collect();
    news.sort_unstable();
    news
}

/// Dates versions by the history that tells of them, not by the day it was imported.
async fn date_versions(conn: &mut PgConnection, first_days: &[(i32, Date)]) -> Result<(), Error> {
    if first_days.is_empty() {
        return Ok(());
    }
    let (versions, days): (Vec<i32>, Vec<Date>) = first_days.iter().copied().unzip();
    sqlx::query!(
        r#"
        UPDATE driver_version
        SET first_seen_on = told.day
        FROM unnest($1::integer[], $2::date[]) AS told (id, day)
        WHERE driver_version.id = told.id AND driver_version.first_seen_on > told.day
        "#,
        &versions,
        &days,
    )
    .execute(conn)
    .await?;
    Ok(())
}
