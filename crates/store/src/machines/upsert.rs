//! Writing what machines say of themselves.

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Attributes, MachineId};
use crate::Error;

/// A machine to be written.
#[derive(Debug, Clone)]
pub(crate) struct NewMachine {
    pub(crate) name: String,
    pub(crate) attributes: Attributes,
}

/// Writes what is known of a machine; absent attributes stay as they are.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn upsert(
    conn: &mut PgConnection,
    name: &str,
    attributes: &Attributes,
    crash_control: Option<&Value>,
    now: OffsetDateTime,
) -> Result<MachineId, Error> {
    todo!("{conn:?} {name} {attributes:?} {crash_control:?} {now}")
}

/// Makes sure the machine has a row and notes that it was heard of.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn touch(conn: &mut PgConnection, name: &str, now: OffsetDateTime) -> Result<MachineId, Error> {
    todo!("{conn:?} {name} {now}")
}

/// Writes many machines in one statement.
pub(crate) async fn upsert_many(
    conn: &mut PgConnection,
    machines: &[NewMachine],
    now: OffsetDateTime,
) -> Result<(), Error> {
    todo!("{conn:?} {machines:?} {now}")
}
