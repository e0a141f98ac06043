//! Finding machines.

use std::collections::HashMap;

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Attributes, Machine, MachineId};
use crate::{Error, Page};

/// One machine in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineSummary {
    /// Its id.
    pub id: MachineId,
    /// The id its client gave it.
    pub name: String,
    /// What it is.
    pub attributes: Attributes,
    /// When it was last heard of.
    pub last_seen_at: OffsetDateTime,
    /// Crashes known of it.
    pub crashes: u64,
    /// Its latest crash.
    pub last_crash_at: Option<OffsetDateTime>,
}

/// The machine that its client calls `name`, or `None` if it was never heard of.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn find(conn: &mut PgConnection, name: &str) -> Result<Option<Machine>, Error> {
    todo!("{conn:?} {name}")
}

/// The names of machines, for showing rows that hold their ids. Unknown ids are left out.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn names(conn: &mut PgConnection, ids: &[MachineId]) -> Result<HashMap<MachineId, String>, Error> {
    todo!("{conn:?} {ids:?}")
}

/// Machines by name, at most `limit`, after the one named `after`.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn list(
    conn: &mut PgConnection,
    after: Option<&str>,
    limit: u32,
) -> Result<Page<MachineSummary, String>, Error> {
    todo!("{conn:?} {after:?} {limit}")
}
