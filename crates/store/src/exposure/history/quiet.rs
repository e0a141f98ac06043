//! Histories of machines without a crash: a small state each, and sums.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use time::Date;
use uuid::Uuid;

use super::bits::{Bits, WITH_HISTORY};
use super::{HISTORIES, History};

/// What is remembered of one machine. There may be a million.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// Versions it ever had.
    ever: u64,
    /// Versions it had last; of those with histories, as are the next two.
    has: u16,
    /// Versions onto which it changed.
    switched: u16,
    /// Versions that it left for another one.
    left: u16,
    /// Its days so far.
    days: u16,
    /// Its days with each version so far.
    days_with: [u16; HISTORIES],
}

/// Sums of one version.
#[derive(Debug, Clone, Default)]
struct Sums {
    history: History,
    /// Days with it by week, of all machines; weeks come in their order.
    by_week: Vec<(Date, u64)>,
    first_left: Option<Date>,
}

impl Sums {
    /// Notes days with the version.
    fn had(&mut self, week: Date, days: u16) {
        match self.by_week.last_mut() {
            Some((last, sum)) if *last == week => *sum += u64::from(days),
            _ => self.by_week.push((week, u64::from(days))),
        }
    }
}

/// Hashes machine ids, which are hashes already.
#[derive(Debug, Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, _) = bytes.as_chunks::<8>();
        for word in words {
            self.0 ^= u64::from_le_bytes(*word);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// All machines without a crash.
#[derive(Debug)]
pub(super) struct Quiet {
    machines: HashMap<u128, State, BuildHasherDefault<IdHasher>>,
    sums: Vec<Sums>,
}

impl Default for Quiet {
    fn default() -> Self {
        Quiet {
            machines: HashMap::default(),
            sums: vec![Sums::default(); HISTORIES],
        }
    }
}

impl Quiet {
    /// Takes a machine's next days; they come in their order.
    pub(super) fn take(&mut self, machine: Uuid, week: Date, days: i16, bits: Bits) {
        let days = u16::try_from(days.count_ones()).unwrap_or(0);
        let state = self.machines.entry(machine.as_u128()).or_default();
        let has = low(bits.has);
        let news = if state.days > 0 { has & !low(state.ever) } else { 0 };
        let lost = state.has & !has & low(bits.other) & !state.left;
        each(news, &mut self.sums, |_, sums| {
            sums.history.switchers.machines += 1;
            sums.history.switchers.before.machine_days += u64::from(state.days);
        });
        each(lost, &mut self.sums, |place, sums| {
            let before = state.days_with.get(place).copied().unwrap_or(0);
            sums.history.rollback.machines += 1;
            sums.history.rollback.before.machine_days += u64::from(before);
            let first = sums.first_left.get_or_insert(week);
            *first = week.min(*first);
        });
        state.switched |= news;
        state.left |= lost;
        each(has, &mut self.sums, |place, sums| {
            sums.had(week, days);
            if let Some(with) = state.days_with.get_mut(place) {
                *with = with.saturating_add(days);
            }
        });
        each(has & state.switched, &mut self.sums, |_, sums| {
            sums.history.switchers.after.machine_days += u64::from(days);
        });
        each(state.left & low(bits.other), &mut self.sums, |_, sums| {
            sums.history.rollback.rolled_back.machine_days += u64::from(days);
        });
        state.ever |= bits.has;
        state.has = has;
        state.days = state.days.saturating_add(days);
    }

    /// The week in which the first machine left the version.
    pub(super) fn first_left(&self, place: usize) -> Option<Date> {
        self.sums.get(place)?.first_left
    }

    /// Days with the version from a week on.
    pub(super) fn kept_since(&self, place: usize, week: Date) -> u64 {
        let weeks = self.sums.get(place).into_iter().flat_map(|sums| &sums.by_week);
        weeks.filter(|(of, _)| *of >= week).map(|(_, days)| days).sum()
    }

    pub(super) fn history(&self, place: usize) -> History {
        let had = self
            .machines
            .values()
            .filter(|state| state.ever >> place & 1 == 1);
        let machines = u64::try_from(had.count()).unwrap_or(u64::MAX);
        let sums = self.sums.get(place);
        History {
            machines,
            ..sums.map(|sums| sums.history).unwrap_or_default()
        }
    }
}

fn low(bits: u64) -> u16 {
    u16::try_from(bits & WITH_HISTORY).unwrap_or(0)
}

/// The sums of the bits that are set.
fn each(mut bits: u16, sums: &mut [Sums], mut add: impl FnMut(usize, &mut Sums)) {
    while bits != 0 {
        let place = usize::try_from(bits.trailing_zeros()).unwrap_or(HISTORIES);
        if let Some(sums) = sums.get_mut(place) {
            add(place, sums);
        }
        bits &= bits - 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use time::Duration;
    use time::macros::date;
    use uuid::Uuid;

    use super::super::crashed::Crashed;
    use super::{Bits, History, Quiet};

    /// The same days of many machines, once summed as they come and once day by day.
    #[test]
    fn machines_without_a_crash_are_counted_as_if_each_day_were_looked_at() {
        let id = |machine: u32| Uuid::from_u128(u128::from(machine));
        let machines = 0..40;
        let without_crashes = machines.clone().map(|machine| (id(machine), BTreeSet::new()));
        let mut slow = Crashed::of(without_crashes.collect::<HashMap<_, _>>());
        let mut quick = Quiet::default();
        let mut chance = 7_u32;
        for week in 0..6 {
            let monday = date!(2026 - 08 - 24) + Duration::weeks(week);
            for (machine, days) in machines
                .clone()
                .flat_map(|machine| [(machine, 0b11), (machine, 0b1_1100)])
            {
                chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let has = u64::from(chance >> 20 & 0b111);
                let other = u64::from(chance >> 24 & 0b111) & !has;
                let bits = Bits { has, other };
                assert!(slow.take(id(machine), monday, days, bits));
                quick.take(id(machine), monday, days, bits);
            }
        }
        for place in 0..3 {
            let mut by_day = History::default();
            slow.add_to(&mut by_day, place, &Quiet::default());
            let mut summed = quick.history(place);
            Crashed::default().add_to(&mut summed, place, &quick);
            assert_eq!(summed, by_day);
            assert!(summed.rollback.machines > 0 && summed.switchers.machines > 0);
        }
    }
}
