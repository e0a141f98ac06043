//! The counts that a verdict is computed from: who had what for how long, and who crashed with it.
//!
//! Only days with presence and known drivers are counted, on both sides of the fraction: a crash on another day has
//! no denominator and is counted apart.

mod cases;
mod evidence;
mod exposed;
mod rate;
mod weights;

use std::collections::{BTreeMap, HashMap};

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};

use crate::{Error, MachineId, Window};
pub(crate) use cases::{crashes, versions};
pub use evidence::{DirectEvidence, direct_evidence};
pub use exposed::exposed_machines;
pub use rate::rate_upper_bound;
use weights::{Strata, Weight};
pub(crate) use weights::{for_each_set, weights};

/// Exposure and crashes of one stop code in a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    /// The days counted.
    pub window: Window,
    /// Hardware model × week, in which crash rates are compared.
    pub strata: Vec<Stratum>,
    /// Machine-days of each driver version, by version id.
    pub exposure: Vec<VersionExposure>,
    /// One entry per machine that crashed: its first crash with exposure in the window.
    pub cases: Vec<Case>,
    /// Crashes with this stop code in the window that count, several of one machine included.
    pub crashes: u64,
    /// Those of them on days without presence, or of machines with unknown drivers; never used in a rate.
    pub crashes_without_exposure: u64,
    /// Machine-days over all strata.
    pub machine_days: u64,
}

/// One hardware model in one week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stratum {
    /// The hardware model; `None` for machines that told none.
    pub model_id: Option<i32>,
    /// Monday of the week.
    pub week: Date,
    /// Machine-days.
    pub machine_days: u64,
}

/// Machine-days of one driver version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionExposure {
    /// The version, never a merged placeholder.
    pub driver_version_id: i32,
    /// Index into [`Counts::strata`] and machine-days there, ascending, none of them 0.
    pub machine_days: Vec<(u32, u64)>,
}

/// A machine that crashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The machine.
    pub machine: MachineId,
    /// When it crashed.
    pub crashed_at: OffsetDateTime,
    /// Index into [`Counts::strata`].
    pub stratum: u32,
    /// The driver versions it had, ascending.
    pub driver_version_ids: Vec<i32>,
}

/// Exposure and crashes of one stop code in a window.
///
/// A machine is counted until its first crash with exposure; its days after that are no exposure.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.exposure.counts", skip_all, fields(stop_code))]
pub async fn counts(conn: &mut PgConnection, stop_code: u32, window: Window) -> Result<Counts, Error> {
    let crashes = cases::crashes(conn, Some(stop_code), window).await?;
    let mut first: BTreeMap<MachineId, &cases::CountedCrash> = BTreeMap::new();
    for crash in crashes.iter().filter(|crash| crash.day.is_some()) {
        first.entry(crash.machine).or_insert(crash);
    }
    let first: Vec<&cases::CountedCrash> = first.into_values().collect();
    let ends: Vec<(MachineId, OffsetDateTime)> = first
        .iter()
        .map(|crash| (crash.machine, crash.crashed_at))
        .collect();
    let after = cases::days_after(conn, &ends, window).await?;
    let weights = without(weights::weights(conn, window).await?, &after);
    let strata = Strata::of(&weights);
    let exposure = weights::by_version(conn, &weights, &strata).await?;
    let versions = cases::versions(conn, &first).await?;
    let cases = first
        .iter()
        .zip(versions)
        .filter_map(|(crash, driver_version_ids)| {
            let day = crash.day?;
            Some(Case {
                machine: crash.machine,
                crashed_at: crash.crashed_at,
                stratum: strata.place(day.model_id, day.week)?,
                driver_version_ids,
            })
        });
    Ok(Counts {
        window,
        exposure,
        cases: cases.collect(),
        crashes: count(crashes.iter().len()),
        crashes_without_exposure: count(crashes.iter().filter(|crash| crash.day.is_none()).count()),
        machine_days: strata.list.iter().map(|stratum| stratum.machine_days).sum(),
        strata: strata.list,
    })
}

/// The weights less those of `after`.
fn without(mut weights: Vec<Weight>, after: &[Weight]) -> Vec<Weight> {
    let mut less: HashMap<(i64, Option<i32>, Date), u64> = HashMap::new();
    for weight in after {
        *less
            .entry((weight.driver_set_id, weight.model_id, weight.week))
            .or_default() += weight.machine_days;
    }
    for weight in &mut weights {
        if let Some(days) = less.get(&(weight.driver_set_id, weight.model_id, weight.week)) {
            weight.machine_days = weight.machine_days.saturating_sub(*days);
        }
    }
    weights.retain(|weight| weight.machine_days > 0);
    weights
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
