//! Machines: who they are and what is true of them now.
//!
//! A machine is what its client names it, of whatever form. Its id follows from the name without a look-up, so rows
//! about a machine can be written before anybody described it.

mod changes;
mod detail;
mod list;
mod upsert;

use std::fmt;

use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

pub use changes::{DriverChange, Spell};
pub use detail::{InstalledDriver, MachineDetail, TimelineEntry, detail};
pub(crate) use list::sets_with;
pub use list::{Filter, MachineSummary, count, find, list, names};
pub(crate) use upsert::{NewMachine, upsert_many};
pub use upsert::{touch, upsert};

/// A machine's id: the first 16 bytes of the SHA-256 of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct MachineId(pub Uuid);

impl MachineId {
    /// The machine of a crash whose upload named none. It has no row.
    pub const UNKNOWN: MachineId = MachineId(Uuid::nil());

    /// The id of the machine that its client calls `name`.
    pub fn of(name: &str) -> Self {
        let hash: [u8; 32] = Sha256::digest(name.as_bytes()).into();
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        MachineId(Uuid::from_bytes(id))
    }

    /// Whether this stands for no machine at all.
    pub fn is_unknown(self) -> bool {
        self == Self::UNKNOWN
    }
}

impl fmt::Display for MachineId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What is known of a machine apart from its drivers. An absent value changes nothing that is known already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Host name.
    pub host_name: Option<String>,
    /// Manufacturer, e.g. `Dell Inc.`.
    pub manufacturer: Option<String>,
    /// Hardware model, e.g. `Latitude 7420`.
    pub model: Option<String>,
    /// BIOS version.
    pub bios_version: Option<String>,
    /// Windows build, e.g. 22631.
    pub os_build: Option<u32>,
    /// `x86_64`, `arm64`, …
    pub architecture: Option<String>,
    /// Where it stands.
    pub site: Option<String>,
    /// Its update ring.
    pub ring: Option<String>,
}

/// One machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its id.
    pub id: MachineId,
    /// The id its client gave it.
    pub name: String,
    /// What it is.
    pub attributes: Attributes,
    /// Its row of hardware models.
    pub model_id: Option<i32>,
    /// Drivers by its latest inventory; 0 when there was none.
    pub driver_set_id: i64,
    /// When its latest inventory was taken.
    pub inventory_at: Option<OffsetDateTime>,
    /// When it was last heard of.
    pub last_seen_at: OffsetDateTime,
}

#[cfg(test)]
mod tests {
    use super::MachineId;

    /// The oracle is `printf m1 | sha256sum`.
    #[test]
    fn a_machine_id_is_half_of_the_hash_of_its_name() {
        assert_eq!(
            MachineId::of("m1").to_string().replace('-', ""),
            "ca0df2c95aa144c1d0ff2ff3c8f967fd"
        );
    }
}
