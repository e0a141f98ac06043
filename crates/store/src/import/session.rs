//! What one import has named so far.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use time::Date;

use crate::MachineId;

/// What one import has named so far: the ids of its driver and driver set lines.
#[derive(Debug, Default)]
pub struct Session {
    drivers: HashMap<String, i32>,
    sets: HashMap<String, NamedSet>,
    /// Machines that have a row.
    machines: HashSet<MachineId>,
    /// The earliest day that each version was told of in this import.
    first_seen: HashMap<i32, Date>,
}

/// A driver set with an id of the import.
#[derive(Debug, Clone)]
pub(super) struct NamedSet {
    pub(super) id: i64,
    pub(super) members: Arc<[i32]>,
}

/// What a batch named, to be remembered when it is committed.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) drivers: Vec<(String, i32)>,
    pub(super) sets: Vec<(String, NamedSet)>,
    pub(super) machines: Vec<MachineId>,
    pub(super) first_seen: Vec<(i32, Date)>,
}

impl Session {
    /// The version of the driver line with this id.
    pub(super) fn driver(&self, id: &str) -> Option<i32> {
        self.drivers.get(id).copied()
    }

    /// The set of the driver set line with this id.
    pub(super) fn set(&self, id: &str) -> Option<&NamedSet> {
        self.sets.get(id)
    }

    /// Whether the machine is known to have a row.
    pub(super) fn knows(&self, machine: MachineId) -> bool {
        self.machines.contains(&machine)
    }

    /// The earliest day on which this import told of the version.
    pub(super) fn first_seen(&self, version: i32) -> Option<Date> {
        self.first_seen.get(&version).copied()
    }

    /// Takes over what a committed batch named.
    pub(super) fn remember(&mut self, named: Named) {
        self.drivers.extend(named.drivers);
        self.sets.extend(named.sets);
        self.machines.extend(named.machines);
        self.first_seen.extend(named.first_seen);
    }
}
