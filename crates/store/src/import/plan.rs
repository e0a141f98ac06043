//! Checking a batch and sorting it by what is to be written, without the database.
//!
//! A line may use what an earlier line of the same batch names. So the plan refers to drivers and sets either by
//! what the session knows or by their place in the batch.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use time::{Date, Duration, OffsetDateTime};

use super::session::{NamedSet, Session};
use super::{CrashLine, DriverReference, InventorySource, Line, NumberedLine, Rejected, SetContent};
use crate::MachineId;
use crate::drivers::{InventoryDriver, base_name};
use crate::machines::{Attributes, NewMachine};
use crate::presence::{self, Days};

/// Longest id of a machine, in bytes.
const MAX_MACHINE: usize = 256;

/// Longest span of one presence line: ten years.
const MAX_DAYS: i64 = 3_660;

/// A driver: known, or the one at this place in [`Plan::drivers`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Version {
    Known(i32),
    New(usize),
}

/// A driver set: known, or the one at this place in [`Plan::sets`].
#[derive(Debug, Clone)]
pub(super) enum Set {
    Known(NamedSet),
    New(usize),
}

/// A set to be stored.
#[derive(Debug)]
pub(super) struct NewSet {
    pub(super) base: Option<Set>,
    pub(super) add: Vec<Version>,
    pub(super) remove: Vec<Version>,
}

/// What a batch writes.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) drivers: Vec<InventoryDriver>,
    pub(super) named_drivers: HashMap<String, usize>,
    pub(super) sets: Vec<NewSet>,
    pub(super) named_sets: HashMap<String, usize>,
    pub(super) machines: Vec<NewMachine>,
    pub(super) inventories: Vec<(MachineId, OffsetDateTime, Set)>,
    pub(super) presence: Days,
    pub(super) crashes: Vec<CrashLine>,
    mentioned: HashSet<MachineId>,
}

/// The plan of a batch, or all of its lines that are wrong.
pub(super) fn plan(session: &Session, lines: Vec<NumberedLine>) -> Result<Plan, Vec<Rejected>> {
    let mut plan = Plan::default();
    let mut rejected = Vec::new();
    for NumberedLine { number, line } in lines {
        if let Err(reason) = line.and_then(|line| plan.add(session, line)) {
            rejected.push(Rejected { line: number, reason });
        }
    }
    if rejected.is_empty() {
        Ok(plan)
    } else {
        Err(rejected)
    }
}

impl Plan {
    fn add(&mut self, session: &Session, line: Line) -> Result<(), String> {
        match line {
            Line::Driver { id, driver } => {
                let place = self.add_driver(driver)?;
                self.named_drivers.insert(id, place);
            }
            Line::DriverSet { id, content } => {
                let place = self.add_set(session, content)?;
                self.named_sets.insert(id, place);
            }
            Line::Machine { machine, attributes } => {
                check_machine(&machine)?;
                self.mentioned.insert(MachineId::of(&machine));
                self.machines.push(NewMachine {
                    name: machine,
                    attributes,
                });
            }
            Line::Inventory { machine, at, drivers } => self.add_inventory(session, &machine, at, drivers)?,
            Line::Presence { machine, from, to } => self.add_presence(session, &machine, from, to)?,
            Line::Crash(crash) => {
                self.mention(session, &crash.machine)?;
                if crash.parameters.len() > 4 {
                    return Err("a crash has at most four parameters".to_owned());
                }
                self.crashes.push(crash);
            }
        }
        Ok(())
    }

    fn add_driver(&mut self, driver: InventoryDriver) -> Result<usize, String> {
        if base_name(&driver.name).is_none() {
            return Err("the driver has no name".to_owned());
        }
        self.drivers.push(driver);
        Ok(self.drivers.len() - 1)
    }

    fn add_set(&mut self, session: &Session, content: SetContent) -> Result<usize, String> {
        let set = match content {
            SetContent::Whole(drivers) => NewSet {
                base: None,
                add: self.versions(session, drivers)?,
                remove: Vec::new(),
            },
            SetContent::Change { base, add, remove } => NewSet {
                base: Some(self.set(session, &base)?),
                add: self.versions(session, add)?,
                remove: remove
                    .iter()
                    .map(|id| self.version(session, id))
                    .collect::<Result<_, _>>()?,
            },
        };
        self.sets.push(set);
        Ok(self.sets.len() - 1)
    }

    fn add_inventory(
        &mut self,
        session: &Session,
        machine: &str,
        at: OffsetDateTime,
        drivers: InventorySource,
    ) -> Result<(), String> {
        let machine = self.mention(session, machine)?;
        let set = match drivers {
            InventorySource::Set(id) => self.set(session, &id)?,
            InventorySource::Drivers(drivers) => Set::New(self.add_set(session, SetContent::Whole(drivers))?),
        };
        self.inventories.push((machine, at, set));
        Ok(())
    }

    fn add_presence(&mut self, session: &Session, machine: &str, from: Date, to: Date) -> Result<(), String> {
        let machine = self.mention(session, machine)?;
        if to < from {
            return Err(format!("the last day, {to}, is before the first, {from}"));
        }
        if to - from > Duration::days(MAX_DAYS) {
            return Err(format!("{from} to {to} is more than ten years"));
        }
        presence::say(&mut self.presence, machine, from, to);
        Ok(())
    }

