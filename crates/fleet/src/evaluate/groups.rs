//! Candidates that no count can tell apart, for the simpler methods: the same machine-days, and at the same cases.

use std::collections::BTreeMap;

use attribution::counts::Counts;

use super::tally::{Aside, OwnDays};

/// One column of the counts with all its names, and what simple methods need of it.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// Indices of the candidates.
    pub(crate) members: Vec<u32>,
    /// For each case, whether it had it.
    pub(crate) at_case: Vec<bool>,
    /// For each case, the share of its stratum's machine-days.
    pub(crate) share: Vec<f64>,
    /// Machine-days.
    pub(crate) machine_days: f64,
}

impl Group {
    /// The candidate that stands for all.
    pub(crate) fn first(&self) -> usize {
        self.members.first().map_or(0, |member| *member as usize)
    }

    /// Cases that had it.
    pub(crate) fn observed(&self) -> f64 {
        self.at_case.iter().map(|had| f64::from(u8::from(*had))).sum()
    }
}

/// The cases that had a candidate, and its machine-days by stratum, bit by bit.
type Exposure = (Vec<u32>, Vec<(u32, u64)>);

/// The groups of which some case had one.
pub(crate) fn groups(counts: &Counts) -> Vec<Group> {
    let mut cases: Vec<Vec<u32>> = vec![Vec::new(); counts.candidates.len()];
    for (number, case) in (0..).zip(&counts.cases) {
        for candidate in &case.candidates {
            cases[*candidate as usize].push(number);
        }
    }
    let mut groups: BTreeMap<Exposure, Vec<u32>> = BTreeMap::new();
    for (number, (candidate, cases)) in (0..).zip(counts.candidates.iter().zip(cases)) {
        if !cases.is_empty() {
            let days = candidate
                .machine_days
                .iter()
                .map(|(stratum, days)| (*stratum, days.to_bits()));
            groups.entry((cases, days.collect())).or_default().push(number);
        }
    }
    groups
        .into_values()
        .map(|members| group(counts, members))
        .collect()
}

fn group(counts: &Counts, members: Vec<u32>) -> Group {
    let first = members.first().copied().unwrap_or(0);
    let days = &counts.candidates[first as usize].machine_days;
    let share_in = |stratum: u32| {
        let whole = counts
            .strata
            .get(stratum as usize)
            .map_or(0.0, |stratum| stratum.machine_days);
        let place = days.binary_search_by_key(&stratum, |(stratum, _)| *stratum);
        place.map_or(0.0, |place| days[place].1 / whole)
    };
    Group {
        at_case: counts
            .cases
            .iter()
            .map(|case| case.candidates.binary_search(&first).is_ok())
            .collect(),
        share: counts.cases.iter().map(|case| share_in(case.stratum)).collect(),
        machine_days: days.iter().map(|(_, days)| days).sum(),
        members,
    }
}

/// A number in a table of the aside.
pub(crate) fn aside_of(table: &[u32], group: &Group) -> f64 {
    table.get(group.first()).map_or(0.0, |number| f64::from(*number))
}

/// The cases of a group's machines that changed.
pub(crate) fn changed_of<'a>(aside: &'a Aside, group: &Group) -> &'a [OwnDays] {
    aside.changed.get(group.first()).map_or(&[], Vec::as_slice)
}
