//! The counts that a verdict is computed from: who had what for how long, and who crashed with it.
//!
//! Only days with presence and known drivers are counted, on both sides of the fraction: a crash on another day has
//! no denominator and is counted apart.

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};

use crate::{Error, MachineId, Window};

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

/// How often dumps with a stop code point at a driver version directly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DirectEvidence {
    /// Crashes at which Windows named it, as 0xCB does, whatever the stop code asked for.
    pub named_by_windows: u64,
    /// Crashes with it on a trusted stack.
    pub on_trusted_stack: u64,
    /// Crashes at which it had been unloaded.
    pub unloaded_at_crash: u64,
}

/// Exposure and crashes of one stop code in a window.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn counts(conn: &mut PgConnection, stop_code: u32, window: Window) -> Result<Counts, Error> {
    todo!("{conn:?} {stop_code} {window:?}")
}

/// How many machines had each of these versions in the window, in the same order.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn exposed_machines(
    conn: &mut PgConnection,
    window: Window,
    driver_version_ids: &[i32],
) -> Result<Vec<u64>, Error> {
    todo!("{conn:?} {window:?} {driver_version_ids:?}")
}

/// What dumps of the stop code in the window say directly of each of these versions, in the same order.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn direct_evidence(
    conn: &mut PgConnection,
    stop_code: u32,
    window: Window,
    driver_version_ids: &[i32],
) -> Result<Vec<DirectEvidence>, Error> {
    todo!("{conn:?} {stop_code} {window:?} {driver_version_ids:?}")
}

/// The 95 % upper bound of crashes per 1,000 machine-days, exact for a Poisson count.
///
/// `None` without machine-days.
pub fn rate_upper_bound(crashes: u64, machine_days: u64) -> Option<f64> {
    todo!("{crashes} {machine_days}")
}
