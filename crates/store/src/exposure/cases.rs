//! The numerator: crashes that count, with what the machine had when it crashed.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::window::Window;
use crate::{Error, MachineId, driver_sets, stop_codes};

/// A crash that counts.
#[derive(Debug, Clone)]
pub(crate) struct CountedCrash {
    pub(crate) id: Uuid,
    pub(crate) machine: MachineId,
    pub(crate) crashed_at: OffsetDateTime,
    pub(crate) stop_code: u32,
    /// Drivers loaded by its dump.
    own_set: Option<i64>,
    /// Drivers by the machine's latest inventory before it.
    told_set: Option<i64>,
    /// Windows build by its dump.
    own_build: Option<i32>,
    /// Where the machine stands.
    pub(super) site: Option<String>,
    /// Whether its dump was read, by this server or by whoever told of it.
    pub(super) was_read: bool,
    /// Where its day is filed; `None` for a day without presence or with unknown drivers.
    pub(crate) day: Option<ExposedDay>,
}

/// The presence row that holds the day of a crash.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExposedDay {
    pub(super) driver_set_id: i64,
    pub(super) os_build: Option<i32>,
    pub(crate) model_id: Option<i32>,
    pub(crate) week: Date,
}

impl CountedCrash {
    /// The Windows build that was running: its dump's, else that of the day.
    pub(super) fn os_build(&self) -> Option<i32> {
        self.own_build.or(self.day?.os_build)
    }
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
            id: row.crash_id,
            machine: MachineId(row.machine_id),
            crashed_at: row.crashed_at,
            stop_code: stop_codes::code_of(row.stop_code),
            own_set: row.own_set,
            told_set: row.told_set.filter(|set| *set != driver_sets::UNKNOWN),
            own_build: row.own_build,
            site: row.site,
            was_read: row.was_read,
            day: filed.map(|(driver_set_id, week)| ExposedDay {
                driver_set_id,
                os_build: row.day_build,
                model_id: row.model_id,
                week,
            }),
        }
    });
    Ok(crashes.collect())
}

/// The driver versions of each of these crashes, in order, ascending; of a crash without exposure none.
///
/// They are what the machine's latest inventory before the crash told, because a machine that is repaired the same day
/// must not hide what crashed it; where there is none that early, what the day is filed under. Where the crash's own
/// dump shows another known version of a driver that an inventory told, that one was running. What the
/// inventory told counts whether it was still loaded or not. Modules that only dumps list (the kernel itself) have no
/// denominator and are left out.
pub(crate) async fn versions(
    conn: &mut PgConnection,
    crashes: &[&CountedCrash],
) -> Result<Vec<Vec<i32>>, Error> {
    let exposed = crashes
        .iter()
        .filter_map(|crash| Some((crash.day?, crash.own_set, crash.told_set)));
    let sets: HashSet<i64> = exposed
        .flat_map(|(day, own, told)| [Some(day.driver_set_id), own, told])
        .flatten()
        .collect();
    let sets: Vec<i64> = sets.into_iter().collect();
    let members = driver_sets::members_of(conn, &sets).await?;
    let drivers = drivers_of(conn, &members).await?;
    let members_of = |set: i64| members.get(&set).map_or(&[][..], Vec::as_slice);
    let versions = crashes.iter().map(|crash| {
        let Some(day) = crash.day else { return Vec::new() };
        let filed = members_of(day.driver_set_id);
        let told = crash.told_set.map_or(filed, members_of);
        let own = crash.own_set.map_or(&[][..], members_of);
        running(told, filed, own, &drivers)
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

/// The versions that the inventory told, those of its drivers that the dump shows replaced by the dump's.
///
/// A driver that is only in the day's later inventory counts if the dump shows it.
fn running(told: &[i32], filed: &[i32], loaded: &[i32], drivers: &HashMap<i32, i32>) -> Vec<i32> {
    let known: HashSet<i32> = told
        .iter()
        .chain(filed)
        .filter_map(|version| drivers.get(version))
        .copied()
        .collect();
    let loaded: HashMap<i32, i32> = loaded
        .iter()
        .filter_map(|version| Some((*drivers.get(version)?, *version)))
        .filter(|(driver, _)| known.contains(driver))
        .collect();
    let is_replaced = |version: &&i32| {
        let driver = drivers.get(version);
        driver.is_some_and(|driver| loaded.contains_key(driver))
    };
    let kept = told.iter().filter(|version| !is_replaced(version));
    let mut running: Vec<i32> = kept.chain(loaded.values()).copied().collect();
    running.sort_unstable();
    running.dedup();
    running
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::running;

    /// Driver 1 has versions 10 and 11, driver 2 has 20, driver 3 has 30; 99 is a placeholder of no known driver.
    fn drivers() -> HashMap<i32, i32> {
        HashMap::from([(10, 1), (11, 1), (20, 2), (30, 3)])
    }

    #[test]
    fn the_version_that_the_dump_shows_was_running() {
        assert_eq!(running(&[10, 20], &[10, 20], &[11, 99], &drivers()), [11, 20]);
        assert_eq!(running(&[10, 20], &[10, 20], &[], &drivers()), [10, 20]);
    }

    #[test]
    fn what_was_installed_after_the_crash_counts_only_if_the_dump_shows_it() {
        assert_eq!(running(&[10], &[11, 20], &[], &drivers()), [10]);
        assert_eq!(running(&[10], &[11, 20, 30], &[11, 30], &drivers()), [11, 30]);
    }
}
