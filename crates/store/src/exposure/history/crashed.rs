//! Histories of the machines that crashed, day by day.

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasherDefault;

use time::{Date, Duration};
use uuid::Uuid;

use super::bits::Bits;
use super::quiet::{IdHasher, Quiet};
use super::{HISTORIES, History, Rate};
use crate::window::monday;

/// A machine that crashed so recently was rolled back because of it.
const BECAUSE: Duration = Duration::days(14);

/// All machines with crashes.
#[derive(Debug, Default)]
pub(super) struct Crashed {
    machines: HashMap<u128, Machine, BuildHasherDefault<IdHasher>>,
}

#[derive(Debug, Default)]
struct Machine {
    crashes: BTreeSet<Date>,
    /// Its days in their order.
    days: Vec<(Date, Bits)>,
}

impl Crashed {
    pub(super) fn of(crashes: HashMap<Uuid, BTreeSet<Date>>) -> Self {
        let machine = |(id, crashes): (Uuid, BTreeSet<Date>)| {
            let days = Vec::new();
            (id.as_u128(), Machine { crashes, days })
        };
        Crashed {
            machines: crashes.into_iter().map(machine).collect(),
        }
    }

    /// Keeps days of a machine; `false` if it never crashed.
    pub(super) fn take(&mut self, machine: Uuid, week: Date, days: i16, bits: Bits) -> bool {
        let Some(machine) = self.machines.get_mut(&machine.as_u128()) else {
            return false;
        };
        let of_week = (0..7).filter(|day| days >> day & 1 == 1);
        machine
            .days
            .extend(of_week.map(|day| (week + Duration::days(day), bits)));
        machine.days.sort_by_key(|(day, _)| *day);
        true
    }

    /// Adds these machines to a version's history, and the days on which all machines kept it.
    pub(super) fn add_to(&self, history: &mut History, place: usize, quiet: &Quiet) {
        let machines = || self.machines.values();
        let had = machines().filter(|machine| machine.days.iter().any(|(_, bits)| has(*bits, place)));
        history.machines += u64::try_from(had.count()).unwrap_or(u64::MAX);
        if place >= HISTORIES {
            return;
        }
        let mut first_left = quiet.first_left(place);
        for machine in machines() {
            machine.switch(history, place);
            if let Some(left) = machine.leave(history, place) {
                let week = monday(left);
                first_left = Some(first_left.map_or(week, |first| first.min(week)));
            }
        }
        if let Some(first) = first_left {
            let kept = &mut history.rollback.kept;
            kept.machine_days += quiet.kept_since(place, first);
            for machine in machines() {
                machine.count(kept, |day, bits| day >= first && has(bits, place));
            }
        }
    }
}

impl Machine {
    /// Adds the days that are wanted, until the first of them with a crash.
    fn count(&self, rate: &mut Rate, mut wanted: impl FnMut(Date, Bits) -> bool) {
        for (day, _) in self.days.iter().filter(|(day, bits)| wanted(*day, *bits)) {
            rate.machine_days += 1;
            if self.crashes.contains(day) {
                rate.cases += 1;
                return;
            }
        }
    }

    fn switch(&self, history: &mut History, place: usize) {
        let first = self.days.iter().position(|(_, bits)| has(*bits, place));
        let Some((first, _)) = first
            .filter(|first| *first > 0)
            .and_then(|first| self.days.get(first))
        else {
            return;
        };
        let switchers = &mut history.switchers;
        switchers.machines += 1;
        self.count(&mut switchers.before, |day, _| day < *first);
        self.count(&mut switchers.after, |day, bits| {
            day >= *first && has(bits, place)
        });
    }

    /// The day on which it left the version, if it counts.
    fn leave(&self, history: &mut History, place: usize) -> Option<Date> {
        let mut pairs = self.days.iter().zip(self.days.iter().skip(1));
        let left = pairs.find(|((_, before), (_, now))| has(*before, place) && has_other(*now, place));
        let (_, (left, _)) = left?;
        if self.crashes.range(*left - BECAUSE..=*left).next().is_some() {
            return None;
        }
        let rollback = &mut history.rollback;
        rollback.machines += 1;
        self.count(&mut rollback.before, |day, bits| day < *left && has(bits, place));
        self.count(&mut rollback.rolled_back, |day, bits| {
            day >= *left && has_other(bits, place)
        });
        Some(*left)
    }
}

fn has(bits: Bits, place: usize) -> bool {
    bits.has >> place & 1 == 1
}

fn has_other(bits: Bits, place: usize) -> bool {
    bits.other >> place & 1 == 1
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use time::macros::date;
    use uuid::Uuid;

    use super::{Bits, Crashed, History, Quiet, Rate};

    const WITH: Bits = Bits { has: 1, other: 0 };
    const OTHER: Bits = Bits { has: 0, other: 1 };

    /// The version from Wednesday to Friday; before and after another one.
    fn history(crash: time::Date) -> History {
        let mut crashed = Crashed::of(HashMap::from([(Uuid::nil(), BTreeSet::from([crash]))]));
        let week = date!(2026 - 11 - 02);
        assert!(crashed.take(Uuid::nil(), week, 0b000_0011, OTHER));
        assert!(crashed.take(Uuid::nil(), week, 0b001_1100, WITH));
        assert!(crashed.take(Uuid::nil(), week, 0b110_0000, OTHER));
        let mut history = History::default();
        crashed.add_to(&mut history, 0, &Quiet::default());
        history
    }

    fn rate(cases: u64, machine_days: u64) -> Rate {
        Rate { cases, machine_days }
    }

    #[test]
    fn a_machine_that_crashed_after_it_changed_onto_a_version_counts_until_then() {
        let history = history(date!(2026 - 11 - 05));
        assert_eq!(history.machines, 1);
        assert_eq!(history.switchers.before, rate(0, 2));
        assert_eq!(history.switchers.after, rate(1, 2));
        // It left the version two days after its crash: that proves nothing.
        assert_eq!(history.rollback.machines, 0);
    }

    #[test]
    fn a_machine_that_crashed_after_it_left_a_version_counts_against_the_rollback() {
        let history = history(date!(2026 - 11 - 08));
        assert_eq!(history.rollback.machines, 1);
        assert_eq!(history.rollback.before, rate(0, 3));
        assert_eq!(history.rollback.rolled_back, rate(1, 2));
        assert_eq!(history.rollback.kept, rate(0, 3));
    }
}
