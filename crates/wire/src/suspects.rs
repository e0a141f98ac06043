//! The ranking of driver versions for one stop code.

use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};

use crate::StopCodeNumber;

/// Which driver versions go with a stop code, and how sure that is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Suspects {
    /// The stop code.
    pub stop_code: StopCodeNumber,
    /// The days that were counted, both ends included.
    pub window: Window,
    /// When the counts were taken.
    #[serde(with = "time::serde::rfc3339")]
    pub computed_at: OffsetDateTime,
    /// Whether newer data has arrived that is not counted yet.
    pub stale: bool,
    /// Machines that crashed in the window and have exposure.
    pub crashing_machines: u64,
    /// Crashes in the window, several of one machine included.
    pub crashes: u64,
    /// Days on which machines were seen, summed over the machines.
    pub machine_days: u64,
    /// Crashes of machines or days without presence: shown, never used in a rate.
    pub crashes_without_exposure: u64,
    /// The strongest thing that may be said.
    pub verdict: VerdictWord,
    /// Probability that no driver version explains the crashes; absent while only the screen was computed.
    pub none_probability: Option<f64>,
    /// The suspects, most suspicious first.
    pub suspects: Vec<Suspect>,
}

/// A span of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Window {
    /// First day.
    #[serde(with = "crate::day")]
    pub from: Date,
    /// Last day.
    #[serde(with = "crate::day")]
    pub to: Date,
}

/// What may be said of a stop code, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum VerdictWord {
    /// Too few crashes or machine-days to say anything.
    TooLittleData,
    /// Enough data, and no driver version stands out.
    NoDriverExplainsThis,
    /// Machines with the first suspect crash more often; confounding is not excluded.
    Associated,
    /// A small set of versions holds the culprit with 95 % probability.
    SuspectSet,
    /// One version, with at least 95 % probability and 20 crashing machines.
    LikelyCause,
    /// Proven: Windows named it, or the rate fell when it was rolled back.
    Confirmed,
}

/// One suspect: a driver version, or several that the data cannot tell apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Suspect {
    /// 1 is the most suspicious.
    pub rank: u32,
    /// More than one entry means that the data cannot tell them apart.
    pub drivers: Vec<SuspectDriver>,
    /// Posterior probability; absent while only the screen was computed.
    pub probability: Option<f64>,
    /// Whether it belongs to the 95 % credible set; absent while only the screen was computed.
    pub in_credible_set: Option<bool>,
    /// Lower bound of the shrunk log2 ratio of observed to expected crashes; above 0 means associated.
    pub ic025: f64,
    /// Crashing machines expected if the driver played no part.
    pub expected_machines: f64,
    /// Crash rate with the version over the rate without, within models and weeks. Absent when it has no value.
    pub rate_ratio: Option<f64>,
    /// Lower end of its 95 % interval.
    pub rate_ratio_low: Option<f64>,
    /// Upper end of its 95 % interval.
    pub rate_ratio_high: Option<f64>,
    /// Machines that crashed while they had it.
    pub crashing_machines: u64,
    /// Machines that had it.
    pub exposed_machines: u64,
    /// Days on which machines had it, summed over the machines.
    pub machine_days: u64,
    /// `crashing_machines` per 1,000 `machine_days`.
    pub crashes_per_1000_machine_days: f64,
    /// The version of the same driver before this one, for contrast.
    pub previous_version: Option<PreviousVersion>,
    /// What dumps say directly.
    pub direct_evidence: DirectEvidence,
}

/// One driver version of a suspect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SuspectDriver {
    /// Base name, lower case.
    pub name: String,
    /// File version; `null` when no inventory knows the image.
    pub version: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// Device class.
    pub class: Option<String>,
    /// The images known to be this version.
    pub code_ids: Vec<String>,
}

/// The version of the same driver before the suspect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreviousVersion {
    /// File version.
    pub version: String,
    /// Machines that crashed while they had it.
    pub crashing_machines: u64,
    /// Days on which machines had it.
    pub machine_days: u64,
    /// 95 % upper bound of its crashes per 1,000 machine-days.
    pub rate_upper_bound: f64,
}

/// How often dumps point at the driver directly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DirectEvidence {
    /// 0xCB crashes that name it.
    pub named_by_0xcb: u64,
    /// Crashes with it on a trusted stack.
    pub on_trusted_stack: u64,
    /// Crashes at which it had been unloaded.
    pub unloaded_at_crash: u64,
}
