//! The numerator: crashes that count, with what the machine had on the day.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;
use time::{Date, OffsetDateTime, UtcOffset};
use uuid::Uuid;

use super::weights::Weight;
use crate::window::{Window, day_bit, monday};
use crate::{Error, MachineId, driver_sets, stop_codes};

/// A crash that counts.
#[derive(Debug, Clone)]
pub(crate) struct CountedCrash {
    pub(crate) machine: MachineId,
    pub(crate) crashed_at: OffsetDateTime,
    pub(crate) stop_code: u32,
    /// Drivers loaded by its dump.
    own_set: Option<i64>,
    /// Where its day is filed; `None` for a day without presence or with unknown drivers.
    pub(crate) day: Option<ExposedDay>,
}

/// The presence row that holds the day of a crash.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExposedDay {
    driver_set_id: i64,
    pub(crate) model_id: Option<i32>,
    pub(crate) week: Date,
}

/// The crashes in the window that count, by machine and time; of one stop code or of all.
pub(crate) async fn crashes(
    conn: &mut PgConnection,
    stop_code: Option<u32>,
    window: Window,
) -> Result<Vec<CountedCrash>, Error> {
    let rows = sqlx::query_file!(
        "src/exposure/crashes.sql",
        stop_code.map(i64::from),
        window.start(),
        window.end(),
        driver_sets::UNKNOWN,
    )
    .fetch_all(conn)
    .await?;
    let crashes = rows.into_iter().map(|row| {
        let filed = row.day_set.zip(row.week);
        CountedCrash {
            machine: MachineId(row.machine_id),
            crashed_at: row.crashed_at,
            stop_code: stop_codes::code_of(row.stop_code),
            own_set: row.own_set,
            day: filed.map(|(driver_set_id, week)| ExposedDay {
                driver_set_id,
                model_id: row.model_id,
                week,
            }),
        }
    });
    Ok(crashes.collect())
}

/// The driver versions of each of these crashes, in order, ascending; of a crash without exposure none.
///
/// They are what the inventory had at the end of that day, because the denominator is made of the same. Where the
/// crash's own dump shows another known version of such a driver, that one was running. Modules that only dumps list
/// (the kernel itself) have no denominator and are left out.
pub(crate) async fn versions(
    conn: &mut PgConnection,
    crashes: &[&CountedCrash],
) -> Result<Vec<Vec<i32>>, Error> {
    let exposed = crashes
        .iter()
        .filter_map(|crash| Some((crash.day?, crash.own_set)));
    let sets: HashSet<i64> = exposed
        .flat_map(|(day, own)| [Some(day.driver_set_id), own])
        .flatten()
        .collect();
    let sets: Vec<i64> = sets.into_iter().collect();
    let members = driver_sets::members_of(conn, &sets).await?;
    let drivers = drivers_of(conn, &members).await?;
    let members_of = |set: i64| members.get(&set).map_or(&[][..], Vec::as_slice);
    let versions = crashes.iter().map(|crash| {
        let Some(day) = crash.day else { return Vec::new() };
        let own = crash.own_set.map_or(&[][..], members_of);
        running(members_of(day.driver_set_id), own, &drivers)
    });
    Ok(versions.collect())
}

/// The driver of each version that an inventory told, among the members of these sets.
async fn drivers_of(
    conn: &mut PgConnection,
    members: &HashMap<i64, Vec<i32>>,
) -> Result<HashMap<i32, i32>, Error> {
    let ids: HashSet<i32> = members.values().flatten().copied().collect();
    let ids: Vec<i32> = ids.into_iter().collect();
    let rows = sqlx::query!(
        "SELECT id, driver_id FROM driver_version WHERE id = ANY($1) AND version IS NOT NULL",
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.driver_id)).collect())
}

/// The versions of `installed`, each replaced by that of the same driver in `loaded` where there is one.
fn running(installed: &[i32], loaded: &[i32], drivers: &HashMap<i32, i32>) -> Vec<i32> {
    let loaded: HashMap<i32, i32> = loaded
        .iter()
        .filter_map(|version| Some((*drivers.get(version)?, *version)))
        .collect();
    let mut running: Vec<i32> = installed
        .iter()
        .map(|version| {
            let driver = drivers.get(version);
            driver
                .and_then(|driver| loaded.get(driver))
                .copied()
                .unwrap_or(*version)
        })
        .collect();
    running.sort_unstable();
    running.dedup();
    running
}

/// The days of crashed machines after their crash, as weights to be taken off.
///
/// What happens to a machine after its first crash (a rollback, a repair, more crashes) says nothing about the risk
/// before it, so its days end with the crash's.
pub(super) async fn days_after(
    conn: &mut PgConnection,
    cases: &[(MachineId, OffsetDateTime)],
    window: Window,
) -> Result<Vec<Weight>, Error> {
    let last_days: HashMap<MachineId, Date> = cases
        .iter()
        .map(|(machine, at)| (*machine, at.to_offset(UtcOffset::UTC).date()))
        .collect();
    let (machines, weeks): (Vec<Uuid>, Vec<Date>) = last_days
        .iter()
        .map(|(machine, day)| (machine.0, monday(*day)))
        .unzip();
    let rows = sqlx::query!(
        r#"
        SELECT presence.machine_id, presence.week, presence.driver_set_id, presence.model_id, presence.days
        FROM unnest($1::uuid[], $2::date[]) AS last (machine_id, week)
        JOIN presence ON presence.machine_id = last.machine_id AND presence.week >= last.week
        WHERE presence.week <= $3 AND presence.driver_set_id <> $4
        "#,
        &machines,
        &weeks,
        window.last_week(),
        driver_sets::UNKNOWN,
    )
    .fetch_all(conn)
    .await?;
    let after = rows.into_iter().filter_map(|row| {
        let last_day = *last_days.get(&MachineId(row.machine_id))?;
        let mut days = row.days & window.mask(row.week);
        if row.week == monday(last_day) {
            // The bits above the crash's day.
            days &= !(day_bit(last_day) | (day_bit(last_day) - 1));
        }
        Some(Weight {
            driver_set_id: row.driver_set_id,
            model_id: row.model_id,
            week: row.week,
            machine_days: u64::from(days.count_ones()),
        })
    });
    Ok(after.filter(|weight| weight.machine_days > 0).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::running;

    /// Driver 1 has versions 10 and 11, driver 2 has 20; 99 is a placeholder of no known driver.
    #[test]
    fn the_version_that_the_dump_shows_was_running() {
        let drivers = HashMap::from([(10, 1), (11, 1), (20, 2)]);
        assert_eq!(running(&[10, 20], &[11, 99], &drivers), [11, 20]);
        assert_eq!(running(&[10, 20], &[], &drivers), [10, 20]);
    }
}
