//! Figures for the whole fleet.

use sqlx::PgConnection;
use time::Date;

use crate::drivers::VersionDescription;
use crate::stop_codes::DayCount;
use crate::{Error, Window};

/// The fleet in a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// Machines that were on at least one day.
    pub machines: u64,
    /// Those of them that did not crash.
    pub crash_free_machines: u64,
    /// Days on which machines were on, summed over the machines.
    pub machine_days: u64,
    /// Crashes that count.
    pub crashes: u64,
    /// Crashes per day by stop code: the six most frequent, then all others under `None`. Every day is there.
    pub by_stop_code: Vec<CodeTrend>,
    /// What was first seen in the last seven days of the window.
    pub new: NewThings,
}

/// Crashes per day of one stop code, or of all that are not shown apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeTrend {
    /// The stop code; `None` for all others.
    pub stop_code: Option<u32>,
    /// Its name.
    pub name: String,
    /// Crashes in the window.
    pub crashes: u64,
    /// Crashes on every day of the window.
    pub trend: Vec<DayCount>,
}

/// What was first seen in the last seven days of a window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewThings {
    /// Stop codes, most crashes first, at most 20.
    pub stop_codes: Vec<NewStopCode>,
    /// Driver versions that inventories told, at most 20, newest first.
    pub driver_versions: Vec<VersionDescription>,
    /// Signatures, most crashes first, at most 20.
    pub signatures: Vec<NewSignature>,
}

/// A stop code that was never seen before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewStopCode {
    /// The code.
    pub stop_code: u32,
    /// Its name.
    pub name: String,
    /// The first day.
    pub first_seen_on: Date,
    /// Crashes since.
    pub crashes: u64,
}

/// A signature that was never seen before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSignature {
    /// The signature.
    pub signature: String,
    /// The first day.
    pub first_seen_on: Date,
    /// Crashes since.
    pub crashes: u64,
}

/// The fleet in a window.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn overview(conn: &mut PgConnection, window: Window) -> Result<Overview, Error> {
    todo!("{conn:?} {window:?}")
}
