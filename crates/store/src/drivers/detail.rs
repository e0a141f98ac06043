//! One driver with its versions side by side.

use sqlx::PgConnection;
use time::Date;

use crate::{Error, Window};

/// One driver with its versions side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct DriverDetail {
    /// Base name, lower case.
    pub name: String,
    /// Company.
    pub company: Option<String>,
    /// Device class.
    pub class: Option<String>,
    /// What the version resource says it is.
    pub description: Option<String>,
    /// The versions, newest first; placeholders last.
    pub versions: Vec<VersionDetail>,
    /// The version with most machine-days among those never seen at a crash in the window.
    pub safe_version: Option<String>,
}

/// One version of a driver.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionDetail {
    /// Its id.
    pub driver_version_id: i32,
    /// File version; `None` when no inventory knows the image.
    pub version: Option<String>,
    /// The images known to be this version.
    pub code_ids: Vec<String>,
    /// Machines that have it now.
    pub machines: u64,
    /// Days on which machines had it in the window.
    pub machine_days: u64,
    /// The first day it was told of.
    pub first_seen_on: Date,
    /// Crashing machines by stop code while they had it, most first.
    pub crashes: Vec<VersionCrashes>,
    /// 95 % upper bound of crashes per 1,000 machine-days, all stop codes; `None` without machine-days.
    pub rate_upper_bound: Option<f64>,
}

/// Crashes of machines with one version and one stop code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionCrashes {
    /// The stop code.
    pub stop_code: u32,
    /// Its name.
    pub stop_code_name: String,
    /// Machines that crashed.
    pub machines: u64,
}

/// The driver with this base name, or `None` if it was never told of. Days and crashes are those of `window`.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn detail(
    conn: &mut PgConnection,
    name: &str,
    window: Window,
) -> Result<Option<DriverDetail>, Error> {
    todo!("{conn:?} {name} {window:?}")
}