    /// Makes sure that the machine gets a row.
    fn mention(&mut self, session: &Session, machine: &str) -> Result<MachineId, String> {
        check_machine(machine)?;
        let id = MachineId::of(machine);
        if !session.knows(id) && self.mentioned.insert(id) {
            let attributes = Attributes::default();
            let name = machine.to_owned();
            self.machines.push(NewMachine { name, attributes });
        }
        Ok(id)
    }

    fn set(&self, session: &Session, id: &str) -> Result<Set, String> {
        if let Some(place) = self.named_sets.get(id) {
            return Ok(Set::New(*place));
        }
        let known = session.set(id).cloned();
        known
            .map(Set::Known)
            .ok_or_else(|| format!("no earlier line names the driver set {id:?}"))
    }

    fn version(&self, session: &Session, id: &str) -> Result<Version, String> {
        if let Some(place) = self.named_drivers.get(id) {
            return Ok(Version::New(*place));
        }
        let known = session.driver(id).map(Version::Known);
        known.ok_or_else(|| format!("no earlier line names the driver {id:?}"))
    }

    fn versions(&mut self, session: &Session, drivers: Vec<DriverReference>) -> Result<Vec<Version>, String> {
        let versions = drivers.into_iter().map(|driver| match driver {
            DriverReference::Id(id) => self.version(session, &id),
            DriverReference::Whole(driver) => self.add_driver(*driver).map(Version::New),
        });
        versions.collect()
    }

    /// The machines that are sure to have a row once the batch is written.
    pub(super) fn mentioned(&self) -> impl Iterator<Item = MachineId> {
        self.mentioned.iter().copied()
    }

    /// The members of all new sets, in order. `drivers` are the ids of [`Plan::drivers`].
    pub(super) fn members(&self, drivers: &[Option<i32>]) -> Vec<Arc<[i32]>> {
        let id = |version: &Version| match version {
            Version::Known(id) => Some(*id),
            Version::New(place) => drivers.get(*place).copied().flatten(),
        };
        let mut sets: Vec<Arc<[i32]>> = Vec::with_capacity(self.sets.len());
        for set in &self.sets {
            let mut members: Vec<i32> = match &set.base {
                None => Vec::with_capacity(set.add.len()),
                Some(Set::Known(base)) => base.members.to_vec(),
                // A base is an earlier line.
                Some(Set::New(place)) => sets.get(*place).map(|base| base.to_vec()).unwrap_or_default(),
            };
            let removed: HashSet<i32> = set.remove.iter().filter_map(id).collect();
            members.retain(|member| !removed.contains(member));
            members.extend(set.add.iter().filter_map(id));
            members.sort_unstable();
            members.dedup();
            sets.push(members.into());
        }
        sets
    }
}

fn check_machine(machine: &str) -> Result<(), String> {
    if machine.is_empty() || machine.len() > MAX_MACHINE {
        return Err(format!(
            "a machine's id has 1 to {MAX_MACHINE} bytes, not {}",
            machine.len()
        ));
    }
    if machine.contains('\0') {
        return Err("a machine's id has no zero bytes".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::{Attributes, plan};
    use crate::import::{DriverReference, InventorySource, Line, NumberedLine, Session, SetContent};

    fn numbered(lines: Vec<Line>) -> Vec<NumberedLine> {
        let lines = (1..).zip(lines);
        lines
            .map(|(number, line)| NumberedLine {
                number,
                line: Ok(line),
            })
            .collect()
    }

    #[test]
    fn a_line_may_use_what_an_earlier_line_of_its_batch_names() {
        let driver = crate::drivers::InventoryDriver {
            name: "a.sys".to_owned(),
            ..Default::default()
        };
        let reference = DriverReference::Id("d1".to_owned());
        let lines = vec![
            Line::Driver {
                id: "d1".to_owned(),
                driver,
            },
            Line::DriverSet {
                id: "s1".to_owned(),
                content: SetContent::Whole(vec![reference]),
            },
            Line::DriverSet {
                id: "s2".to_owned(),
                content: SetContent::Change {
                    base: "s1".to_owned(),
                    add: vec![],
                    remove: vec!["d1".to_owned()],
                },
            },
        ];
        let plan = plan(&Session::default(), numbered(lines)).unwrap();
        let members = plan.members(&[Some(7)]);
        assert_eq!(&members[0][..], [7]);
        assert!(members[1].is_empty());
    }

    #[test]
    fn every_wrong_line_of_a_batch_is_told() {
        let unknown = InventorySource::Set("s9".to_owned());
        let at = date!(2026 - 11 - 01).midnight().assume_utc();
        let machine = "m1".to_owned();
        let (from, to) = (date!(2026 - 11 - 02), date!(2026 - 11 - 01));
        let lines = vec![
            Line::Machine {
                machine: machine.clone(),
                attributes: Attributes::default(),
            },
            Line::Inventory {
                machine: machine.clone(),
                at,
                drivers: unknown,
            },
            Line::Presence { machine, from, to },
        ];
        let rejected = plan(&Session::default(), numbered(lines)).unwrap_err();
        let told: Vec<u64> = rejected.iter().map(|rejected| rejected.line).collect();
        assert_eq!(told, [2, 3]);
        assert_eq!(rejected[0].reason, "no earlier line names the driver set \"s9\"");
    }
}
