//! Machine-days of driver versions and Windows builds, counted in memory for one week at a time.
//!
//! A fleet whose machines grew apart has nearly one set per machine and change, so nothing may cost a row per set and
//! version. Postgres sums presence to one weight per set and cell. Then each set's packed versions are streamed once and
//! added to dense counters: one row of counters per cell, with the version id as index, so that the ascending ids of a
//! set walk through each row once. A week's rows are packed before the next week begins, so that memory is bounded by
//! one week.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::packed;
use super::weights::for_each_set;
use crate::Error;
use crate::driver_sets::Merges;

/// Machine-days of one driver set in one cell.
#[derive(Debug, Clone, Copy)]
pub(super) struct SetDays {
    pub(super) driver_set_id: i64,
    /// Index of the cell in the tally.
    pub(super) cell: usize,
    pub(super) days: u32,
}

/// Machine-days in one cell: a model, or a site's part of it, in one week.
#[derive(Debug, Clone, Default)]
pub(super) struct CellDays {
    pub(super) machine_days: u64,
    /// By driver version, packed.
    pub(super) versions: Vec<u8>,
    /// By Windows build, packed.
    pub(super) os_builds: Vec<u8>,
}

/// Counters of one week's cells.
#[derive(Debug, Default)]
pub(super) struct Tally {
    cells: Vec<Counters>,
    weights: Vec<SetDays>,
}

#[derive(Debug, Default)]
struct Counters {
    machine_days: u64,
    /// Days by version id; as long as its highest id needs.
    versions: Vec<u32>,
    os_builds: BTreeMap<i32, u32>,
}

impl Tally {
    /// A tally without any days, of so many cells.
    pub(super) fn new(cells: usize) -> Self {
        let cells = (0..cells).map(|_| Counters::default()).collect();
        let weights = Vec::new();
        Tally { cells, weights }
    }

    /// Notes days of a set; its versions are counted by [`Tally::count`].
    pub(super) fn note(&mut self, weight: SetDays, os_build: Option<i32>) {
        let Some(cell) = self.cells.get_mut(weight.cell) else {
            return;
        };
        cell.machine_days += u64::from(weight.days);
        if let Some(os_build) = os_build {
            let days = cell.os_builds.entry(os_build).or_default();
            *days = days.saturating_add(weight.days);
        }
        self.weights.push(weight);
    }

    /// Counts the versions of all sets noted, and packs the cells in their order.
    pub(super) async fn count(
        mut self,
        conn: &mut PgConnection,
        merges: &Merges,
    ) -> Result<Vec<CellDays>, Error> {
        self.weights
            .sort_unstable_by_key(|weight| (weight.driver_set_id, weight.cell));
        let mut ids: Vec<i64> = self.weights.iter().map(|weight| weight.driver_set_id).collect();
        ids.dedup();
        let (cells, weights) = (&mut self.cells, &self.weights);
        for_each_set(conn, &ids, merges, |set, members| {
            let first = weights.partition_point(|weight| weight.driver_set_id < set);
            let of_set = weights.get(first..).unwrap_or_default().iter();
            for weight in of_set.take_while(|weight| weight.driver_set_id == set) {
                if let Some(cell) = cells.get_mut(weight.cell) {
                    add(&mut cell.versions, members, weight.days);
                }
            }
        })
        .await?;
        Ok(self.cells.into_iter().map(Counters::into_days).collect())
    }
}

/// Adds days to the counters of all of `members`, which ascend.
fn add(counters: &mut Vec<u32>, members: &[i32], days: u32) {
    let Some(needed) = members.last().and_then(|last| usize::try_from(*last).ok()) else {
        return;
    };
    if counters.len() <= needed {
        counters.resize(needed + 1, 0);
    }
    for member in members {
        let place = usize::try_from(*member).ok();
        if let Some(counter) = place.and_then(|place| counters.get_mut(place)) {
            *counter = counter.saturating_add(days);
        }
    }
}

impl Counters {
    fn into_days(self) -> CellDays {
        CellDays {
            machine_days: self.machine_days,
            versions: packed::pack((0..).zip(self.versions)),
            os_builds: packed::pack(self.os_builds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::add;

    #[test]
    fn days_are_added_to_every_version_of_a_set() {
        let mut counters = Vec::new();
        add(&mut counters, &[1, 3], 5);
        add(&mut counters, &[3], 2);
        add(&mut counters, &[], 9);
        assert_eq!(counters, [0, 5, 0, 7]);
    }
}
