//! What changed of a machine's drivers, and what was seen of the machine before and after.
//!
//! Before a change is the time since the same driver changed last, after it the time until it changes again: a version
//! is compared with the one that it replaced, whatever else changed meanwhile. Days are told of by presence, and the
//! day of a change belongs to what came, as presence files it.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;
use time::{Date, Duration, OffsetDateTime, UtcOffset};

use super::{InstalledDriver, MachineId};
use crate::Error;

/// One driver that came, went or moved to another version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverChange {
    /// Base name, lower case.
    pub name: String,
    /// The driver as it went; `None` if it is new.
    pub from: Option<InstalledDriver>,
    /// The driver as it came; `None` if it is gone.
    pub to: Option<InstalledDriver>,
    /// What was seen before.
    pub before: Spell,
    /// What was seen after.
    pub after: Spell,
}

/// A time of one machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spell {
    /// Days on which it was on.
    pub machine_days: u64,
    /// Crashes that count.
    pub crashes: u64,
}

/// The days on which a machine was on, and when it crashed; both ascend.
#[derive(Debug, Default)]
pub(super) struct Life {
    days: Vec<Date>,
    crashes: Vec<OffsetDateTime>,
}

impl Life {
    /// Everything that is kept of a machine.
    pub(super) async fn of(conn: &mut PgConnection, machine: MachineId) -> Result<Self, Error> {
        let weeks = sqlx::query!("SELECT week, days FROM presence WHERE machine_id = $1", machine.0)
            .fetch_all(&mut *conn)
            .await?;
        let days = weeks.iter().flat_map(|row| {
            let of_week = (0..7).filter(|day| row.days >> day & 1 == 1);
            of_week.map(|day| row.week.saturating_add(Duration::days(day)))
        });
        let days: BTreeSet<Date> = days.collect();
        let crashes = sqlx::query_scalar!(
            r#"
            SELECT crashed_at
            FROM crash
            WHERE machine_id = $1 AND kind = 'kernel' AND counts
            ORDER BY crashed_at
            "#,
            machine.0,
        )
        .fetch_all(conn)
        .await?;
        Ok(Life {
            days: days.into_iter().collect(),
            crashes,
        })
    }

    /// What was seen from one moment (or ever) until before another (or until now).
    fn spell(&self, from: Option<OffsetDateTime>, until: Option<OffsetDateTime>) -> Spell {
        let day = |at: OffsetDateTime| at.to_offset(UtcOffset::UTC).date();
        let days = between(&self.days, from.map(day), until.map(day));
        let crashes = between(&self.crashes, from, until);
        Spell {
            machine_days: days,
            crashes,
        }
    }
}

fn between<T: Ord>(sorted: &[T], from: Option<T>, until: Option<T>) -> u64 {
    let start = from.map_or(0, |from| sorted.partition_point(|one| *one < from));
    let end = until.map_or(sorted.len(), |until| sorted.partition_point(|one| *one < until));
    u64::try_from(end.saturating_sub(start)).unwrap_or(u64::MAX)
}

/// An inventory that differs from the one before it, with names.
pub(super) struct Difference {
    pub(super) at: OffsetDateTime,
    pub(super) added: Vec<InstalledDriver>,
    pub(super) removed: Vec<InstalledDriver>,
}

/// The changes of each difference, by name, in the same order.
pub(super) fn told(differences: &[Difference], life: &Life) -> Vec<Vec<DriverChange>> {
    let mut moments: BTreeMap<&str, BTreeSet<OffsetDateTime>> = BTreeMap::new();
    for difference in differences {
        for driver in difference.added.iter().chain(&difference.removed) {
            moments.entry(&driver.name).or_default().insert(difference.at);
        }
    }
    let change = |at: OffsetDateTime, (name, (from, to)): (&str, Pair)| {
        let moments = moments.get(name);
        let earlier = moments.and_then(|moments| moments.range(..at).next_back().copied());
        let later = moments.and_then(|moments| moments.range(at..).nth(1).copied());
        DriverChange {
            name: name.to_owned(),
            from,
            to,
            before: life.spell(earlier, Some(at)),
            after: life.spell(Some(at), later),
        }
    };
    let of_each = differences.iter().map(|difference| {
        let pairs = pairs(difference).into_iter();
        pairs.map(|pair| change(difference.at, pair)).collect()
    });
    of_each.collect()
}

/// A driver as it went and as it came.
type Pair = (Option<InstalledDriver>, Option<InstalledDriver>);

fn pairs(difference: &Difference) -> BTreeMap<&str, Pair> {
    let mut pairs: BTreeMap<&str, Pair> = BTreeMap::new();
    for driver in &difference.removed {
        pairs.entry(&driver.name).or_default().0 = Some(driver.clone());
    }
    for driver in &difference.added {
        pairs.entry(&driver.name).or_default().1 = Some(driver.clone());
    }
    pairs
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::{Difference, InstalledDriver, Life, Spell, told};

    fn driver(name: &str, version: &str) -> InstalledDriver {
        InstalledDriver {
            name: name.to_owned(),
            version: Some(version.to_owned()),
            company: None,
        }
    }

    fn spell(machine_days: u64, crashes: u64) -> Spell {
        Spell {
            machine_days,
            crashes,
        }
    }

    /// Five days, two crashes on the fourth; `a.sys` changes on the third day and again on the fifth, `b.sys` comes with
    /// the first change.
    #[test]
    fn a_version_is_compared_with_the_one_it_replaced() {
        let life = Life {
            days: (1..=5)
                .filter_map(|day| date!(2026 - 11 - 01).replace_day(day).ok())
                .collect(),
            crashes: vec![datetime!(2026-11-04 08:00 UTC), datetime!(2026-11-04 09:00 UTC)],
        };
        let differences = [
            Difference {
                at: datetime!(2026-11-05 12:00 UTC),
                added: vec![driver("a.sys", "1")],
                removed: vec![driver("a.sys", "2")],
            },
            Difference {
                at: datetime!(2026-11-03 12:00 UTC),
                added: vec![driver("a.sys", "2"), driver("b.sys", "1")],
                removed: vec![driver("a.sys", "1")],
            },
        ];
        let told = told(&differences, &life);
        let [back, first] = &told[..] else { panic!() };
        assert_eq!((back[0].before, back[0].after), (spell(2, 2), spell(1, 0)));
        assert_eq!((first[0].before, first[0].after), (spell(2, 0), spell(2, 2)));
        assert_eq!(first[1].name, "b.sys");
        assert_eq!(first[1].from, None);
        assert_eq!((first[1].before, first[1].after), (spell(2, 0), spell(3, 2)));
    }
}
