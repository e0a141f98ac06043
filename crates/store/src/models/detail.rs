//! One hardware model: its weeks, its stop codes, and the drivers, builds and firmware that go with it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::PgConnection;
use time::Date;
use uuid::Uuid;

use super::{HardwareModel, ModelStopCode, ModelSummary};
use crate::drivers::{self, VersionDescription};
use crate::exposure::{self, Counter, Crashed, ModelFootprint, Observed};
use crate::{Error, Window, stop_codes};

/// A version of which so much of the machine-days are on one model belongs to that model.
const MOSTLY: f64 = 0.8;

/// A version that is on less than this part of the model's machine-days says little of the model.
const RARELY: f64 = 0.02;

/// Most versions told of.
const MOST_VERSIONS: usize = 50;

/// One hardware model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelDetail {
    /// What the list shows, with all stop codes.
    pub summary: ModelSummary,
    /// The weeks of the window with machine-days or crashes, in order.
    pub weeks: Vec<ModelWeek>,
    /// Driver versions that only or mostly this model has, most crashing machines first, at most 50.
    pub versions: Vec<ModelVersion>,
    /// Windows builds, most machine-days first.
    pub os_builds: Vec<ModelBuild>,
    /// BIOS versions that its machines have now, most machines first.
    pub bios_versions: Vec<ModelBios>,
}

/// One week of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelWeek {
    /// Monday of the week.
    pub week: Date,
    /// What was seen in it.
    pub observed: Observed,
    /// Crashes by stop code, most first.
    pub stop_codes: Vec<(u32, u64)>,
}

/// A driver version that belongs to a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelVersion {
    /// The version.
    pub version: VersionDescription,
    /// What was seen of it on this model.
    pub observed: Observed,
    /// The part of its machine-days that are on this model, 0 to 1.
    pub share: f64,
}

/// A build of Windows on a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelBuild {
    /// The build, e.g. 22631.
    pub os_build: u32,
    /// What was seen of it on this model.
    pub observed: Observed,
}

/// A BIOS version of a model's machines. Nobody keeps which one a machine had on which day, so there is no rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelBios {
    /// The version; `None` for machines that told none.
    pub bios_version: Option<String>,
    /// Machines that have it now.
    pub machines: u64,
    /// Those of them that crashed in the window.
    pub crashing_machines: u64,
}

/// What there is to say of a model in the window. The connection must not be in a transaction.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.models.detail", skip_all)]
pub async fn detail(
    conn: &mut PgConnection,
    model: HardwareModel,
    window: Window,
) -> Result<ModelDetail, Error> {
    let footprint = exposure::model_footprint(conn, window, model.id).await?;
    let weeks = weeks(&footprint);
    let machine_days = footprint.weeks.values().sum();
    let bios_versions = bios_versions(conn, model.id, &footprint.crashes).await?;
    Ok(ModelDetail {
        weeks,
        versions: versions(conn, &footprint, machine_days).await?,
        os_builds: os_builds(&footprint),
        summary: ModelSummary {
            machines: bios_versions.iter().map(|bios| bios.machines).sum(),
            observed: counted(&footprint.crashes).observed(machine_days),
            stop_codes: stop_codes(conn, &footprint.crashes).await?,
            model,
        },
        bios_versions,
    })
}

fn counted<'a>(crashes: impl IntoIterator<Item = &'a Crashed>) -> Counter {
    let mut counter = Counter::default();
    for crash in crashes {
        counter.add(crash);
    }
    counter
}

fn weeks(footprint: &ModelFootprint) -> Vec<ModelWeek> {
    let mut crashes: BTreeMap<Date, Vec<&Crashed>> = BTreeMap::new();
    for week in footprint.weeks.keys() {
        crashes.entry(*week).or_default();
    }
    for crash in &footprint.crashes {
        crashes.entry(crash.week).or_default().push(crash);
    }
    let week = |(week, crashes): (Date, Vec<&Crashed>)| {
        let mut by_code: BTreeMap<u32, u64> = BTreeMap::new();
        for crash in &crashes {
            *by_code.entry(crash.stop_code).or_default() += 1;
        }
        let mut stop_codes: Vec<(u32, u64)> = by_code.into_iter().collect();
        stop_codes.sort_by_key(|(_, crashes)| Reverse(*crashes));
        let machine_days = footprint.weeks.get(&week).copied().unwrap_or(0);
        ModelWeek {
            week,
            observed: counted(crashes).observed(machine_days),
            stop_codes,
        }
    };
    crashes.into_iter().map(week).collect()
}

