//! One machine with its drivers and its timeline.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::MachineSummary;
use crate::Error;

/// One machine with everything known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineDetail {
    /// What the list shows.
    pub summary: MachineSummary,
    /// Loaded drivers by its latest inventory, by name.
    pub drivers: Vec<InstalledDriver>,
    /// Crashes and changes of drivers, newest first; the latest 200 of each.
    pub timeline: Vec<TimelineEntry>,
}

/// A driver that a machine has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstalledDriver {
    /// Base name, lower case.
    pub name: String,
    /// File version.
    pub version: Option<String>,
    /// Company.
    pub company: Option<String>,
}

/// Something that happened to a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimelineEntry {
    /// It crashed.
    Crash {
        /// When.
        at: OffsetDateTime,
        /// The crash.
        id: Uuid,
        /// The stop code, for kernel crashes.
        stop_code: Option<u32>,
        /// The signature.
        signature: String,
    },
    /// Its drivers changed.
    DriversChanged {
        /// When the inventory was taken.
        at: OffsetDateTime,
        /// Versions that came.
        added: Vec<InstalledDriver>,
        /// Versions that went.
        removed: Vec<InstalledDriver>,
    },
}

/// The machine that its client calls `name`, or `None` if it was never heard of.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn detail(conn: &mut PgConnection, name: &str) -> Result<Option<MachineDetail>, Error> {
    todo!("{conn:?} {name}")
}
