//! From an invented fleet to the counts of a verdict, in memory.
//!
//! Written from the rules, not from the store's queries, so that a test can hold one against the other:
//!
//! * A day counts if the machine was seen on it and its drivers are known from an inventory.
//! * A machine's case is its first 0x76 on a day that counts; its days end with that day. A crash on another day (the agent
//!   was silent, or not there yet) neither counts nor ends anything.
//! * A crash that was sent twice is one crash.
//! * A case has what the inventory told, with the dump's version where the dump shows another one of the same driver.

mod aside;
mod days;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use attribution::counts::{Candidate, Case, Counts, Feature, Naming, Origin};
use synth::fleet::Origin as DriverOrigin;
use synth::fleet::{Crash, CrashKind, Fleet, Machine, SetId, VersionId};

pub(crate) use aside::{Aside, OwnDays};
use days::Days;

use super::naming::Stacks;

/// Days at the end of the window within which a version that is seen first is new.
const RECENT_DAYS: usize = 30;

/// What a fleet's data come to.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    pub(crate) counts: Counts,
    /// What only simpler methods look at.
    pub(crate) aside: Aside,
}

/// The counts of 0x76 in a fleet: sites and dumps included.
pub fn count(fleet: &Fleet) -> Counts {
    tally(fleet).counts
}

/// The counts, and what simpler methods look at.
pub(crate) fn tally(fleet: &Fleet) -> Tally {
    let crashes = distinct(fleet);
    let first = first_cases(fleet, &crashes);
    let columns = Columns::of(fleet);
    let days = Days::count(fleet, &columns, &first);
    let stacks = Stacks::of(fleet);
    let cases: Vec<Case> = first
        .values()
        .map(|crash| case(fleet, &columns, &days, &stacks, crash))
        .collect();
    let others: Vec<&Crash> = crashes
        .iter()
        .copied()
        .filter(|crash| !crash.kind.is_locked_pages() && counts_as_crash(crash.kind))
        .collect();
    let naming = naming_elsewhere(fleet, &columns, &stacks, &others);
    let aside = Aside::of(fleet, &columns, &first, &others);
    let counts = Counts {
        candidates: candidates(fleet, &columns, &days, &naming),
        strata: days.strata,
        cases,
        peers: days.peers,
    };
    Tally { counts, aside }
}

/// Which column of the counts each driver version and OS build is in.
pub(crate) struct Columns {
    versions: usize,
    builds: Vec<u32>,
}

impl Columns {
    fn of(fleet: &Fleet) -> Self {
        let sets = fleet.machines.iter().flat_map(|machine| &machine.inventories);
        let builds: BTreeSet<u32> = sets.filter_map(|change| fleet.os_build_of(change.set)).collect();
        Columns {
            versions: fleet.catalog.versions.len(),
            builds: builds.into_iter().collect(),
        }
    }

    fn len(&self) -> usize {
        self.versions + self.builds.len()
    }

    fn of_build(&self, build: Option<u32>) -> Option<usize> {
        let place = self.builds.iter().position(|known| Some(*known) == build)?;
        Some(self.versions + place)
    }

    /// The columns of a driver set and its build, ascending.
    fn of_set(&self, fleet: &Fleet, members: &[VersionId], set: SetId) -> Vec<usize> {
        let versions = members.iter().map(|id| id.index());
        versions.chain(self.of_build(fleet.os_build_of(set))).collect()
    }
}

/// Whether a kind is a crash: a live report and a crash by keyboard are not.
fn counts_as_crash(kind: CrashKind) -> bool {
    !matches!(kind, CrashKind::LiveVideoTimeout | CrashKind::Manual)
}

/// The crashes, each once.
fn distinct(fleet: &Fleet) -> Vec<&Crash> {
    let mut known = HashSet::new();
    let crashes = fleet.crashes.iter();
    crashes
        .filter(|crash| known.insert((crash.machine, crash.at_unix)))
        .collect()
}

