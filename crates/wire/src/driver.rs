//! Drivers and their versions across the fleet.

use serde::{Deserialize, Serialize};
use time::Date;

use crate::StopCodeNumber;

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
    /// The versions, newest first.
    pub versions: Vec<DriverVersion>,
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
    /// Days on which machines had it in the last 91 days.
    pub machine_days: u64,
    /// The first day it was seen.
    #[serde(with = "crate::day::option", default)]
    pub first_seen: Option<Date>,
    /// Crashing machines by stop code while they had it, most first.
    pub crashes: Vec<VersionCrashes>,
    /// 95 % upper bound of crashes per 1,000 machine-days, all stop codes.
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
