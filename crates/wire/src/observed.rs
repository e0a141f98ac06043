//! What was seen of something: machine-days, crashes, and the rate between them.

use serde::{Deserialize, Serialize};
use time::Date;

/// Machine-days and crashes, with the rate and its interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Observed {
    /// Days on which machines were on.
    pub machine_days: u64,
    /// Crashes on these days, repeats included.
    pub crash_count: u64,
    /// Machines that crashed, each once.
    pub crashing_machines: u64,
    /// `crashing_machines` per 1,000 `machine_days`; `null` without machine-days.
    pub crashes_per_1000_machine_days: Option<f64>,
    /// Lower end of its exact 95 % interval.
    pub rate_low: Option<f64>,
    /// Upper end of its exact 95 % interval.
    pub rate_high: Option<f64>,
}

/// The same in one week.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WeekObserved {
    /// Monday of the week.
    #[serde(with = "crate::day")]
    pub week: Date,
    /// What was seen in it.
    #[serde(flatten)]
    pub seen: Observed,
}
