//! Lines of imported history: NDJSON, one object a line, told apart by `type`.
//!
//! Ids (`d1`, `s1`) hold within one import. A driver set names drivers by id or in full, or builds on an earlier
//! set by adding and removing.

use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};

use crate::inventory::{Driver, MachineAttributes};
use crate::{Hex, StopCodeNumber};

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ImportLine {
    /// Names a driver for later lines.
    Driver(DriverLine),
    /// Names a driver set for later lines.
    DriverSet(DriverSetLine),
    /// A machine and its attributes.
    Machine(MachineLine),
    /// A machine's inventory from a moment on, until its next.
    Inventory(InventoryLine),
    /// Days a machine was on, both ends included.
    Presence(PresenceLine),
    /// A crash that is known without its dump.
    Crash(CrashLine),
}

/// Names a driver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DriverLine {
    /// The id later lines use.
    pub id: String,
    /// The driver.
    #[serde(flatten)]
    pub driver: Driver,
}

/// A driver by the id of its line, or in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DriverReference {
    /// The id of a driver line.
    Id(String),
    /// A whole driver.
    Whole(Box<Driver>),
}

/// Names a driver set: either `drivers`, or `base` with `add` and `remove`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DriverSetLine {
    /// The id later lines use.
    pub id: String,
    /// The whole set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drivers: Option<Vec<DriverReference>>,
    /// The set to start from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Drivers to add to the base.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<DriverReference>,
    /// Ids of driver lines to take out of the base.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MachineLine {
    /// The machine's id.
    pub machine: String,
    /// Its attributes.
    #[serde(flatten)]
    pub attributes: MachineAttributes,
}

/// A machine's inventory: either `driver_set` or `drivers`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InventoryLine {
    /// The machine's id.
    pub machine: String,
    /// From when on it holds.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The id of a driver set line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_set: Option<String>,
    /// The drivers themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drivers: Option<Vec<DriverReference>>,
}

/// Days a machine was on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PresenceLine {
    /// The machine's id.
    pub machine: String,
    /// First day.
    #[serde(with = "crate::day")]
    pub from: Date,
    /// Last day.
    #[serde(with = "crate::day")]
    pub to: Date,
}

/// A crash that is known without its dump.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CrashLine {
    /// The machine's id.
    pub machine: String,
    /// When it crashed.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The stop code.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::hex::openapi::AnyStopCode))]
    pub stop_code: StopCodeNumber,
    /// Up to four parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::hex::openapi::AnyHex>, max_items = 4))]
    pub parameters: Vec<Hex>,
    /// The current process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// Modules on the stack, innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stack_modules: Vec<String>,
}

/// What an import is answered with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportAnswer {
    /// Lines that were taken.
    pub accepted: u64,
    /// Lines that were not, and why; at most 1,000 are listed.
    pub rejected: Vec<RejectedLine>,
}

/// A line that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RejectedLine {
    /// Its number; the first line is 1.
    pub line: u64,
    /// Why, in a sentence.
    pub reason: String,
}
