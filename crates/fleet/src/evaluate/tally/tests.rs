//! What the counts of a fleet promise, each rule on the fleet that breaks it.

use attribution::counts::{Counts, Feature};
use synth::fleet::{Day, Difficulty, Fleet, FleetConfig};

use super::{distinct, first_cases, tally};

const LAST_DAY: Day = Day(20_779);

/// A small fleet with so many 0x76 that most machines have one.
fn fleet(difficulty: Difficulty) -> Fleet {
    let mut config = FleetConfig::evaluation(difficulty, 250, 3, LAST_DAY);
    config.rates.base_per_1000_days = 5.0;
    config.in_box_drivers = 8;
    Fleet::invent(&config)
}

fn all_days(counts: &Counts) -> f64 {
    counts.strata.iter().map(|stratum| stratum.machine_days).sum()
}

fn days_with(counts: &Counts, wanted: impl Fn(Feature) -> bool) -> f64 {
    let candidates = counts
        .candidates
        .iter()
        .filter(|candidate| wanted(candidate.feature));
    candidates
        .flat_map(|candidate| &candidate.machine_days)
        .map(|(_, days)| days)
        .sum()
}

#[test]
fn every_machine_day_has_one_build_and_one_version_of_the_kernel() {
    let counts = super::count(&fleet(Difficulty::Plain));
    let builds = days_with(&counts, |feature| matches!(feature, Feature::OsBuild(_)));
    let kernels = days_with(&counts, |feature| {
        matches!(feature, Feature::Driver { driver: 0, .. })
    });
    assert!((builds - all_days(&counts)).abs() < 0.5);
    assert!((kernels - all_days(&counts)).abs() < 0.5);
}

#[test]
fn a_machine_is_a_case_once_and_its_days_end_there() {
    let fleet = fleet(Difficulty::Plain);
    let counts = super::count(&fleet);
    let crashed = fleet.crashes.iter().filter(|crash| crash.kind.is_locked_pages());
    let mut machines: Vec<usize> = crashed.map(|crash| crash.machine).collect();
    machines.sort_unstable();
    machines.dedup();
    assert_eq!(counts.cases.len(), machines.len());
    let all: usize = fleet
        .machines
        .iter()
        .map(|machine| machine.on.iter().filter(|on| **on).count())
        .sum();
    assert!(
        all_days(&counts) < 0.9 * crate::evaluate::baselines::float(all),
        "{} of {all}",
        all_days(&counts)
    );
}

#[test]
fn a_crash_that_is_sent_twice_counts_once() {
    let fleet = fleet(Difficulty::Duplicates);
    let crashes = distinct(&fleet);
    assert!(crashes.len() < fleet.crashes.len());
    let mut without = fleet.clone();
    without.crashes.dedup();
    let (with, without) = (tally(&fleet), tally(&without));
    assert_eq!(with.counts, without.counts);
    assert_eq!(with.aside.other_crashes, without.aside.other_crashes);
}

#[test]
fn crashes_without_presence_are_no_cases() {
    for difficulty in [
        Difficulty::NullBackfill,
        Difficulty::Offline,
        Difficulty::MissingInventory,
    ] {
        let fleet = fleet(difficulty);
        let crashes = distinct(&fleet);
        let first = first_cases(&fleet, &crashes);
        let stops = crashes.iter().filter(|crash| crash.kind.is_locked_pages());
        let mut skipped = 0;
        for crash in stops {
            let machine = &fleet.machines[crash.machine];
            let in_rates = machine.on[crash.day] && machine.reports_inventory;
            let earlier = first
                .get(&crash.machine)
                .is_some_and(|first| first.at_unix <= crash.at_unix);
            skipped += usize::from(!in_rates);
            assert!(!in_rates || earlier, "{difficulty:?}");
        }
        assert!(skipped > 5, "{difficulty:?}: {skipped}");
        for crash in first.values() {
            assert!(fleet.machines[crash.machine].on[crash.day]);
        }
    }
}

#[test]
fn a_case_is_among_its_peers_and_they_are_within_the_stratum() {
    let counts = super::count(&fleet(Difficulty::All));
    for case in &counts.cases {
        let peers = &counts.peers[case.peers.unwrap() as usize];
        assert_eq!(peers.stratum, case.stratum);
        let whole = counts.strata[case.stratum as usize].machine_days;
        assert!(peers.machine_days >= 1.0 && peers.machine_days <= whole);
        for (candidate, days) in &peers.candidates {
            let column = &counts.candidates[*candidate as usize].machine_days;
            let place = column
                .binary_search_by_key(&case.stratum, |(stratum, _)| *stratum)
                .unwrap();
            assert!(*days <= column[place].1);
        }
        for candidate in &case.candidates {
            assert!(
                peers
                    .candidates
                    .binary_search_by_key(candidate, |(number, _)| *number)
                    .is_ok()
            );
        }
    }
}

#[test]
fn only_versions_that_appear_late_are_new() {
    let counts = super::count(&fleet(Difficulty::Plain));
    let recent = counts
        .candidates
        .iter()
        .filter(|candidate| candidate.changed_recently)
        .count();
    assert!(recent > 0 && recent * 2 < counts.candidates.len(), "{recent}");
}
