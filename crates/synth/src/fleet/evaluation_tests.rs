//! What the evaluation's fleets promise: each has its difficulty and no other.

use std::collections::BTreeSet;

use super::{CrashKind, CulpritKind, Day, Difficulty, Fleet, FleetConfig, Machine, Origin};

/// The 22nd of November 2026, a Sunday.
const LAST_DAY: Day = Day(20_779);

fn fleet(difficulty: Difficulty, machines: u32) -> Fleet {
    Fleet::invent(&FleetConfig::evaluation(difficulty, machines, 1, LAST_DAY))
}

/// The same with a hundred times as many 0x76, so that mishaps have something to befall.
fn busy(difficulty: Difficulty) -> Fleet {
    let mut config = FleetConfig::evaluation(difficulty, 400, 1, LAST_DAY);
    config.rates.base_per_1000_days *= 100.0;
    Fleet::invent(&config)
}

/// How many 0x76 happened on days with presence.
fn locked_pages(fleet: &Fleet) -> usize {
    let crashes = fleet.crashes.iter().filter(|crash| crash.kind.is_locked_pages());
    let seen = crashes.filter(|crash| fleet.machines[crash.machine].on[crash.day]);
    seen.count()
}

#[test]
fn an_evaluation_fleet_has_few_crashes_and_a_culprit_unless_it_is_a_null_fleet() {
    for difficulty in Difficulty::ALL {
        let fleet = fleet(difficulty, 300);
        let null = format!("{difficulty:?}").starts_with("Null");
        assert_eq!(fleet.culprit.is_none(), null, "{difficulty:?}");
        assert_eq!(fleet.guilty.is_empty(), null, "{difficulty:?}");
        if difficulty != Difficulty::NullSitesBusy {
            assert!(locked_pages(&fleet) < 60, "{difficulty:?}");
        }
    }
}

#[test]
fn bad_models_crash_more_often_than_the_others() {
    let mut config = FleetConfig::evaluation(Difficulty::Models, 1_000, 1, LAST_DAY);
    config.culprit = CulpritKind::None;
    config.rates.base_per_1000_days = 1.0;
    let fleet = Fleet::invent(&config);
    let rate = |bad: bool| {
        let is_bad = |machine: &Machine| (2..4).contains(&machine.model_number) == bad;
        let machines = fleet.machines.iter().filter(|machine| is_bad(machine));
        let crashes = fleet.crashes.iter().filter(|crash| crash.kind.is_locked_pages());
        let crashes = crashes.filter(|crash| is_bad(&fleet.machines[crash.machine]));
        f64::from(u32::try_from(crashes.count()).unwrap())
            / f64::from(u32::try_from(machines.count()).unwrap())
    };
    assert!(rate(true) > 3.0 * rate(false), "{} {}", rate(true), rate(false));
}

#[test]
fn a_fleet_may_have_two_guilty_drivers() {
    for (difficulty, bundled) in [(Difficulty::Two, false), (Difficulty::TwoInBundle, true)] {
        let fleet = fleet(difficulty, 300);
        let [first, second] = fleet.guilty[..] else {
            panic!("{difficulty:?}: {:?}", fleet.guilty)
        };
        let origins = [first, second].map(|id| fleet.catalog.family_of(id).origin);
        assert_ne!(
            fleet.catalog.version(first).family,
            fleet.catalog.version(second).family
        );
        assert_eq!(matches!(origins[0], Origin::Bundle(_)), bundled);
        assert!(!bundled || origins[0] == origins[1]);
    }
}

#[test]
fn a_machine_that_rolled_back_has_no_planted_version_some_days_after_its_crash() {
    let fleet = busy(Difficulty::Rollback);
    let culprit = fleet.culprit.unwrap();
    let guilty = |set| fleet.sets.contains(set, culprit);
    let crashes = fleet.crashes.iter().filter(|crash| crash.kind.is_locked_pages());
    let (mut kept, mut back) = (BTreeSet::new(), BTreeSet::new());
    for crash in crashes.filter(|crash| guilty(crash.set) && crash.day < 80) {
        let after = fleet.machines[crash.machine].set_on(crash.day + 10).unwrap();
        let group = if guilty(after) { &mut kept } else { &mut back };
        group.insert(crash.machine);
    }
    assert!(
        back.len() > 2 * kept.len(),
        "{} back, {} kept",
        back.len(),
        kept.len()
    );
    for crash in &fleet.crashes {
        assert_eq!(fleet.machines[crash.machine].set_on(crash.day), Some(crash.set));
    }
}

#[test]
fn a_silent_agent_leaves_crashes_on_days_without_presence() {
    let fleet = busy(Difficulty::Offline);
    let missing = fleet
        .crashes
        .iter()
        .filter(|crash| !fleet.machines[crash.machine].on[crash.day]);
    assert!(missing.count() > 20);
    for machine in &fleet.machines {
        assert!(machine.inventories.iter().all(|change| machine.on[change.day]));
        assert!(
            machine
                .inventories
                .is_sorted_by(|left, right| left.day < right.day)
        );
    }
}

#[test]
fn late_machines_bring_dumps_from_before_their_first_day() {
    let fleet = fleet(Difficulty::NullBackfill, 400);
    let first_on = |machine: usize| fleet.machines[machine].on.iter().position(|on| *on);
    let old = fleet
        .crashes
        .iter()
        .filter(|crash| first_on(crash.machine).is_some_and(|day| crash.day < day));
    let old = old
        .filter(|crash| crash.kind == CrashKind::LockedPagesAtExit)
        .count();
    assert!(old > 3 * locked_pages(&fleet).max(5), "{old}");
}

#[test]
fn three_crashes_in_ten_come_twice() {
    let fleet = fleet(Difficulty::Duplicates, 600);
    let twice = fleet.crashes.windows(2).filter(|pair| pair[0] == pair[1]).count();
    let share = twice * 100 / (fleet.crashes.len() - twice);
    assert!((15..45).contains(&share), "{share} %");
}

#[test]
fn an_os_update_comes_on_the_day_of_the_drivers() {
    let fleet = fleet(Difficulty::OsUpdate, 300);
    let culprit = fleet.culprit.unwrap();
    let has_family = |set| {
        let family = &fleet.catalog.family_of(culprit).versions;
        family.iter().any(|version| fleet.sets.contains(set, *version))
    };
    let changes = fleet.machines.iter().flat_map(|machine| &machine.inventories);
    for change in changes.filter(|change| has_family(change.set)) {
        let new_build = fleet.os_build_of(change.set) == Some(26100);
        assert_eq!(new_build, fleet.sets.contains(change.set, culprit));
    }
}

#[test]
fn sites_differ_in_the_programs_they_use() {
    let fleet = fleet(Difficulty::Null, 1_000);
    let program = fleet
        .catalog
        .families
        .iter()
        .rev()
        .find(|family| matches!(family.origin, Origin::Software { per_mille: 200.. }));
    let versions = &program.unwrap().versions;
    let share = |site: &str| {
        let machines: Vec<_> = fleet
            .machines
            .iter()
            .filter(|machine| machine.site == site)
            .collect();
        let has = |machine: &&&Machine| {
            let last = machine.inventories.last();
            last.is_some_and(|change| versions.iter().any(|id| fleet.sets.contains(change.set, *id)))
        };
        machines.iter().filter(has).count() * 100 / machines.len()
    };
    let shares = ["Finance", "Engineering", "Sales", "Support", "Legal"].map(share);
    let spread = shares.iter().max().unwrap() - shares.iter().min().unwrap();
    assert!(spread > 10, "{shares:?}");
}
