//! Drivers and their versions across the fleet.

use serde::{Deserialize, Serialize};
use time::Date;

use crate::StopCodeNumber;
use crate::observed::{Observed, WeekObserved};
use crate::suspects::Window;

/// One driver in the list of drivers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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

/// One driver with its versions side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DriverDetail {
    /// Base name, lower case.
    pub name: String,
    /// Company.
    pub company: Option<String>,
    /// Device class.
    pub class: Option<String>,
    /// What the version resource says it is.
    pub description: Option<String>,
    /// The days that are counted.
    pub window: Window,
    /// The only stop code whose crashes are counted; `null` when all are.
    pub stop_code: Option<StopCodeNumber>,
    /// All versions together.
    #[serde(flatten)]
    pub seen: Observed,
    /// The versions, newest first.
    pub versions: Vec<DriverVersion>,
    /// All versions together, by week.
    pub weeks: Vec<WeekObserved>,
    /// The version with most machine-days among those never seen at a crash.
    pub safe_version: Option<String>,
}

/// One version of a driver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DriverVersion {
    /// File version; `null` when no inventory knows the image.
    pub version: Option<String>,
    /// The images known to be this version.
    pub code_ids: Vec<String>,
    /// Machines that have it now.
    pub machines: u64,
    /// Days on which machines had it in the window.
    pub machine_days: u64,
    /// Crashes of machines while they had it, repeats included.
    pub crash_count: u64,
    /// Machines that crashed while they had it, each once.
    pub crashing_machines: u64,
    /// `crashing_machines` per 1,000 `machine_days`; `null` without machine-days.
    pub crashes_per_1000_machine_days: Option<f64>,
    /// Lower end of its exact 95 % interval.
    pub rate_low: Option<f64>,
    /// Upper end of its exact 95 % interval.
    pub rate_high: Option<f64>,
    /// The first day it was seen.
    #[serde(with = "crate::day::option", default)]
    pub first_seen: Option<Date>,
    /// The last day of a machine that has it now; of a version that no machine has any more, the end of the last week
    /// in which one had it, `null` if that was before the window.
    #[serde(with = "crate::day::option", default)]
    pub last_seen: Option<Date>,
    /// Crashing machines by stop code while they had it, most first.
    pub crashes: Vec<VersionCrashes>,
    /// One-sided 95 % upper bound of `crashing_machines` per 1,000 machine-days: what a version without crashes is known for.
    pub rate_upper_bound: Option<f64>,
}

/// Crashes of machines with one version and one stop code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionCrashes {
    /// The stop code.
    pub stop_code: StopCodeNumber,
    /// Its name.
    pub stop_code_name: String,
    /// Machines that crashed.
    pub machines: u64,
}

/// One version of a driver in one week.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DriverVersionWeek {
    /// File version; `null` when no inventory knows the image.
    pub version: Option<String>,
    /// The week and what was seen in it.
    #[serde(flatten)]
    pub seen: WeekObserved,
}

/// One version of a driver on one hardware model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DriverVersionModel {
    /// Manufacturer; `null` for machines that told none.
    pub manufacturer: Option<String>,
    /// Hardware model; `null` for machines that told none.
    pub model: Option<String>,
    /// File version; `null` when no inventory knows the image.
    pub version: Option<String>,
    /// What was seen of it.
    #[serde(flatten)]
    pub seen: Observed,
}
