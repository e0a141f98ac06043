//! The fleet as a whole: week by week, and what is said of it now that was not before.

use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};

use crate::StopCodeNumber;
use crate::suspects::VerdictWord;

/// One week of the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FleetWeek {
    /// Its Monday. The first and the last week are counted as far as they lie in the window.
    #[serde(with = "crate::day")]
    pub week: Date,
    /// Machines that were on.
    pub machines: u64,
    /// Those of them that did not crash.
    pub crash_free_machines: u64,
    /// Days on which machines were on, summed over the machines.
    pub machine_days: u64,
    /// Crashes of these machines.
    pub crashes: u64,
    /// `crashes` per 1,000 `machine_days`.
    pub crashes_per_1000_machine_days: f64,
}

/// A stop code of which something else is said than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerdictChange {
    /// The stop code.
    pub stop_code: StopCodeNumber,
    /// Its name.
    pub name: String,
    /// When it changed last.
    #[serde(with = "time::serde::rfc3339")]
    pub changed_at: OffsetDateTime,
    /// The word at the start of the days that were looked at; absent if there was no verdict yet.
    pub verdict_before: Option<VerdictWord>,
    /// The word now.
    pub verdict: VerdictWord,
    /// Whom it accuses first now, in words.
    pub suspect: Option<String>,
}
