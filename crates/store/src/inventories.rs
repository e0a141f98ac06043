//! Which machine had which drivers when.
//!
//! History on change: a row says what a machine had from a moment on, until its next row. An inventory that tells
//! nothing new writes no row.

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::driver_sets::{DriverSet, DriverSetHash};
use crate::drivers::InventoryDriver;
use crate::machines::Attributes;
use crate::{Error, MachineId};

/// An inventory as an agent sends it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewInventory {
    /// The machine, as its client names it.
    pub machine: String,
    /// When it was taken.
    pub at: OffsetDateTime,
    /// What the machine is.
    pub attributes: Attributes,
    /// Whether and how it can write dumps; stored and shown, never read.
    pub crash_control: Option<Value>,
    /// Its loaded drivers.
    pub drivers: InventoryDrivers,
}

/// How an inventory tells the drivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InventoryDrivers {
    /// In full; the loaded ones only.
    Whole(Vec<InventoryDriver>),
    /// By the hash that the server answered before.
    Hash(DriverSetHash),
    /// Not at all: what was known stays.
    Untold,
}

/// What became of an inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// The machine's drivers.
    pub driver_set: DriverSet,
    /// Whether they differ from its inventory before.
    pub changed: bool,
}

/// Records an inventory; `None`, and nothing is written, if it names a hash that is not known.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn record(
    conn: &mut PgConnection,
    inventory: &NewInventory,
    now: OffsetDateTime,
) -> Result<Option<Recorded>, Error> {
    todo!("{conn:?} {inventory:?} {now}")
}

/// The driver set that the machine had at a moment; `None` if no inventory is that old.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn set_at(
    conn: &mut PgConnection,
    machine: MachineId,
    at: OffsetDateTime,
) -> Result<Option<i64>, Error> {
    todo!("{conn:?} {machine} {at}")
}
