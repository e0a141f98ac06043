//! One driver with its versions side by side, by week and by hardware model.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::PgConnection;
use time::{Date, Duration, UtcOffset};

use super::list::{Now, machines_now};
use super::{VersionDescription, compare_versions, describe};
use crate::exposure::{Counter, Footprint, Observed};
use crate::models::{self, HardwareModel};
use crate::{Error, Window, exposure, stop_codes, text};

/// One driver with its versions side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct DriverDetail {
    /// Base name, lower case.
    pub name: String,
    /// Company.
    pub company: Option<String>,
    /// Device class.
    pub class: Option<String>,
    /// What the version resource says it is.
    pub description: Option<String>,
    /// What was seen of all versions together.
    pub observed: Observed,
    /// The versions, newest first; placeholders last.
    pub versions: Vec<VersionDetail>,
    /// The weeks of the window in which machines had it or crashed with it, in order.
    pub weeks: Vec<DriverWeek>,
    /// The hardware models that had it in the window, most machine-days first.
    pub models: Vec<DriverModel>,
    /// The version with most machine-days among those never seen at a crash in the window.
    pub safe_version: Option<String>,
}

/// One version of a driver.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionDetail {
    /// Its id.
    pub driver_version_id: i32,
    /// File version; `None` when no inventory knows the image.
    pub version: Option<String>,
    /// The images known to be this version.
    pub code_ids: Vec<String>,
    /// Machines that have it now.
    pub machines: u64,
    /// The first day it was told of.
    pub first_seen_on: Date,
    /// The last day of a machine that has it now. Of a version that none has any more, the last day of the last week
    /// of the window in which one had it; `None` if that is longer ago.
    pub last_seen_on: Option<Date>,
    /// What was seen of it in the window.
    pub observed: Observed,
    /// Crashing machines by stop code while they had it, most first.
    pub crashes: Vec<VersionCrashes>,
    /// 95 % upper bound of crashing machines per 1,000 machine-days; `None` without machine-days.
    pub rate_upper_bound: Option<f64>,
}

/// Crashes of machines with one version and one stop code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionCrashes {
    /// The stop code.
    pub stop_code: u32,
    /// Its name.
    pub stop_code_name: String,
    /// Machines that crashed.
    pub machines: u64,
}

/// One week of a driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverWeek {
    /// Monday of the week.
    pub week: Date,
    /// All versions together.
    pub observed: Observed,
    /// Each version, by its id; those without machine-days and crashes are left out.
    pub versions: Vec<(i32, Observed)>,
}

/// One hardware model of a driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverModel {
    /// The model; `None` for machines that told none.
    pub model: Option<HardwareModel>,
    /// All versions together.
    pub observed: Observed,
    /// Each version, by its id; those without machine-days and crashes are left out.
    pub versions: Vec<(i32, Observed)>,
}

/// The driver with this base name, or `None` if it was never told of.
///
/// Days and crashes are those of `window`; crashes of one stop code or of all. The connection must not be in a
/// transaction.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.drivers.detail", skip_all)]
pub async fn detail(
    conn: &mut PgConnection,
    name: &str,
    window: Window,
    stop_code: Option<u32>,
) -> Result<Option<DriverDetail>, Error> {
    let name = name.to_lowercase();
    let driver = sqlx::query!(
        r#"
        SELECT driver.company, driver.class, driver.description,
            ARRAY(
                SELECT driver_version.id
                FROM driver_version
                WHERE driver_version.driver_id = driver.id AND driver_version.merged_into IS NULL
            ) AS "versions!"
        FROM driver
        WHERE driver.name = $1
        "#,
        name,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(driver) = driver else { return Ok(None) };
    let ids: HashSet<i32> = driver.versions.iter().copied().collect();
    let footprint = exposure::footprint(conn, window, &ids, stop_code).await?;
    let mut versions = versions(conn, &driver.versions, window, &footprint).await?;
    versions.sort_by(newest_first);
    let safe_version = safe_version(&versions);
    Ok(Some(DriverDetail {
        name,
        company: driver.company,
        class: driver.class,
        description: driver.description,
        observed: together(&footprint),
        versions,
        weeks: weeks(&footprint),
        models: by_model(conn, &footprint).await?,
        safe_version,
    }))
}

/// Whether a driver of this base name was ever told of.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn is_known(conn: &mut PgConnection, name: &str) -> Result<bool, Error> {
    let known = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM driver WHERE name = lower($1)) AS "known!""#,
        text::without_nul(name),
    )
    .fetch_one(conn)
    .await?;
    Ok(known)
}

fn newest_first(one: &VersionDetail, other: &VersionDetail) -> Ordering {
    match (&one.version, &other.version) {
        (Some(one), Some(other)) => compare_versions(other, one),
        // Placeholders last.
        (one, other) => other.is_some().cmp(&one.is_some()),
    }
}

fn safe_version(versions: &[VersionDetail]) -> Option<String> {
    let never_seen = versions.iter().filter(|version| {
        version.observed.crashes == 0 && version.observed.machine_days > 0 && version.version.is_some()
    });
    never_seen
        .max_by_key(|version| version.observed.machine_days)?
        .version
        .clone()
}

/// Machine-days and crashes by something, and by version within it.
#[derive(Default)]
struct Group {
    machine_days: u64,
    crashes: Counter,
    versions: BTreeMap<i32, (u64, Counter)>,
}

impl Group {
    fn observed(&self) -> Observed {
        self.crashes.observed(self.machine_days)
    }

