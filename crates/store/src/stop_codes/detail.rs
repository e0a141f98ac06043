//! One stop code with its breakdowns.

use sqlx::PgConnection;

use super::StopCodeCount;
use crate::{Error, Window};

/// What a stop code means and how it spreads over the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopCodeDetail {
    /// Counts and trend; zeros if the window has none.
    pub count: StopCodeCount,
    /// What each of the four parameters means.
    pub parameter_meanings: Vec<Option<String>>,
    /// What to do about it.
    pub guidance: Vec<String>,
    /// Crashes by hardware model, most first, at most 50.
    pub by_model: Vec<Share>,
    /// Crashes by Windows build, most first, at most 50.
    pub by_os_build: Vec<Share>,
    /// Crashes by process, most first, at most 50.
    pub by_process: Vec<Share>,
}

/// A part of a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Which part; `None` where it is not known.
    pub value: Option<String>,
    /// Crashes.
    pub crashes: u64,
    /// Machines that crashed.
    pub machines: u64,
}

/// The stop code, or `None` if neither the dictionary nor any crash has it.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn detail(
    conn: &mut PgConnection,
    code: u32,
    window: Window,
) -> Result<Option<StopCodeDetail>, Error> {
    todo!("{conn:?} {code} {window:?}")
}
