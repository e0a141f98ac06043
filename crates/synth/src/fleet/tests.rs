//! What an invented fleet promises; above all, that the planted version can be found.

use std::collections::{BTreeMap, BTreeSet};

use super::{CrashKind, CulpritKind, Day, Fleet, FleetConfig, Origin, Ring, VersionId};

/// The 22nd of November 2026, a Sunday.
const LAST_DAY: Day = Day(20_779);

fn demo(machines: u32, seed: u64) -> Fleet {
    Fleet::invent(&FleetConfig::demo(machines, seed, 13, LAST_DAY))
}

/// Observed and expected first crashes of one version.
#[derive(Clone, Copy, Default)]
struct Count {
    observed: f64,
    expected: f64,
}

impl Count {
    /// Lower bound of the shrunk log2 ratio.
    fn ic025(self) -> f64 {
        let observed = self.observed + 0.5;
        (observed / (self.expected + 0.5)).log2() - 3.3 / observed.sqrt() - 2.0 / observed.powf(1.5)
    }
}

/// Machine-days by hardware model and week, and those of each version among them.
#[derive(Default)]
struct Stratum {
    days: f64,
    /// By the version's number; shorter than the catalog if the last versions do not occur.
    with: Vec<f64>,
}

fn strata(fleet: &Fleet) -> BTreeMap<(usize, usize), Stratum> {
    let mut strata: BTreeMap<(usize, usize), Stratum> = BTreeMap::new();
    for machine in &fleet.machines {
        let mut by_set: BTreeMap<(usize, super::SetId), f64> = BTreeMap::new();
        for day in (0..machine.on.len()).filter(|day| machine.on[*day]) {
            *by_set.entry((day / 7, machine.set_on(day).unwrap())).or_default() += 1.0;
        }
        for ((week, set), days) in by_set {
            let stratum = strata.entry((machine.model_number, week)).or_default();
            stratum.days += days;
            stratum.with.resize(fleet.catalog.versions.len(), 0.0);
            for version in fleet.set(set) {
                stratum.with[version.index()] += days;
            }
        }
    }
    strata
}

/// The screen: observed against expected within model and week, first 0x76 of each machine only, best first.
fn screen(fleet: &Fleet) -> Vec<(VersionId, f64)> {
    let strata = strata(fleet);
    let mut counts = vec![Count::default(); fleet.catalog.versions.len()];
    let mut crashed = BTreeSet::new();
    for crash in fleet.crashes.iter().filter(|crash| crash.kind.is_locked_pages()) {
        if !crashed.insert(crash.machine) {
            continue;
        }
        let model = fleet.machines[crash.machine].model_number;
        let stratum = &strata[&(model, crash.day / 7)];
        for (count, days) in counts.iter_mut().zip(&stratum.with) {
            count.expected += days / stratum.days;
        }
        for version in fleet.set(crash.set) {
            counts[version.index()].observed += 1.0;
        }
    }
    let mut ranking: Vec<(VersionId, f64)> = (0..)
        .map(VersionId)
        .zip(counts.into_iter().map(Count::ic025))
        .collect();
    ranking.sort_by(|left, right| right.1.total_cmp(&left.1));
    ranking
}

/// The margin by which the planted version leads, or a panic that says what is first instead.
fn lead(fleet: &Fleet) -> f64 {
    let ranking = screen(fleet);
    let first = fleet.catalog.version(ranking[0].0);
    assert_eq!(
        Some(ranking[0].0),
        fleet.culprit,
        "first is {} {}, seed {}",
        fleet.catalog.families[first.family].name,
        first.version,
        fleet.config.seed
    );
    ranking[0].1 - ranking[1].1
}

fn locked_pages(fleet: &Fleet) -> usize {
    let count = fleet.crashes.iter().filter(|crash| crash.kind.is_locked_pages());
    count.count()
}

#[test]
fn the_planted_version_is_first_in_the_screen_for_many_seeds() {
    for seed in [1, 5] {
        let fleet = demo(2_000, seed);
        let crashes = locked_pages(&fleet);
        let margin = lead(&fleet);
        println!(
            "2000/{seed}: {crashes} 0x76 of {}, lead {margin:.2}",
            fleet.crashes.len()
        );
        assert!((40..=150).contains(&crashes), "{crashes}");
    }
}

