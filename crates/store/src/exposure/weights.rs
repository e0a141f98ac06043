//! Machine-days: summed per set by Postgres, spread over the versions of the sets in here.
//!
//! A fleet whose machines grew apart has nearly one set per machine and change, so nothing may cost a row per set and
//! version. Postgres sums presence to one weight per (set, model, week). Then each set's packed versions are streamed
//! once and added to dense counters: one row of counters per stratum, with the version id as index, so that the
//! ascending ids of a set walk through each row once.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use sqlx::{Connection, PgConnection};
use time::Date;

use super::{Stratum, VersionExposure};
use crate::driver_sets::{self, Merges};
use crate::{Error, Window};

/// Machine-days of one set in one stratum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Weight {
    pub(crate) driver_set_id: i64,
    pub(crate) model_id: Option<i32>,
    pub(crate) week: Date,
    pub(crate) machine_days: u64,
}

/// The weights of a window. Days with unknown drivers are no exposure.
pub(crate) async fn weights(conn: &mut PgConnection, window: Window) -> Result<Vec<Weight>, Error> {
    let (first, last) = (window.first_week(), window.last_week());
    let mut transaction = conn.begin().await?;
    // 80,000 groups take 20 MB; with the 4 MB of the default they go to disk and take twice as long.
    sqlx::query!("SELECT set_config('work_mem', '64MB', true)")
        .fetch_one(&mut *transaction)
        .await?;
    let rows = sqlx::query!(
        r#"
        SELECT driver_set_id, model_id, week,
            sum(bit_count((
                days & CASE week WHEN $1 THEN $3::smallint WHEN $2 THEN $4::smallint ELSE 127::smallint END
            )::integer::bit(7)))::bigint AS "machine_days!"
        FROM presence
        WHERE week BETWEEN $1 AND $2 AND driver_set_id <> $5
        GROUP BY driver_set_id, model_id, week
        "#,
        first,
        last,
        window.mask(first),
        window.mask(last),
        driver_sets::UNKNOWN,
    )
    .fetch_all(&mut *transaction)
    .await?;
    transaction.commit().await?;
    let weights = rows.into_iter().map(|row| Weight {
        driver_set_id: row.driver_set_id,
        model_id: row.model_id,
        week: row.week,
        machine_days: row.machine_days.unsigned_abs(),
    });
    Ok(weights.filter(|weight| weight.machine_days > 0).collect())
}

/// Calls `each` with every set of `ids` and its versions, ascending, merged placeholders resolved.
pub(crate) async fn for_each_set(
    conn: &mut PgConnection,
    ids: &[i64],
    merges: &Merges,
    mut each: impl FnMut(i64, &[i32]),
) -> Result<(), Error> {
    let mut members = Vec::new();
    let mut sets = sqlx::query!(
        "SELECT id, driver_version_ids FROM driver_set WHERE id = ANY($1)",
        ids
    )
    .fetch(conn);
    while let Some(set) = sets.try_next().await? {
        merges.resolve(&set.driver_version_ids, &mut members);
        each(set.id, &members);
    }
    Ok(())
}

/// Strata by model and week, with their places.
#[derive(Debug, Default)]
pub(super) struct Strata {
    pub(super) list: Vec<Stratum>,
    places: HashMap<(Option<i32>, Date), u32>,
}

impl Strata {
    /// The strata of these weights, by model and week.
    pub(super) fn of(weights: &[Weight]) -> Self {
        let mut days: HashMap<(Option<i32>, Date), u64> = HashMap::new();
        for weight in weights {
            *days.entry((weight.model_id, weight.week)).or_default() += weight.machine_days;
        }
        let mut list: Vec<Stratum> = days
            .into_iter()
            .filter(|(_, machine_days)| *machine_days > 0)
            .map(|((model_id, week), machine_days)| Stratum {
                model_id,
                week,
                machine_days,
            })
            .collect();
        list.sort_unstable_by_key(|stratum| (stratum.model_id, stratum.week));
        let keys = list.iter().map(|stratum| (stratum.model_id, stratum.week));
        let places = keys.zip(0..).collect();
        Strata { list, places }
    }

    pub(super) fn place(&self, model_id: Option<i32>, week: Date) -> Option<u32> {
        self.places.get(&(model_id, week)).copied()
    }
}

/// Machine-days of every version in every stratum.
pub(super) async fn by_version(
    conn: &mut PgConnection,
    weights: &[Weight],
    strata: &Strata,
) -> Result<Vec<VersionExposure>, Error> {
    let mut by_set: HashMap<i64, Vec<(usize, u64)>> = HashMap::new();
    for weight in weights {
        if let Some(place) = strata.place(weight.model_id, weight.week) {
            let place = usize::try_from(place).unwrap_or(usize::MAX);
            let spread = by_set.entry(weight.driver_set_id).or_default();
            spread.push((place, weight.machine_days));
        }
    }
    let ids: Vec<i64> = by_set.keys().copied().collect();
    let merges = Merges::load(conn).await?;
    let mut counters = Counters::new(strata.list.len());
    for_each_set(conn, &ids, &merges, |set, members| {
        for (stratum, days) in by_set.get(&set).into_iter().flatten() {
            counters.add(*stratum, members, *days);
        }
    })
    .await?;
    Ok(counters.into_exposure())
}

/// Machine-days by stratum and version.
struct Counters {
    /// One row per stratum, as long as its highest version id needs.
    rows: Vec<Vec<u64>>,
}

impl Counters {
    fn new(strata: usize) -> Self {
        let rows = vec![Vec::new(); strata];
        Counters { rows }
    }

    /// Adds days to all of `members`, which ascend.
    fn add(&mut self, stratum: usize, members: &[i32], days: u64) {
        let (Some(row), Some(last)) = (self.rows.get_mut(stratum), members.last()) else {
            return;
        };
        let needed = usize::try_from(*last).map_or(0, |last| last + 1);
        if row.len() < needed {
            row.resize(needed, 0);
        }
        for member in members {
            if let Some(counter) = usize::try_from(*member).ok().and_then(|place| row.get_mut(place)) {
                *counter += days;
            }
        }
    }

    fn into_exposure(self) -> Vec<VersionExposure> {
        let versions = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut exposure: Vec<Vec<(u32, u64)>> = vec![Vec::new(); versions];
        for (stratum, row) in (0..).zip(&self.rows) {
            for (days, version) in row.iter().zip(&mut exposure) {
                if *days > 0 {
                    version.push((stratum, *days));
                }
            }
        }
        (0..)
            .zip(exposure)
            .filter(|(_, machine_days)| !machine_days.is_empty())
            .map(|(driver_version_id, machine_days)| VersionExposure {
                driver_version_id,
                machine_days,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Counters;

    #[test]
    fn days_are_added_to_every_version_of_a_set() {
        let mut counters = Counters::new(2);
        counters.add(0, &[1, 3], 5);
        counters.add(1, &[3], 2);
        counters.add(0, &[3], 1);
        let exposure = counters.into_exposure();
        let told: Vec<_> = exposure
            .iter()
            .map(|one| (one.driver_version_id, &one.machine_days[..]))
            .collect();
        assert_eq!(told, [(1, &[(0, 5)][..]), (3, &[(0, 6), (1, 2)][..])]);
    }
}
