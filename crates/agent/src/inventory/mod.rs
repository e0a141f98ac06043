//! What the machine is and which drivers it has, in two steps: a cheap look that tells whether anything changed, and
//! the full reading of every driver file, which is done only when the server wants the list.

mod crash_control;
mod drivers;
mod hardware;
mod image;
mod signer;

use wire::inventory::{Driver, Inventory, MachineAttributes};

pub(crate) use self::drivers::DriverFile;
use crate::config::Config;
use crate::digest;
use crate::machine::Machine;
use crate::state::State;

/// The cheap look.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) attributes: MachineAttributes,
    pub(crate) crash_control: serde_json::Value,
    pub(crate) driver_files: Vec<DriverFile>,
    /// Changes when a driver does.
    pub(crate) drivers_fingerprint: String,
    /// Changes when anything does.
    pub(crate) fingerprint: String,
}

impl Look {
    /// Looks at the machine: registry and file sizes and times, no file's content.
    pub(crate) fn take(machine: &dyn Machine, config: &Config, state: &State) -> Self {
        let attributes = hardware::read(machine, config);
        let crash_control = crash_control::read(machine, state);
        let driver_files = drivers::list(machine);
        let drivers_fingerprint = fingerprint(&driver_files);
        let fingerprint = fingerprint(&(&attributes, &crash_control, &drivers_fingerprint));
        Self {
            attributes,
            crash_control,
            driver_files,
            drivers_fingerprint,
            fingerprint,
        }
    }

    /// The inventory with the hash that the server gave for these drivers.
    pub(crate) fn with_hash(&self, hash: &str) -> Inventory {
        self.inventory(None, Some(hash.to_owned()))
    }

    /// The inventory with all drivers, whose files are read now.
    pub(crate) fn in_full(&self) -> Inventory {
        self.inventory(Some(self.drivers()), None)
    }

    /// The drivers, read now. One that cannot be read is listed with its name alone.
    pub(crate) fn drivers(&self) -> Vec<Driver> {
        self.driver_files.iter().map(drivers::read).collect()
    }

    fn inventory(&self, drivers: Option<Vec<Driver>>, driver_set: Option<String>) -> Inventory {
        Inventory {
            at: None, // now, by the server's clock: this machine's may be wrong
            machine: self.attributes.clone(),
            crash_control: Some(self.crash_control.clone()),
            drivers,
            driver_set,
        }
    }
}

fn fingerprint(of: &impl serde::Serialize) -> String {
    digest::of_bytes(&serde_json::to_vec(of).unwrap_or_default())
}
