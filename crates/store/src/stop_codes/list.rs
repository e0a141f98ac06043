//! The stop codes seen in a window.

use sqlx::PgConnection;
use time::Date;

use crate::{Error, Window};

/// One stop code as the fleet sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopCodeCount {
    /// The code.
    pub code: u32,
    /// Its name.
    pub name: String,
    /// What kind of fault it is.
    pub class: String,
    /// Crashes in the window.
    pub crashes: u64,
    /// Machines that crashed with it in the window.
    pub machines: u64,
    /// The day of the latest crash.
    pub last_seen: Date,
    /// Whether it was first seen ever within the last seven days of the window.
    pub new: bool,
    /// Crashes on every day of the window.
    pub trend: Vec<DayCount>,
}

/// Crashes on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayCount {
    /// The day, UTC.
    pub day: Date,
    /// Crashes.
    pub crashes: u64,
}

/// The stop codes seen in the window, most crashes first.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn list(conn: &mut PgConnection, window: Window) -> Result<Vec<StopCodeCount>, Error> {
    todo!("{conn:?} {window:?}")
}
