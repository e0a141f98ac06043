//! History in bulk: machines, drivers, inventories, presence and crashes without dumps.
//!
//! Lines come in batches of up to 1,000. A batch is written whole or not at all: if any of its lines is wrong,
//! nothing of it is. Ids of driver and driver set lines hold within one import; the [`Session`] remembers them.

mod crashes;
mod evidence;
mod plan;
mod session;
mod write;

use sqlx::{Connection, PgConnection};
use time::{Date, OffsetDateTime};

use crate::Error;
use crate::drivers::InventoryDriver;
use crate::machines::Attributes;

pub use session::Session;

/// Most lines in one batch.
pub const BATCH: usize = 1_000;

/// A line with its number.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberedLine {
    /// The first line is 1.
    pub number: u64,
    /// The line, or why it could not be read.
    pub line: Result<Line, String>,
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// Names a driver for later lines.
    Driver {
        /// The id later lines use.
        id: String,
        /// The driver.
        driver: InventoryDriver,
    },
    /// Names a driver set for later lines.
    DriverSet {
        /// The id later lines use.
        id: String,
        /// What is in it.
        content: SetContent,
    },
    /// A machine and its attributes.
    Machine {
        /// The machine, as its client names it.
        machine: String,
        /// What it is.
        attributes: Attributes,
    },
    /// A machine's drivers from a moment on, until its next inventory.
    Inventory {
        /// The machine.
        machine: String,
        /// From when on it holds.
        at: OffsetDateTime,
        /// The drivers.
        drivers: InventorySource,
    },
    /// Days a machine was on, both ends included.
    Presence {
        /// The machine.
        machine: String,
        /// First day.
        from: Date,
        /// Last day.
        to: Date,
    },
    /// A crash that is known without its dump.
    Crash(CrashLine),
}

/// A driver by the id of its line, or in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DriverReference {
    /// The id of a driver line.
    Id(String),
    /// A whole driver.
    Whole(Box<InventoryDriver>),
}

/// What a driver set line says is in the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetContent {
    /// All of it.
    Whole(Vec<DriverReference>),
    /// What differs from an earlier set.
    Change {
        /// The id of the earlier set's line.
        base: String,
        /// Drivers to add.
        add: Vec<DriverReference>,
        /// Ids of the driver lines to take out.
        remove: Vec<String>,
    },
}

/// Where an inventory line has its drivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InventorySource {
    /// In the driver set line with this id.
    Set(String),
    /// In the line itself.
    Drivers(Vec<DriverReference>),
}

/// A crash that is known without its dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrashLine {
    /// The machine.
    pub machine: String,
    /// When it crashed.
    pub at: OffsetDateTime,
    /// The stop code, bit 28 cleared.
    pub stop_code: u32,
    /// Up to four parameters.
    pub parameters: Vec<u64>,
    /// The current process.
    pub process: Option<String>,
    /// Modules on the stack, innermost first.
    pub stack_modules: Vec<String>,
}

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Lines that were taken: all or none.
    pub accepted: u64,
    /// The lines that were wrong.
    pub rejected: Vec<Rejected>,
}

/// A line that was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its number.
    pub line: u64,
    /// Why, in a sentence.
    pub reason: String,
}

/// Writes one batch in a transaction of its own.
///
/// # Errors
///
/// [`Error::Database`]; then nothing was written and the session is as before.
#[tracing::instrument(name = "db.import.apply", skip_all, fields(lines = lines.len()))]
pub async fn apply(
    conn: &mut PgConnection,
    session: &mut Session,
    lines: Vec<NumberedLine>,
    now: OffsetDateTime,
) -> Result<Applied, Error> {
    let accepted = u64::try_from(lines.len()).unwrap_or(u64::MAX);
    let plan = match plan::plan(session, lines) {
        Ok(plan) => plan,
        Err(rejected) => {
            return Ok(Applied {
                accepted: 0,
                rejected,
            });
        }
    };
    let mut transaction = conn.begin().await?;
    let named = write::write(&mut transaction, session, plan, now).await?;
    transaction.commit().await?;
    session.remember(named);
    Ok(Applied {
        accepted,
        rejected: Vec::new(),
    })
}
