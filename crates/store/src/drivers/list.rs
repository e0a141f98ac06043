//! The list of drivers.

use sqlx::PgConnection;

use crate::{Error, Page};

/// One driver in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverSummary {
    /// Base name, lower case.
    pub name: String,
    /// Company.
    pub company: Option<String>,
    /// Device class.
    pub class: Option<String>,
    /// Versions seen.
    pub versions: u64,
    /// Machines that have it now.
    pub machines: u64,
    /// Crashes whose dumps name it as the probable driver.
    pub crashes: u64,
}

/// Drivers by name, at most `limit`, after the one named `after`.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn list(
    conn: &mut PgConnection,
    after: Option<&str>,
    limit: u32,
) -> Result<Page<DriverSummary, String>, Error> {
    todo!("{conn:?} {after:?} {limit}")
}
