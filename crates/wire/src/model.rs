//! Hardware models and how they fare.

use serde::{Deserialize, Serialize};
use time::Date;

use crate::StopCodeNumber;
use crate::observed::Observed;
use crate::suspects::Window;

/// One hardware model in the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelSummary {
    /// As the firmware spells it; empty when only the model is known.
    pub manufacturer: String,
    /// As the firmware spells it, e.g. `Latitude 7420`.
    pub model: String,
    /// Machines that are of it now.
    pub machines: u64,
    /// What was seen of it in the window.
    #[serde(flatten)]
    pub seen: Observed,
    /// Its stop codes, most crashing machines first: in the list three, of one model all.
    pub stop_codes: Vec<ModelStopCode>,
}

/// One stop code of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelStopCode {
    /// The stop code.
    pub stop_code: StopCodeNumber,
    /// Its name.
    pub stop_code_name: String,
    /// Crashes with it, repeats included.
    pub crash_count: u64,
    /// Machines that crashed with it.
    pub crashing_machines: u64,
}

/// One hardware model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelDetail {
    /// What the list shows.
    #[serde(flatten)]
    pub summary: ModelSummary,
    /// The days that are counted.
    pub window: Window,
    /// Weeks with machine-days or crashes, in order.
    pub weeks: Vec<ModelWeek>,
    /// Driver versions of which at least four fifths of the machine-days are on this model, most crashing machines
    /// first, at most 50.
    pub versions: Vec<ModelVersion>,
    /// Windows builds, most machine-days first.
    pub os_builds: Vec<ModelBuild>,
    /// BIOS versions of its machines now, most machines first.
    pub bios_versions: Vec<ModelBios>,
}

/// One week of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelWeek {
    /// Monday of the week.
    #[serde(with = "crate::day")]
    pub week: Date,
    /// What was seen in it.
    #[serde(flatten)]
    pub seen: Observed,
    /// Crashes by stop code, most first.
    pub stop_codes: Vec<StopCodeCrashes>,
}

/// Crashes with one stop code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StopCodeCrashes {
    /// The stop code.
    pub stop_code: StopCodeNumber,
    /// Crashes with it, repeats included.
    pub crash_count: u64,
}

/// A driver version that only or mostly one model has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelVersion {
    /// Base name of the driver, lower case.
    pub driver: String,
    /// File version; `null` when no inventory knows the image.
    pub version: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// The part of its machine-days that are on this model, 0 to 1.
    pub share: f64,
    /// What was seen of it on this model.
    #[serde(flatten)]
    pub seen: Observed,
}

/// A build of Windows on one model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelBuild {
    /// The build, e.g. 22631.
    pub os_build: u32,
    /// What was seen of it on this model.
    #[serde(flatten)]
    pub seen: Observed,
}

/// A BIOS version of one model's machines now. Nobody keeps which one a machine had when, so there is no rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelBios {
    /// The version; `null` for machines that told none.
    pub bios_version: Option<String>,
    /// Machines that have it now.
    pub machines: u64,
    /// Those of them that crashed in the window.
    pub crashing_machines: u64,
}
