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
    /// What proved the first suspect guilty; absent unless the verdict is `confirmed`.
    #[serde(default)]
    pub confirmed_by: Option<Proof>,
    /// The suspects, most suspicious first.
    pub suspects: Vec<Suspect>,
    /// What else the crashing machines have in common, kind by kind, the most frequent first.
    #[serde(default)]
    pub shared: Vec<SharedTrait>,
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

impl VerdictWord {
    /// All words, weakest first.
    pub const ALL: [VerdictWord; 6] = [
        VerdictWord::TooLittleData,
        VerdictWord::NoDriverExplainsThis,
        VerdictWord::Associated,
        VerdictWord::SuspectSet,
        VerdictWord::LikelyCause,
        VerdictWord::Confirmed,
    ];

    /// The name as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            VerdictWord::TooLittleData => "too-little-data",
            VerdictWord::NoDriverExplainsThis => "no-driver-explains-this",
            VerdictWord::Associated => "associated",
            VerdictWord::SuspectSet => "suspect-set",
            VerdictWord::LikelyCause => "likely-cause",
            VerdictWord::Confirmed => "confirmed",
        }
    }

    /// The word of this name.
    pub fn from_name(name: &str) -> Option<VerdictWord> {
        VerdictWord::ALL.into_iter().find(|word| word.as_str() == name)
    }
}

/// What can prove a suspect guilty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Proof {
    /// Windows caught it with pages locked and named it in a 0xCB.
    NamedByWindows,
    /// The crash rate fell on machines that it was taken back from, and did not on those that kept it.
    Rollback,
}

/// What a suspect is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SuspectScope {
    /// A driver version; if there are several in `drivers`, the data cannot tell them apart.
    #[default]
    Version,
    /// The first version in `drivers` and all later ones, which follow it.
    VersionOrLater,
    /// A build of Windows: `os_build`.
    OsBuild,
}

/// One suspect: a driver version, several that the data cannot tell apart, a run of versions, or a Windows build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Suspect {
    /// 1 is the most suspicious.
    pub rank: u32,
    /// What it is.
    #[serde(default)]
    pub scope: SuspectScope,
    /// The build of Windows that it is, or that cannot be told apart from its drivers.
    #[serde(default)]
    pub os_build: Option<u32>,
    /// Which culprit it may be, if it is in a credible set: 1 for the first; 2 for one that crashes further machines.
    #[serde(default)]
    pub culprit: Option<u32>,
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
    /// The newest version of the same driver that is known to be quiet.
    #[serde(default)]
    pub safe_version: Option<SafeVersion>,
    /// Machines that changed to it in the window, each its own control.
    #[serde(default)]
    pub before_after: Option<BeforeAfter>,
    /// Machines that it was taken back from, beside those that kept it.
    #[serde(default)]
    pub rollback: Option<Rollback>,
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

/// A version to go to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SafeVersion {
    /// Base name of the driver, lower case.
    pub name: String,
    /// File version.
    pub version: String,
    /// Machines that crashed with this stop code while they had it.
    pub crashing_machines: u64,
    /// Days on which machines had it.
    pub machine_days: u64,
    /// 95 % upper bound of its crashes per 1,000 machine-days.
    pub rate_upper_bound: f64,
}

/// Crashing machines over machine-days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ObservedRate {
    /// Machines that crashed.
    pub crashing_machines: u64,
    /// Days on which machines were seen.
    pub machine_days: u64,
}

/// The same machines before and after they got a version.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BeforeAfter {
    /// Machines that changed.
    pub machines: u64,
    /// Their days before.
    pub before: ObservedRate,
    /// Their days with the version.
    pub after: ObservedRate,
    /// Rate after over rate before; absent when it has no value.
    pub rate_ratio: Option<f64>,
    /// Lower end of its exact 95 % interval.
    pub rate_ratio_low: Option<f64>,
    /// Upper end of its exact 95 % interval.
    pub rate_ratio_high: Option<f64>,
}

/// What happened where a version was taken back.
///
/// Machines that crashed in the two weeks before are left out: they would crash less afterwards by chance alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rollback {
    /// Machines that it was taken back from.
    pub machines: u64,
    /// Their days while they had it.
    pub before: ObservedRate,
    /// Their days since.
    pub rolled_back: ObservedRate,
    /// The days of machines that kept it, from the first rollback on.
    pub kept: ObservedRate,
}

/// Something that crashing machines have in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SharedTrait {
    /// What it is.
    pub kind: TraitKind,
    /// Its value, e.g. a model's name.
    pub value: String,
    /// Crashing machines that have it.
    pub crashing_machines: u64,
    /// These, as a share of all crashing machines.
    pub share_of_crashing: f64,
    /// Its share of the fleet: of machine-days for models and builds, of machines for sites and BIOS versions. Absent for
    /// processes, which nobody counts where nothing crashes.
    pub share_of_fleet: Option<f64>,
}

/// What machines can have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum TraitKind {
    /// Hardware model.
    Model,
    /// Build of Windows.
    OsBuild,
    /// The process in which it crashed.
    Process,
    /// Where the machine stands.
    Site,
    /// BIOS version.
    Bios,
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
