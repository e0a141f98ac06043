//! From machine-days by stratum to machine-days by candidate.
//!
//! One stratum after the other is unpacked into counters, what crashes change of it is applied, and what is left is
//! appended to the column of each version and Windows build. So columns ascend by stratum, and only one stratum is ever
//! unpacked.

use std::collections::BTreeMap;

use super::censor::{Change, Changes};
use super::packed::unpack;
use super::tally::CellDays;
use crate::driver_sets::Merges;

/// Machine-days by stratum, ascending.
pub(super) type Column = Vec<(u32, u32)>;

/// The column of the version or Windows build with this id.
pub(super) type ById = (i32, Column);

/// Machine-days of every version and every Windows build.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// By version id; ids are dense.
    versions: Vec<Column>,
    os_builds: BTreeMap<i32, Column>,
}

/// What is left of a cell, by id, ascending, none of it 0.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) machine_days: u64,
    pub(super) versions: Vec<(i32, u32)>,
    pub(super) os_builds: Vec<(i32, u32)>,
}

impl Columns {
    /// Appends a stratum; its number is higher than those before.
    pub(super) fn append(&mut self, stratum: u32, left: &Left) {
        let highest = left.versions.last().and_then(|(id, _)| usize::try_from(*id).ok());
        if let Some(needed) = highest.filter(|highest| *highest >= self.versions.len()) {
            self.versions.resize_with(needed + 1, Column::new);
        }
        for (version, days) in &left.versions {
            let place = usize::try_from(*version).ok();
            if let Some(column) = place.and_then(|place| self.versions.get_mut(place)) {
                column.push((stratum, *days));
            }
        }
        for (os_build, days) in &left.os_builds {
            self.os_builds
                .entry(*os_build)
                .or_default()
                .push((stratum, *days));
        }
    }

    /// The columns of versions and of Windows builds that have days, each by id.
    pub(super) fn into_parts(self) -> (Vec<ById>, Vec<ById>) {
        let versions = (0..).zip(self.versions).filter(|(_, column)| !column.is_empty());
        (versions.collect(), self.os_builds.into_iter().collect())
    }
}

/// Unpacks cells and applies changes to them.
#[derive(Debug)]
pub(super) struct Unpacker<'a> {
    merges: &'a Merges,
    changes: &'a Changes,
    /// What each case had.
    versions: &'a [Vec<i32>],
    counters: Counters,
}

impl<'a> Unpacker<'a> {
    pub(super) fn new(merges: &'a Merges, changes: &'a Changes, versions: &'a [Vec<i32>]) -> Self {
        Unpacker {
            merges,
            changes,
            versions,
            counters: Counters::default(),
        }
    }

    /// What is left of a cell after these changes to it.
    pub(super) fn unpack<'c>(
        &mut self,
        cell: &CellDays,
        changes: impl Iterator<Item = &'c Change> + Clone,
    ) -> Left {
        let less: i64 = changes.clone().map(|change| change.days).sum();
        let machine_days = cell.machine_days.saturating_add_signed(less);
        for (id, days) in unpack(&cell.versions) {
            self.counters.add(self.merges.canonical(id), i64::from(days));
        }
        for change in changes.clone() {
            for version in self.changes.versions(change, self.versions) {
                self.counters.add(*version, change.days);
            }
        }
        let mut os_builds: BTreeMap<i32, i64> = unpack(&cell.os_builds)
            .map(|(os_build, days)| (os_build, i64::from(days)))
            .collect();
        for change in changes {
            if let Some(os_build) = change.os_build {
                *os_builds.entry(os_build).or_default() += change.days;
            }
        }
        Left {
            machine_days,
            versions: self.counters.take(machine_days),
            os_builds: os_builds
                .into_iter()
                .filter_map(|(os_build, days)| Some((os_build, possible(days, machine_days)?)))
                .collect(),
        }
    }
}

/// Counters by id, of which only those that were touched are looked at again.
#[derive(Debug, Default)]
struct Counters {
    days: Vec<i64>,
    touched: Vec<i32>,
}

impl Counters {
    fn add(&mut self, id: i32, days: i64) {
        let Ok(place) = usize::try_from(id) else { return };
        if self.days.len() <= place {
            self.days.resize(place + 1, 0);
        }
        if let Some(counter) = self.days.get_mut(place) {
            *counter += days;
            self.touched.push(id);
        }
    }

    /// What was counted, and back to zeros.
    fn take(&mut self, most: u64) -> Vec<(i32, u32)> {
        if !self.touched.is_sorted_by(|one, next| one < next) {
            self.touched.sort_unstable();
            self.touched.dedup();
        }
        let mut counted = Vec::with_capacity(self.touched.len());
        for id in self.touched.drain(..) {
            let place = usize::try_from(id).ok();
            if let Some(counter) = place.and_then(|place| self.days.get_mut(place)) {
                let days = std::mem::take(counter);
                counted.extend(possible(days, most).map(|days| (id, days)));
            }
        }
        counted
    }
}

/// Days that there can be. Too many are there only where a version and a placeholder that was merged into it after the
/// roll-up were in one set.
fn possible(days: i64, most: u64) -> Option<u32> {
    let days = u64::try_from(days).ok()?.min(most);
    u32::try_from(days).ok().filter(|days| *days > 0)
}
