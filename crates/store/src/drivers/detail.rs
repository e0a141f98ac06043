//! One driver with its versions side by side.

use std::cmp::{Ordering, Reverse};
use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;
use time::Date;

use super::list::machines_now;
use super::{VersionDescription, compare_versions, describe};
use crate::{Error, MachineId, Window, exposure, stop_codes};

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
    /// The versions, newest first; placeholders last.
    pub versions: Vec<VersionDetail>,
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
    /// Days on which machines had it in the window.
    pub machine_days: u64,
    /// The first day it was told of.
    pub first_seen_on: Date,
    /// Crashing machines by stop code while they had it, most first.
    pub crashes: Vec<VersionCrashes>,
    /// 95 % upper bound of crashes per 1,000 machine-days, all stop codes; `None` without machine-days.
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

/// The driver with this base name, or `None` if it was never told of. Days and crashes are those of `window`.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.drivers.detail", skip_all)]
pub async fn detail(
    conn: &mut PgConnection,
    name: &str,
    window: Window,
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
    let mut versions = versions(conn, &driver.versions, window).await?;
    versions.sort_by(newest_first);
    let safe_version = safe_version(&versions);
    Ok(Some(DriverDetail {
        name,
        company: driver.company,
        class: driver.class,
        description: driver.description,
        versions,
        safe_version,
    }))
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
        version.crashes.is_empty() && version.machine_days > 0 && version.version.is_some()
    });
    never_seen
        .max_by_key(|version| version.machine_days)?
        .version
        .clone()
}

async fn versions(conn: &mut PgConnection, ids: &[i32], window: Window) -> Result<Vec<VersionDetail>, Error> {
    let described = describe(conn, ids).await?;
    let places: HashMap<i32, usize> = ids.iter().copied().zip(0..).collect();
    let machines = machines_now(conn, &places).await?;
    let days = exposure::machine_days(conn, window, &ids.iter().copied().collect()).await?;
    let crashes = crashing_machines(conn, &places, window).await?;
    let codes: Vec<u32> = crashes.keys().map(|(_, stop_code)| *stop_code).collect();
    let names = stop_codes::names(conn, &codes).await?;
    let detail = |version: VersionDescription| {
        let id = version.driver_version_id;
        let place = places.get(&id);
        let crashes = crashes.iter().filter(|((version, _), _)| *version == id);
        let mut crashes: Vec<VersionCrashes> = crashes
            .map(|((_, stop_code), machines)| VersionCrashes {
                stop_code: *stop_code,
                stop_code_name: stop_codes::name_of(&names, *stop_code),
                machines: u64::try_from(machines.len()).unwrap_or(u64::MAX),
            })
            .collect();
        crashes.sort_by_key(|crashes| (Reverse(crashes.machines), crashes.stop_code));
        let machine_days = days.get(&id).copied().unwrap_or(0);
        let all: u64 = crashes.iter().map(|crashes| crashes.machines).sum();
        VersionDetail {
            driver_version_id: id,
            version: version.version,
            code_ids: version.code_ids,
            machines: place.and_then(|place| machines.get(place)).copied().unwrap_or(0),
            machine_days,
            first_seen_on: version.first_seen_on,
            crashes,
            rate_upper_bound: exposure::rate_upper_bound(all, machine_days),
        }
    };
    Ok(described.into_iter().map(detail).collect())
}

/// The machines that crashed while they had one of these versions, by version and stop code.
async fn crashing_machines(
    conn: &mut PgConnection,
    places: &HashMap<i32, usize>,
    window: Window,
) -> Result<HashMap<(i32, u32), HashSet<MachineId>>, Error> {
    let crashes = exposure::crashes(conn, None, window).await?;
    let crashes: Vec<_> = crashes.iter().filter(|crash| crash.day.is_some()).collect();
    let versions = exposure::versions(conn, &crashes).await?;
    let mut machines: HashMap<(i32, u32), HashSet<MachineId>> = HashMap::new();
    for (crash, versions) in crashes.iter().zip(versions) {
        for version in versions
            .into_iter()
            .filter(|version| places.contains_key(version))
        {
            machines
                .entry((version, crash.stop_code))
                .or_default()
                .insert(crash.machine);
        }
    }
    Ok(machines)
}