    fn versions(&self) -> Vec<(i32, Observed)> {
        let versions = self.versions.iter();
        versions
            .map(|(id, (days, crashes))| (*id, crashes.observed(*days)))
            .collect()
    }
}

/// The footprint by what `key` makes of models and weeks.
fn grouped<K: Ord>(footprint: &Footprint, key: impl Fn(Option<i32>, Date) -> K) -> BTreeMap<K, Group> {
    let mut groups: BTreeMap<K, Group> = BTreeMap::new();
    for (version, model, week, days) in &footprint.machine_days {
        let group = groups.entry(key(*model, *week)).or_default();
        group.machine_days += days;
        group.versions.entry(*version).or_default().0 += days;
    }
    for (version, crash) in &footprint.crashes {
        let group = groups.entry(key(crash.model_id, crash.week)).or_default();
        group.crashes.add(crash);
        group.versions.entry(*version).or_default().1.add(crash);
    }
    groups
}

fn together(footprint: &Footprint) -> Observed {
    let all = grouped(footprint, |_, _| ()).remove(&());
    all.unwrap_or_default().observed()
}

fn weeks(footprint: &Footprint) -> Vec<DriverWeek> {
    let groups = grouped(footprint, |_, week| week).into_iter();
    let week = |(week, group): (Date, Group)| DriverWeek {
        week,
        observed: group.observed(),
        versions: group.versions(),
    };
    groups.map(week).collect()
}

async fn by_model(conn: &mut PgConnection, footprint: &Footprint) -> Result<Vec<DriverModel>, Error> {
    let groups = grouped(footprint, |model, _| model);
    let ids: Vec<i32> = groups.keys().copied().flatten().collect();
    let mut known = models::by_ids(conn, &ids).await?;
    let groups = groups.into_iter();
    let mut models: Vec<DriverModel> = groups
        .map(|(id, group)| DriverModel {
            model: id.and_then(|id| known.remove(&id)),
            observed: group.observed(),
            versions: group.versions(),
        })
        .collect();
    models.sort_by_key(|model| Reverse(model.observed.machine_days));
    Ok(models)
}

async fn versions(
    conn: &mut PgConnection,
    ids: &[i32],
    window: Window,
    footprint: &Footprint,
) -> Result<Vec<VersionDetail>, Error> {
    let described = describe(conn, ids).await?;
    let places: HashMap<i32, usize> = ids.iter().copied().zip(0..).collect();
    let now = machines_now(conn, &places).await?;
    let seen = SeenVersions::of(footprint, window);
    let codes: Vec<u32> = footprint
        .crashes
        .iter()
        .map(|(_, crash)| crash.stop_code)
        .collect();
    let names = stop_codes::names(conn, &codes).await?;
    let detail = |version: VersionDescription| {
        let id = version.driver_version_id;
        let now = places.get(&id).and_then(|place| now.get(place));
        let mut crashes: Vec<VersionCrashes> = seen
            .crashes_of(id)
            .map(|(stop_code, machines)| VersionCrashes {
                stop_code,
                stop_code_name: stop_codes::name_of(&names, stop_code),
                machines,
            })
            .collect();
        crashes.sort_by_key(|crashes| (Reverse(crashes.machines), crashes.stop_code));
        let observed = seen.observed(id);
        VersionDetail {
            driver_version_id: id,
            version: version.version,
            code_ids: version.code_ids,
            machines: now.map_or(0, |now| now.machines),
            first_seen_on: version.first_seen_on,
            last_seen_on: seen.last_seen_on(id, now),
            observed,
            crashes,
            rate_upper_bound: exposure::rate_upper_bound(observed.crashing_machines, observed.machine_days),
        }
    };
    Ok(described.into_iter().map(detail).collect())
}

/// What was seen of each version.
struct SeenVersions {
    window: Window,
    machine_days: HashMap<i32, u64>,
    last_week: HashMap<i32, Date>,
    crashes: HashMap<i32, Counter>,
    /// By version, and by stop code within it.
    by_code: HashMap<i32, HashMap<u32, Counter>>,
}

impl SeenVersions {
    fn of(footprint: &Footprint, window: Window) -> Self {
        let mut seen = SeenVersions {
            window,
            machine_days: HashMap::new(),
            last_week: HashMap::new(),
            crashes: HashMap::new(),
            by_code: HashMap::new(),
        };
        for (version, _, week, days) in &footprint.machine_days {
            *seen.machine_days.entry(*version).or_default() += days;
            let last = seen.last_week.entry(*version).or_insert(*week);
            *last = (*last).max(*week);
        }
        for (version, crash) in &footprint.crashes {
            seen.crashes.entry(*version).or_default().add(crash);
            let by_code = seen.by_code.entry(*version).or_default();
            by_code.entry(crash.stop_code).or_default().add(crash);
        }
        seen
    }

    fn observed(&self, version: i32) -> Observed {
        let machine_days = self.machine_days.get(&version).copied().unwrap_or(0);
        let crashes = self.crashes.get(&version);
        crashes.cloned().unwrap_or_default().observed(machine_days)
    }

    /// Stop codes and the machines that crashed with each.
    fn crashes_of(&self, version: i32) -> impl Iterator<Item = (u32, u64)> {
        let by_code = self.by_code.get(&version).into_iter().flatten();
        by_code.map(|(code, crashes)| (*code, crashes.machines()))
    }

    fn last_seen_on(&self, version: i32, now: Option<&Now>) -> Option<Date> {
        if let Some(now) = now {
            return Some(now.last_seen_at.to_offset(UtcOffset::UTC).date());
        }
        let week = self.last_week.get(&version)?;
        Some(week.saturating_add(Duration::days(6)).min(self.window.to))
    }
}