async fn stop_codes(conn: &mut PgConnection, crashes: &[Crashed]) -> Result<Vec<ModelStopCode>, Error> {
    let mut by_code: BTreeMap<u32, Counter> = BTreeMap::new();
    for crash in crashes {
        by_code.entry(crash.stop_code).or_default().add(crash);
    }
    let codes: Vec<u32> = by_code.keys().copied().collect();
    let names = stop_codes::names(conn, &codes).await?;
    let mut stop_codes: Vec<ModelStopCode> = by_code
        .into_iter()
        .map(|(stop_code, counter)| {
            let observed = counter.observed(0);
            ModelStopCode {
                stop_code,
                stop_code_name: stop_codes::name_of(&names, stop_code),
                crashes: observed.crashes,
                crashing_machines: observed.crashing_machines,
            }
        })
        .collect();
    stop_codes.sort_by_key(|code| Reverse((code.crashing_machines, code.crashes)));
    Ok(stop_codes)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

async fn versions(
    conn: &mut PgConnection,
    footprint: &ModelFootprint,
    machine_days: u64,
) -> Result<Vec<ModelVersion>, Error> {
    let belongs = |(mine, all): (u64, u64)| share(mine, all) >= MOSTLY && share(mine, machine_days) >= RARELY;
    let mut found: Vec<(i32, Observed, f64)> = footprint
        .versions
        .iter()
        .filter(|(_, days)| belongs(**days))
        .map(|(id, (mine, all))| {
            let crashes = footprint.crashes_by_version.get(id).cloned();
            (
                *id,
                crashes.unwrap_or_default().observed(*mine),
                share(*mine, *all),
            )
        })
        .collect();
    found.sort_by_key(|(id, seen, _)| (Reverse((seen.crashing_machines, seen.machine_days)), *id));
    found.truncate(MOST_VERSIONS);
    let ids: Vec<i32> = found.iter().map(|(id, _, _)| *id).collect();
    let described = drivers::describe(conn, &ids).await?.into_iter();
    let mut described: HashMap<i32, VersionDescription> = described
        .map(|version| (version.driver_version_id, version))
        .collect();
    let version = |(id, observed, share)| {
        Some(ModelVersion {
            version: described.remove(&id)?,
            observed,
            share,
        })
    };
    Ok(found.into_iter().filter_map(version).collect())
}

fn os_builds(footprint: &ModelFootprint) -> Vec<ModelBuild> {
    let crashed_on: HashSet<i32> = footprint
        .crashes
        .iter()
        .filter_map(|crash| crash.os_build)
        .collect();
    let known = footprint.os_builds.keys().copied().chain(crashed_on);
    let known: HashSet<i32> = known.collect();
    let mut builds: Vec<ModelBuild> = known
        .into_iter()
        .map(|os_build| {
            let crashes = footprint.crashes.iter();
            let crashes = crashes.filter(|crash| crash.os_build == Some(os_build));
            let days = footprint.os_builds.get(&os_build).copied().unwrap_or(0);
            ModelBuild {
                os_build: os_build.cast_unsigned(),
                observed: counted(crashes).observed(days),
            }
        })
        .collect();
    builds.sort_by_key(|build| Reverse((build.observed.machine_days, build.os_build)));
    builds
}

async fn bios_versions(
    conn: &mut PgConnection,
    model_id: i32,
    crashes: &[Crashed],
) -> Result<Vec<ModelBios>, Error> {
    let machines: HashSet<Uuid> = crashes.iter().map(|crash| crash.machine.0).collect();
    let machines: Vec<Uuid> = machines.into_iter().collect();
    let rows = sqlx::query!(
        r#"
        SELECT nullif(machine.bios_version, '') AS bios_version, count(*) AS "machines!",
            count(crashed.machine_id) AS "crashing_machines!"
        FROM machine
        LEFT JOIN unnest($2::uuid[]) AS crashed (machine_id) ON crashed.machine_id = machine.machine_id
        WHERE machine.model_id = $1
        GROUP BY 1
        ORDER BY 2 DESC, 1
        "#,
        model_id,
        &machines,
    )
    .fetch_all(conn)
    .await?;
    let bios_versions = rows.into_iter().map(|row| ModelBios {
        bios_version: row.bios_version,
        machines: row.machines.unsigned_abs(),
        crashing_machines: row.crashing_machines.unsigned_abs(),
    });
    Ok(bios_versions.collect())
}
