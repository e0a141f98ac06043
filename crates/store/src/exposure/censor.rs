//! What a crash changes of its machine's days.
//!
//! What happens to a machine after its first crash (a rollback, a repair, more crashes) says nothing about the risk
//! before it, so its days end with the crash's. And the day of the crash counts under what was running at the crash:
//! otherwise a case could have a version on which nobody in its stratum spent a day.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;
use time::{Date, UtcOffset};
use uuid::Uuid;

use super::cases::CountedCrash;
use crate::window::{Window, day_bit, monday};
use crate::{Error, MachineId, driver_sets};

/// A hardware model in a week.
pub(super) type StratumKey = (Option<i32>, Date);

/// Days to be added to or taken from a stratum.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) stratum: StratumKey,
    /// Index of the case whose machine it is about.
    pub(super) case: usize,
    pub(super) os_build: Option<i32>,
    pub(super) days: i64,
    had: Had,
}

#[derive(Debug, Clone, Copy)]
enum Had {
    /// The versions of this set.
    Set(i64),
    /// What the case had.
    Own,
}

/// All changes, and the versions that they are about.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) list: Vec<Change>,
    members: HashMap<i64, Vec<i32>>,
    by_stratum: HashMap<StratumKey, Vec<usize>>,
}

impl Changes {
    /// What these first crashes of their machines change; `versions` is what each had.
    pub(super) async fn of(
        conn: &mut PgConnection,
        cases: &[&CountedCrash],
        window: Window,
    ) -> Result<Self, Error> {
        let mut list = days_after(conn, cases, window).await?;
        list.extend((0..).zip(cases).flat_map(|(case, crash)| day_of(case, crash)));
        let sets: HashSet<i64> = list
            .iter()
            .filter_map(|change| match change.had {
                Had::Set(set) => Some(set),
                Had::Own => None,
            })
            .collect();
        let sets: Vec<i64> = sets.into_iter().collect();
        let members = driver_sets::members_of(conn, &sets).await?;
        let mut by_stratum: HashMap<StratumKey, Vec<usize>> = HashMap::new();
        for (place, change) in list.iter().enumerate() {
            by_stratum.entry(change.stratum).or_default().push(place);
        }
        Ok(Changes {
            list,
            members,
            by_stratum,
        })
    }

    /// The changes to one stratum.
    pub(super) fn to(&self, stratum: StratumKey) -> impl Iterator<Item = &Change> {
        let places = self.by_stratum.get(&stratum).into_iter().flatten();
        places.filter_map(|place| self.list.get(*place))
    }

    /// The versions that a change is about; `versions` is what each case had.
    pub(super) fn versions<'a>(&'a self, change: &Change, versions: &'a [Vec<i32>]) -> &'a [i32] {
        let found = match change.had {
            Had::Set(set) => self.members.get(&set),
            Had::Own => versions.get(change.case),
        };
        found.map_or(&[], Vec::as_slice)
    }
}

/// The day of a crash: under what was running, and no longer under what the day is filed under.
fn day_of(case: usize, crash: &CountedCrash) -> Vec<Change> {
    let Some(day) = crash.day else { return Vec::new() };
    let change = |days, had, os_build| Change {
        stratum: (day.model_id, day.week),
        case,
        os_build,
        days,
        had,
    };
    vec![
        change(-1, Had::Set(day.driver_set_id), day.os_build),
        change(1, Had::Own, crash.os_build()),
    ]
}

/// The days of crashed machines after their crash.
async fn days_after(
    conn: &mut PgConnection,
    cases: &[&CountedCrash],
    window: Window,
) -> Result<Vec<Change>, Error> {
    let last_days: HashMap<MachineId, (usize, Date)> = (0..)
        .zip(cases)
        .map(|(case, crash)| {
            let day = crash.crashed_at.to_offset(UtcOffset::UTC).date();
            (crash.machine, (case, day))
        })
        .collect();
    let (machines, weeks): (Vec<Uuid>, Vec<Date>) = last_days
        .iter()
        .map(|(machine, (_, day))| (machine.0, monday(*day)))
        .unzip();
    let rows = sqlx::query!(
        r#"
        SELECT presence.machine_id, presence.week, presence.driver_set_id, presence.model_id, presence.os_build,
            presence.days
        FROM unnest($1::uuid[], $2::date[]) AS last (machine_id, week)
        JOIN presence ON presence.machine_id = last.machine_id AND presence.week >= last.week
        WHERE presence.week <= $3 AND presence.driver_set_id <> $4
        "#,
        &machines,
        &weeks,
        window.last_week(),
        driver_sets::UNKNOWN,
    )
    .fetch_all(conn)
    .await?;
    let after = rows.into_iter().filter_map(|row| {
        let (case, last_day) = *last_days.get(&MachineId(row.machine_id))?;
        let mut days = row.days & window.mask(row.week);
        if row.week == monday(last_day) {
            // The bits above the crash's day.
            days &= !(day_bit(last_day) | (day_bit(last_day) - 1));
        }
        Some(Change {
            stratum: (row.model_id, row.week),
            case,
            os_build: row.os_build,
            days: -i64::from(days.count_ones()),
            had: Had::Set(row.driver_set_id),
        })
    });
    Ok(after.filter(|change| change.days < 0).collect())
}
