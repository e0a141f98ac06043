//! Columns: who had a candidate, dense by stratum, ready for the likelihood; and which columns there are.
//!
//! A *unit* is a driver with all its versions, or an OS build. Its columns are the versions one by one and, for a driver
//! with several, the steps "version ≥ Y": a defect that came with Y and was never mended. The step at the newest version
//! is that version. Step columns are summed while they are looked at, newest version first, and never kept.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::counts::Feature;
use crate::tally::{Tally, index, sound};
use crate::verdict::Scope;

/// One candidate, or the versions of a driver from one on.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) scope: Scope,
    /// Indices of the candidates.
    pub(crate) members: Vec<u32>,
    /// Machine-days by stratum.
    pub(crate) days: Vec<f64>,
    /// Machine-days of the case's site by risk cell; only where the cell is of one site.
    pub(crate) site_days: Vec<f64>,
    /// Cases that had it, ascending.
    pub(crate) cases: Vec<u32>,
}

/// What is looked at together: all versions of a driver, oldest first, or one OS build.
pub(crate) type Unit = Vec<u32>;

/// All units, in an order that does not depend on that of the candidates.
pub(crate) fn units(tally: &Tally<'_>) -> Vec<Unit> {
    let mut drivers: BTreeMap<i32, Vec<(u32, i32, u32)>> = BTreeMap::new();
    let mut builds: Vec<(i32, u32)> = Vec::new();
    for (candidate, number) in tally.counts.candidates.iter().zip(0_u32..) {
        match candidate.feature {
            Feature::Driver {
                version,
                driver,
                order,
            } => {
                drivers.entry(driver).or_default().push((order, version, number));
            }
            Feature::OsBuild(build) => builds.push((build, number)),
        }
    }
    builds.sort_unstable();
    let of_drivers = drivers.into_values().map(|mut versions| {
        versions.sort_unstable();
        versions.into_iter().map(|(.., number)| number).collect()
    });
    of_drivers
        .chain(builds.into_iter().map(|(_, number)| vec![number]))
        .collect()
}

/// Hands every column of a unit to `look`, versions first, then steps.
pub(crate) fn for_each_column(tally: &Tally<'_>, unit: &[u32], mut look: impl FnMut(&Column)) {
    let mut column = Column::empty(tally);
    for candidate in unit {
        column.clear();
        column.scope = scope(tally.feature(*candidate));
        column.add(tally, *candidate);
        look(&column);
    }
    column.clear();
    let mut left = unit;
    while let Some(Feature::Driver { driver, order, .. }) = left.last().map(|last| tally.feature(*last)) {
        let (older, same) = left.split_at(left.partition_point(|other| order_of(tally, *other) < order));
        for candidate in same {
            column.add(tally, *candidate);
        }
        column.scope = Scope::AtLeast { driver, order };
        if column.members.len() > 1 {
            look(&column);
        }
        left = older;
    }
}

fn scope(feature: Feature) -> Scope {
    match feature {
        Feature::Driver { .. } => Scope::Version,
        Feature::OsBuild(build) => Scope::OsBuild(build),
    }
}

fn order_of(tally: &Tally<'_>, candidate: u32) -> u32 {
    match tally.feature(candidate) {
        Feature::Driver { order, .. } => order,
        Feature::OsBuild(_) => 0,
    }
}

impl Column {
    pub(crate) fn empty(tally: &Tally<'_>) -> Self {
        Column {
            scope: Scope::Version,
            members: Vec::new(),
            days: vec![0.0; tally.days.len()],
            site_days: vec![0.0; tally.cells.len()],
            cases: Vec::new(),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.members.clear();
        self.days.fill(0.0);
        self.site_days.fill(0.0);
        self.cases.clear();
    }

    /// Adds a candidate's exposure. No stratum gets more machine-days than it has.
    pub(crate) fn add(&mut self, tally: &Tally<'_>, candidate: u32) {
        let number = index(candidate);
        for (stratum, days) in &tally.counts.candidates[number].machine_days {
            if let Some(whole) = tally.days.get(index(*stratum)) {
                let sum = &mut self.days[index(*stratum)];
                *sum = (*sum + sound(*days)).min(*whole);
            }
        }
        for (cell, days) in &tally.site_days_of[number] {
            let whole = tally.cells[index(*cell)].site_days.unwrap_or(0.0);
            let sum = &mut self.site_days[index(*cell)];
            *sum = (*sum + days).min(whole);
        }
        self.cases.extend(&tally.cases_of[number]);
        self.cases.sort_unstable();
        self.cases.dedup();
        self.members.push(candidate);
        self.members.sort_unstable();
    }

    /// Machine-days in all.
    pub(crate) fn machine_days(&self) -> f64 {
        self.days.iter().sum()
    }

    /// A number that is the same for columns that no count can tell apart, and hardly ever for others.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.cases.hash(&mut hasher);
        for days in self.days.iter().chain(&self.site_days) {
            days.to_bits().hash(&mut hasher);
        }
        hasher.finish()
    }
}
