//! The list of drivers.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::driver_sets::{self, Merges};
use crate::{Error, Page, exposure};

/// One driver in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverSummary {
    /// Base name, lower case.
    pub name: String,
    /// Company.
    pub company: Option<String>,
    /// Device class.
    pub class: Option<String>,
    /// Versions seen.
    pub versions: u64,
    /// Machines that have it now.
    pub machines: u64,
    /// Crashes whose dumps name it as the probable driver.
    pub crashes: u64,
}

/// Drivers whose names start with `search`, if it is given, by name, at most `limit`, after the one named `after`.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.drivers.list", skip_all)]
pub async fn list(
    conn: &mut PgConnection,
    search: Option<&str>,
    after: Option<&str>,
    limit: u32,
) -> Result<Page<DriverSummary, String>, Error> {
    let rows = sqlx::query!(
        r#"
        SELECT driver.name, driver.company, driver.class,
            ARRAY(
                SELECT driver_version.id
                FROM driver_version
                WHERE driver_version.driver_id = driver.id AND driver_version.merged_into IS NULL
            ) AS "versions!",
            (SELECT count(*) FROM crash WHERE crash.probable_driver = driver.name) AS "crashes!"
        FROM driver
        WHERE ($1::text IS NULL OR driver.name > $1)
          AND ($2::text IS NULL OR starts_with(driver.name, lower($2)))
        ORDER BY driver.name
        LIMIT $3
        "#,
        after,
        search,
        i64::from(limit) + 1,
    )
    .fetch_all(&mut *conn)
    .await?;
    let places = rows.iter().zip(0..).flat_map(|(row, place)| {
        let versions = row.versions.iter();
        versions.map(move |version| (*version, place))
    });
    let machines = machines_now(conn, &places.collect()).await?;
    let drivers: Vec<DriverSummary> = rows
        .into_iter()
        .zip(0..)
        .map(|(row, place)| DriverSummary {
            name: row.name,
            company: row.company,
            class: row.class,
            versions: u64::try_from(row.versions.len()).unwrap_or(u64::MAX),
            machines: machines.get(&place).map_or(0, |now| now.machines),
            crashes: row.crashes.unsigned_abs(),
        })
        .collect();
    Ok(Page::cut(drivers, limit, |driver| driver.name.clone()))
}

/// The machines that have something now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) machines: u64,
    /// When the server last heard of one of them.
    pub(super) last_seen_at: OffsetDateTime,
}

impl Now {
    fn add(&mut self, other: Now) {
        self.machines += other.machines;
        self.last_seen_at = self.last_seen_at.max(other.last_seen_at);
    }
}

/// Machines that have one of several versions now, by the group that `groups` puts each version in; groups that no
/// machine has are left out.
///
/// A machine with two versions of a group counts once.
pub(super) async fn machines_now(
    conn: &mut PgConnection,
    groups: &HashMap<i32, usize>,
) -> Result<HashMap<usize, Now>, Error> {
    let rows = sqlx::query!(
        r#"
        SELECT driver_set_id, count(*) AS "machines!", max(last_seen_at) AS "last_seen_at!"
        FROM machine
        WHERE driver_set_id <> $1
        GROUP BY driver_set_id
        "#,
        driver_sets::UNKNOWN,
    )
    .fetch_all(&mut *conn)
    .await?;
    let by_set: HashMap<i64, Now> = rows
        .into_iter()
        .map(|row| {
            let now = Now {
                machines: row.machines.unsigned_abs(),
                last_seen_at: row.last_seen_at,
            };
            (row.driver_set_id, now)
        })
        .collect();
    let sets: Vec<i64> = by_set.keys().copied().collect();
    let merges = Merges::load(conn).await?;
    let mut machines: HashMap<usize, Now> = HashMap::new();
    let mut counted: HashSet<usize> = HashSet::new();
    exposure::for_each_set(conn, &sets, &merges, |set, members| {
        let Some(of_set) = by_set.get(&set) else { return };
        counted.clear();
        for group in members.iter().filter_map(|version| groups.get(version)) {
            if counted.insert(*group) {
                machines
                    .entry(*group)
                    .and_modify(|now| now.add(*of_set))
                    .or_insert(*of_set);
            }
        }
    })
    .await?;
    Ok(machines)
}