/// The first 0x76 of each machine on a day that counts.
fn first_cases<'a>(fleet: &Fleet, crashes: &[&'a Crash]) -> BTreeMap<usize, &'a Crash> {
    let mut first: BTreeMap<usize, &Crash> = BTreeMap::new();
    for crash in crashes.iter().filter(|crash| crash.kind.is_locked_pages()) {
        if installed_on(&fleet.machines[crash.machine], crash.day).is_none() {
            continue;
        }
        let known = first.entry(crash.machine).or_insert(crash);
        if crash.at_unix < known.at_unix {
            *known = crash;
        }
    }
    first
}

/// What the machine's inventory told for a day, if the day counts.
fn installed_on(machine: &Machine, day: usize) -> Option<SetId> {
    let seen = machine.reports_inventory && machine.on.get(day).is_some_and(|on| *on);
    machine.set_on(day).filter(|_| seen)
}

/// Which columns a crashed machine had.
fn had(fleet: &Fleet, columns: &Columns, crash: &Crash) -> Vec<usize> {
    let installed = installed_on(&fleet.machines[crash.machine], crash.day).unwrap_or(crash.set);
    let loaded = fleet.set(crash.set);
    let family = |id: &VersionId| fleet.catalog.version(*id).family;
    let mut running: Vec<VersionId> = fleet
        .set(installed)
        .iter()
        .map(|id| {
            let shown = loaded.iter().find(|other| family(other) == family(id));
            shown.copied().unwrap_or(*id)
        })
        .collect();
    running.sort_unstable();
    columns.of_set(fleet, &running, installed)
}

fn case(fleet: &Fleet, columns: &Columns, days: &Days, stacks: &Stacks, crash: &Crash) -> Case {
    let candidates: Vec<u32> = had(fleet, columns, crash)
        .into_iter()
        .filter_map(number)
        .collect();
    let named = stacks.named(fleet, crash).map(|named| {
        let columns = named.iter().filter_map(|id| number(id.index()));
        columns
            .filter(|id| candidates.binary_search(id).is_ok())
            .collect()
    });
    Case {
        stratum: days.stratum_of(fleet, crash).and_then(number).unwrap_or(u32::MAX),
        peers: days.peers_of(fleet, crash).and_then(number),
        candidates,
        named,
    }
}

/// How often dumps of other stop codes name each column.
fn naming_elsewhere(fleet: &Fleet, columns: &Columns, stacks: &Stacks, others: &[&Crash]) -> Vec<Naming> {
    let mut naming = vec![Naming::default(); columns.len()];
    for crash in others {
        let Some(named) = stacks.named(fleet, crash) else {
            continue;
        };
        for id in fleet.set(crash.set) {
            naming[id.index()].dumps += 1;
        }
        for id in named {
            naming[id.index()].named += 1;
        }
    }
    naming
}

fn candidates(fleet: &Fleet, columns: &Columns, days: &Days, naming: &[Naming]) -> Vec<Candidate> {
    (0..columns.len())
        .map(|column| Candidate {
            feature: feature(fleet, columns, column),
            origin: origin(fleet, column),
            changed_recently: days
                .first_seen(column)
                .is_some_and(|day| day + RECENT_DAYS >= fleet.config.days()),
            machine_days: days.of_column(column),
            named_elsewhere: naming[column],
        })
        .collect()
}

fn feature(fleet: &Fleet, columns: &Columns, column: usize) -> Feature {
    let Some(version) = fleet.catalog.versions.get(column) else {
        let build = columns.builds.get(column - columns.versions);
        return Feature::OsBuild(build.and_then(|build| i32::try_from(*build).ok()).unwrap_or(0));
    };
    let family = &fleet.catalog.families[version.family];
    let order = family.versions.iter().position(|id| id.index() == column);
    Feature::Driver {
        version: signed(column),
        driver: signed(version.family),
        order: order.and_then(number).unwrap_or(0),
    }
}

fn origin(fleet: &Fleet, column: usize) -> Origin {
    let version = fleet.catalog.versions.get(column);
    match version.map(|version| fleet.catalog.families[version.family].origin) {
        Some(DriverOrigin::InBox) | None => Origin::InBox,
        Some(DriverOrigin::Bundle(_) | DriverOrigin::Software { .. }) => Origin::ThirdParty,
    }
}

fn number(index: usize) -> Option<u32> {
    u32::try_from(index).ok()
}

/// The number of a version or driver as the counts have it.
pub(crate) fn signed(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
