//! Machines that join halfway, and the old dumps that their agents find and send.
//!
//! The dumps are from days before the first presence, so there are no machine-days to hold them against. To make counting
//! them hurt, most are from machines that share an innocent program.

use rand::RngExt;

use crate::fleet::crashes::{self, Place};
use crate::fleet::{Cause, Crash, Fleet, InventoryChange, Machine, Origin, VersionId};

/// Probability of a pile of old dumps, for a machine with the innocent program.
const PILE: f64 = 0.5;

/// Lets a share of the machines join between a third and two thirds of the history.
pub(super) fn join(fleet: &mut Fleet, share: f64) {
    let mut chance = fleet.config.chance("late", 0);
    let decoy = decoy(fleet);
    let days = fleet.config.days();
    let mut old = Vec::new();
    for number in 0..fleet.machines.len() {
        if !chance.random_bool(share) {
            continue;
        }
        let joined = chance.random_range(days / 3..days * 2 / 3);
        if decoy.is_some_and(|decoy| has_on(fleet, number, joined, decoy)) && chance.random_bool(PILE) {
            for _ in 0..chance.random_range(1..4) {
                let day = chance.random_range(0..joined);
                let set = fleet.machines[number].set_on(day);
                old.extend(set.map(|set| {
                    old_dump(
                        fleet,
                        Place {
                            machine: number,
                            day,
                            set,
                        },
                        &mut chance,
                    )
                }));
            }
        }
        let machine = &mut fleet.machines[number];
        machine.on[..joined].fill(false);
        tell_when_on(machine);
    }
    fleet.crashes.extend(old);
}

fn old_dump(fleet: &Fleet, place: Place, chance: &mut rand_chacha::ChaCha8Rng) -> Crash {
    crashes::locked_pages(fleet, place, Cause::Background, chance)
}

/// The newest version of the most widespread program that is not at fault.
fn decoy(fleet: &Fleet) -> Option<VersionId> {
    let families = fleet.catalog.families.iter();
    let innocent = families.filter(|family| !family.versions.iter().any(|id| fleet.guilty.contains(id)));
    let spread = innocent.filter_map(|family| match family.origin {
        Origin::Software { per_mille } => Some((per_mille, family)),
        Origin::InBox | Origin::Bundle(_) => None,
    });
    let (_, family) = spread.max_by_key(|(per_mille, _)| *per_mille)?;
    family.versions.last().copied()
}

fn has_on(fleet: &Fleet, machine: usize, day: usize, version: VersionId) -> bool {
    let set = fleet.machines[machine].set_on(day);
    set.is_some_and(|set| fleet.sets.contains(set, version))
}

/// Moves every inventory change to the first day on from its day on; of several on one day the last holds.
pub(super) fn tell_when_on(machine: &mut Machine) {
    let on = &machine.on;
    let moved = machine.inventories.iter().filter_map(|change| {
        let day = (change.day..on.len()).find(|day| on[*day])?;
        Some(InventoryChange { day, ..*change })
    });
    let mut told: Vec<InventoryChange> = Vec::new();
    for change in moved {
        match told.last_mut() {
            Some(last) if last.day == change.day => *last = change,
            _ => told.push(change),
        }
    }
    machine.inventories = told;
}
