//! What simpler methods look at: other crashes, machines that had a version, a machine's days before and after.

use std::collections::BTreeMap;

use synth::fleet::{Crash, Fleet, Machine, SetId};

use super::{Columns, had, installed_on};

/// Counts beside those of a verdict; one entry per candidate where not said otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Aside {
    /// Crashes with other stop codes.
    pub(crate) other_crashes: u32,
    /// Those of them with the candidate.
    pub(crate) others_with: Vec<u32>,
    /// Machines that ever had it.
    pub(crate) machines_with: Vec<u32>,
    /// Cases of machines that had it on some of their days and not on others.
    pub(crate) changed: Vec<Vec<OwnDays>>,
}

/// One machine that crashed, compared with itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct OwnDays {
    /// The share of its days with the candidate, in the whole window.
    pub(crate) share: f64,
    /// Whether it had it when it crashed.
    pub(crate) at_crash: bool,
}

impl Aside {
    pub(super) fn of(
        fleet: &Fleet,
        columns: &Columns,
        cases: &BTreeMap<usize, &Crash>,
        others: &[&Crash],
    ) -> Self {
        let mut aside = Aside {
            other_crashes: super::number(others.len()).unwrap_or(u32::MAX),
            others_with: vec![0; columns.len()],
            machines_with: vec![0; columns.len()],
            changed: vec![Vec::new(); columns.len()],
        };
        for crash in others {
            for column in columns.of_set(fleet, fleet.set(crash.set), crash.set) {
                aside.others_with[column] += 1;
            }
        }
        let mut seen = vec![usize::MAX; columns.len()];
        for (number, machine) in fleet
            .machines
            .iter()
            .enumerate()
            .filter(|(_, machine)| machine.reports_inventory)
        {
            for change in &machine.inventories {
                for column in columns.of_set(fleet, fleet.set(change.set), change.set) {
                    if seen[column] != number {
                        seen[column] = number;
                        aside.machines_with[column] += 1;
                    }
                }
            }
        }
        for crash in cases.values() {
            aside.compare_with_itself(fleet, columns, crash);
        }
        aside
    }

    fn compare_with_itself(&mut self, fleet: &Fleet, columns: &Columns, crash: &Crash) {
        let at_crash = had(fleet, columns, crash);
        let (days, all) = own_days(&fleet.machines[crash.machine]);
        let mut with: BTreeMap<usize, f64> = BTreeMap::new();
        for (set, days) in days {
            for column in columns.of_set(fleet, fleet.set(set), set) {
                *with.entry(column).or_default() += days;
            }
        }
        for (column, days) in with.into_iter().filter(|(_, days)| *days < all) {
            self.changed[column].push(OwnDays {
                share: days / all,
                at_crash: at_crash.binary_search(&column).is_ok(),
            });
        }
    }
}

/// A machine's days by set, and all of them.
fn own_days(machine: &Machine) -> (BTreeMap<SetId, f64>, f64) {
    let mut days: BTreeMap<SetId, f64> = BTreeMap::new();
    let mut all = 0.0;
    for set in (0..machine.on.len()).filter_map(|day| installed_on(machine, day)) {
        *days.entry(set).or_default() += 1.0;
        all += 1.0;
    }
    (days, all)
}
