//! What happens between machines and the server: rollbacks, gaps, late joins, repeats.
//!
//! All of it comes after the crashes are drawn, and none of it changes who is at fault. A crash keeps the drivers that it
//! had in truth, also where the machine's inventory of that day was never sent.

mod late;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Cause, Fleet, Machine, SetId, VersionId};

/// How often each of them happens; 0 for never.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Mishaps {
    /// Share of machines that crash with 0x76 and the planted version, and then go back to the version before it.
    pub rollback_share: f64,
    /// Share of machines whose agent is silent for some weeks, although the machine is on and crashes.
    pub offline_share: f64,
    /// Share of machines that join halfway, most of them with a pile of old dumps.
    pub late_share: f64,
    /// Share of crashes that are sent twice.
    pub duplicate_share: f64,
}

/// Lets a fleet have its mishaps.
pub(super) fn befall(fleet: &mut Fleet) {
    let mishaps = fleet.config.mishaps;
    for number in 0..fleet.machines.len() {
        let mut chance = fleet.config.chance("mishap", number);
        if mishaps.rollback_share > 0.0 && chance.random_bool(mishaps.rollback_share) {
            roll_back(fleet, number, &mut chance);
        }
        if mishaps.offline_share > 0.0 && chance.random_bool(mishaps.offline_share) {
            silence(&mut fleet.machines[number], &mut chance);
        }
    }
    if mishaps.late_share > 0.0 {
        late::join(fleet, mishaps.late_share);
    }
    if mishaps.duplicate_share > 0.0 {
        let mut chance = fleet.config.chance("duplicates", 0);
        let twice = fleet
            .crashes
            .iter()
            .filter(|_| chance.random_bool(mishaps.duplicate_share));
        let twice: Vec<_> = twice.cloned().collect();
        fleet.crashes.extend(twice);
    }
    fleet.crashes.sort_by_key(|crash| (crash.at_unix, crash.machine));
}

/// The machine gives up the planted version some days after its first 0x76 with it.
fn roll_back(fleet: &mut Fleet, number: usize, chance: &mut ChaCha8Rng) {
    let mut crashes = fleet.crashes.iter();
    let Some((guilty, crashed_on)) = crashes.find_map(|crash| {
        let own = crash.machine == number && crash.kind.is_locked_pages();
        let guilty = guilty_in(fleet, crash.set).filter(|_| own)?;
        Some((guilty, crash.day))
    }) else {
        return;
    };
    let Some(before) = version_before(fleet, guilty) else {
        return;
    };
    let from = crashed_on + chance.random_range(1..4);
    replace_from(fleet, number, from, guilty, before);
    // What it would have caused from then on does not happen.
    fleet
        .crashes
        .retain(|crash| crash.machine != number || crash.day < from || crash.cause != Cause::Culprit(guilty));
    let machine = &fleet.machines[number];
    for crash in &mut fleet.crashes {
        if crash.machine == number && crash.day >= from {
            crash.set = machine.set_on(crash.day).unwrap_or(crash.set);
            crash.driver = crash
                .driver
                .map(|driver| if driver == guilty { before } else { driver });
        }
    }
}

fn guilty_in(fleet: &Fleet, set: SetId) -> Option<VersionId> {
    let mut guilty = fleet.guilty.iter().copied();
    guilty.find(|version| fleet.sets.contains(set, *version))
}

fn version_before(fleet: &Fleet, version: VersionId) -> Option<VersionId> {
    let versions = &fleet.catalog.family_of(version).versions;
    let place = versions.iter().position(|known| *known == version)?;
    versions.get(place.checked_sub(1)?).copied()
}

/// From a day on, the machine has one version instead of another.
fn replace_from(fleet: &mut Fleet, number: usize, from: usize, old: VersionId, new: VersionId) {
    let machine = &mut fleet.machines[number];
    let Some(current) = machine.set_on(from) else {
        return;
    };
    // The change shows on the first day on.
    let Some(effective) = (from..machine.on.len()).find(|day| machine.on[*day]) else {
        return;
    };
    let change = super::InventoryChange {
        day: effective,
        set: current,
    };
    let place = machine
        .inventories
        .partition_point(|change| change.day < effective);
    if machine
        .inventories
        .get(place)
        .is_none_or(|change| change.day > effective)
    {
        machine.inventories.insert(place, change);
    }
    for change in &mut machine.inventories[place..] {
        let members = fleet.sets.members(change.set).iter();
        let members = members.map(|id| if *id == old { new } else { *id }).collect();
        change.set = fleet.sets.intern(members);
    }
}

/// One to four weeks without the agent; what changed meanwhile is told on the first day after.
fn silence(machine: &mut Machine, chance: &mut ChaCha8Rng) {
    let length = chance.random_range(7..29);
    let from = chance.random_range(0..machine.on.len());
    machine
        .on
        .iter_mut()
        .skip(from)
        .take(length)
        .for_each(|on| *on = false);
    late::tell_when_on(machine);
}