#[test]
fn the_planted_version_is_first_in_a_small_fleet_too() {
    for seed in 1..=5 {
        let fleet = demo(400, seed);
        let margin = lead(&fleet);
        println!(
            "400/{seed}: {} 0x76 of {}, lead {margin:.2}",
            locked_pages(&fleet),
            fleet.crashes.len()
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_fleet() {
    let (first, second) = (demo(150, 5), demo(150, 5));
    assert_eq!(first.machines, second.machines);
    assert_eq!(first.crashes, second.crashes);
    assert_ne!(first.machines, demo(150, 6).machines);
}

#[test]
fn a_crash_has_the_drivers_of_the_machines_inventory_on_that_day() {
    let fleet = demo(300, 2);
    for crash in &fleet.crashes {
        let machine = &fleet.machines[crash.machine];
        assert_eq!(machine.set_on(crash.day), Some(crash.set));
        assert!(machine.on[crash.day]);
        let day = fleet.config.first_day().plus(crash.day);
        assert_eq!(crash.at_unix.div_euclid(86_400), day.0);
    }
}

#[test]
fn the_dump_of_a_crash_lists_the_images_of_its_set() {
    let fleet = demo(300, 2);
    let crash = fleet
        .crashes
        .iter()
        .find(|crash| crash.kind == CrashKind::LockedPagesAtExit)
        .unwrap();
    let description = fleet.describe(crash);
    let members = fleet.set(crash.set);
    assert_eq!(description.drivers.len(), members.len());
    for (driver, id) in description.drivers.iter().zip(members) {
        let image = &fleet.catalog.version(*id).image;
        assert_eq!(driver.path, image.path);
        assert_eq!(driver.size_of_image, image.size_of_image);
    }
    assert_eq!(description.drivers[0].base_name(), "ntoskrnl.exe");
}

#[test]
fn a_crash_names_a_driver_of_its_set_or_none() {
    let fleet = demo(400, 2);
    for crash in &fleet.crashes {
        let silent = matches!(
            crash.kind,
            CrashKind::HardwareError
                | CrashKind::PowerFailure
                | CrashKind::Manual
                | CrashKind::LockedPagesAtExit
        );
        assert_eq!(crash.driver.is_none(), silent, "{:?}", crash.kind);
        assert!(
            crash
                .driver
                .is_none_or(|driver| fleet.sets.contains(crash.set, driver))
        );
    }
}

#[test]
fn a_fleet_without_culprit_has_chance_crashes_only() {
    let config = FleetConfig {
        culprit: CulpritKind::None,
        ..FleetConfig::demo(500, 3, 13, LAST_DAY)
    };
    let fleet = Fleet::invent(&config);
    assert_eq!(fleet.culprit, None);
    assert!(
        fleet
            .crashes
            .iter()
            .all(|crash| crash.cause == super::Cause::Background)
    );
}

/// Share of machine-days with the planted version.
fn exposed_share(kind: CulpritKind) -> f64 {
    let config = FleetConfig {
        culprit: kind,
        ..FleetConfig::demo(1_000, 4, 13, LAST_DAY)
    };
    let fleet = Fleet::invent(&config);
    let culprit = fleet.culprit.unwrap();
    let strata = strata(&fleet);
    let days: f64 = strata.values().map(|stratum| stratum.days).sum();
    let with: f64 = strata.values().map(|stratum| stratum.with[culprit.index()]).sum();
    with / days
}

#[test]
fn kinds_of_culprits_differ_in_how_many_machines_they_are_on() {
    let share = exposed_share(CulpritKind::Popular);
    assert!((0.5..0.97).contains(&share), "popular {share}");
    let share = exposed_share(CulpritKind::Rare);
    assert!((0.001..0.04).contains(&share), "rare {share}");
    let share = exposed_share(CulpritKind::Plain);
    assert!((0.08..0.3).contains(&share), "plain {share}");
    let share = exposed_share(CulpritKind::Staged);
    assert!((0.05..0.3).contains(&share), "staged {share}");
}

#[test]
fn the_drivers_of_a_bundle_are_updated_together() {
    let fleet = demo(200, 8);
    for machine in &fleet.machines {
        for change in &machine.inventories {
            let mut newest: BTreeMap<usize, BTreeSet<bool>> = BTreeMap::new();
            for id in fleet.set(change.set) {
                let family = fleet.catalog.family_of(*id);
                if let Origin::Bundle(bundle) = family.origin {
                    newest
                        .entry(bundle)
                        .or_default()
                        .insert(family.versions.last() == Some(id));
                }
            }
            assert!(newest.values().all(|states| states.len() == 1));
        }
    }
}

#[test]
fn a_staged_version_reaches_the_pilot_ring_before_the_late_one() {
    let fleet = demo(1_000, 1);
    let culprit = fleet.culprit.unwrap();
    let first_day = |ring: Ring| {
        let machines = fleet.machines.iter().filter(|machine| machine.ring == ring);
        machines
            .flat_map(|machine| &machine.inventories)
            .filter(|change| fleet.sets.contains(change.set, culprit))
            .map(|change| change.day)
            .min()
    };
    assert!(first_day(Ring::Pilot) < first_day(Ring::Broad));
    assert!(first_day(Ring::Broad) < first_day(Ring::Late));
}

#[test]
fn presence_spans_cover_exactly_the_days_on() {
    let fleet = demo(50, 1);
    for machine in &fleet.machines {
        let days: i64 = machine
            .presence(fleet.config.first_day())
            .iter()
            .map(|(from, to)| to.0 - from.0 + 1)
            .sum();
        let on = machine.on.iter().filter(|on| **on).count();
        assert_eq!(usize::try_from(days).unwrap(), on);
    }
    assert_eq!(LAST_DAY.weekday(), 6);
}
