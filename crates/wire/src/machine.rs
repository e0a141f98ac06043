//! Machines and what happened to them.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StopCodeNumber;
use crate::inventory::MachineAttributes;
use crate::policy::LockedPages;

/// One machine in the list of machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MachineSummary {
    /// The id its client gave it.
    pub machine: String,
    /// Its attributes.
    #[serde(flatten)]
    pub attributes: MachineAttributes,
    /// When it was last heard of.
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen_at: OffsetDateTime,
    /// Crashes known of it.
    pub crashes: u64,
    /// Its latest crash.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_crash_at: Option<OffsetDateTime>,
}

/// One machine with its timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MachineDetail {
    /// What the list shows.
    #[serde(flatten)]
    pub summary: MachineSummary,
    /// Its agent, as it told at its last check-in; `null` if none ever checked in.
    pub agent: Option<Agent>,
    /// Why the machine could not have written a dump if it had crashed, in words; `null` if nothing speaks against it.
    pub cannot_write_dumps: Option<String>,
    /// The experiment that it is in.
    pub experiment: Option<Uuid>,
    /// Loaded drivers by its latest inventory.
    pub drivers: Vec<InstalledDriver>,
    /// Crashes and inventory changes, newest first.
    pub timeline: Vec<TimelineEntry>,
}

/// The agent of a machine, as it told at its last check-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Agent {
    /// Its version.
    pub agent_version: String,
    /// When it last checked in.
    #[serde(with = "time::serde::rfc3339")]
    pub checked_in_at: OffsetDateTime,
    /// When the machine was started last.
    #[serde(with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    /// Whether the machine's owner lets the server have locked pages tracked on it.
    pub may_track_locked_pages: bool,
    /// How tracking stands; `null` while it was never set by the agent.
    pub locked_pages: Option<LockedPages>,
}

/// A driver that a machine has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InstalledDriver {
    /// Base name, lower case.
    pub name: String,
    /// File version.
    pub version: Option<String>,
    /// Company.
    pub company: Option<String>,
}

/// Something that happened to a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum TimelineEntry {
    /// It crashed.
    Crash {
        /// When.
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
        /// The crash.
        id: Uuid,
        /// The stop code, for kernel crashes.
        stop_code: Option<StopCodeNumber>,
        /// The signature.
        signature: String,
    },
    /// Its drivers changed.
    DriversChanged {
        /// When the inventory was taken.
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
        /// Versions that came.
        added: Vec<InstalledDriver>,
        /// Versions that went.
        removed: Vec<InstalledDriver>,
        /// The same by driver, with what happened before and after.
        changes: Vec<DriverChange>,
    },
}

/// One driver that came, went or moved to another version, and what was seen of the machine before and after.
///
/// Before means since the same driver changed last, after means until it changes again. Neither proves anything: one
/// machine is one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DriverChange {
    /// Base name, lower case.
    pub driver: String,
    /// The version that went, `?` if it is not known; `null` if the driver is new.
    pub from: Option<String>,
    /// The version that came, `?` if it is not known; `null` if the driver is gone.
    pub to: Option<String>,
    /// What was seen before.
    pub before: Spell,
    /// What was seen after.
    pub after: Spell,
}

/// A time of one machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Spell {
    /// Days on which it was on.
    pub machine_days: u64,
    /// Crashes that count.
    pub crashes: u64,
}
