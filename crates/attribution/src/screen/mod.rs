//! The screen: observed against expected cases, version by version.

use std::collections::BTreeMap;

use crate::information;
use crate::rate_ratio::{Cell, RateRatio, mantel_haenszel};

mod counts;

pub use counts::{Candidate, Case, Counts, Stratum};

/// With fewer crashing machines than this nothing is said at all.
///
/// Even if all of them had one rare version, IC025 would be near 0 below it.
pub const FEWEST_CASES: usize = 5;

/// With fewer machine-days than this nothing is said at all: the shares are not known well enough.
pub const FEWEST_MACHINE_DAYS: f64 = 500.0;

/// What the screen may say, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// Too few cases or machine-days.
    TooLittleData,
    /// Enough data, and no version stands out.
    NoDriverExplainsThis,
    /// Machines with the first version crash more often; what is installed beside it is not excluded.
    Associated,
}

/// What the screen found.
#[derive(Debug, Clone, PartialEq)]
pub struct Screen {
    /// What may be said.
    pub word: Word,
    /// All candidates that some case had, most suspicious first.
    pub screened: Vec<Screened>,
}

/// One candidate: a version, or several that the counts cannot tell apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Screened {
    /// The versions, by [`Candidate::id`], ascending.
    pub ids: Vec<i32>,
    /// Machines that crashed while they had it.
    pub observed: usize,
    /// Crashing machines expected if the version played no part.
    pub expected: f64,
    /// Lower bound of the shrunk log2 ratio of the two; what ranks.
    pub ic025: f64,
    /// Rate ratio within strata; `None` if it has no value.
    pub rate_ratio: Option<RateRatio>,
    /// Days on which machines had it.
    pub machine_days: f64,
}

impl Screened {
    /// Whether it stands out: more cases than its share, also within models and weeks as far as these can tell.
    pub fn stands_out(&self) -> bool {
        let within = self.rate_ratio.and_then(|rate_ratio| rate_ratio.low);
        self.ic025 > 0.0 && within.is_none_or(|low| low > 1.0)
    }
}

/// Screens all candidates.
///
/// Expected cases are all cases times the version's share of all machine-days. In simulated fleets with a planted culprit
/// this crude share ranked better (first in 73 % of runs) than shares taken within model and week (48 %), whose strata
/// are too thin; the rate ratio, which is taken within them, then guards the word.
pub fn screen(counts: &Counts) -> Screen {
    let machine_days: f64 = counts.strata.iter().map(|stratum| stratum.machine_days).sum();
    let cases_of = cases_by_candidate(counts);
    let mut screened: Vec<Screened> = inseparable(counts, &cases_of)
        .into_iter()
        .map(|group| screen_one(counts, &group, machine_days))
        .collect();
    screened.sort_by(|one, other| {
        let standing = other.stands_out().cmp(&one.stands_out());
        standing
            .then_with(|| other.ic025.total_cmp(&one.ic025))
            .then_with(|| one.ids.cmp(&other.ids))
    });
    Screen {
        word: word(counts, machine_days, &screened),
        screened,
    }
}

fn word(counts: &Counts, machine_days: f64, screened: &[Screened]) -> Word {
    if counts.cases.len() < FEWEST_CASES || machine_days < FEWEST_MACHINE_DAYS {
        Word::TooLittleData
    } else if screened.first().is_some_and(Screened::stands_out) {
        Word::Associated
    } else {
        Word::NoDriverExplainsThis
    }
}

/// Candidates with the same machine-days and the same cases.
struct Group<'a> {
    ids: Vec<i32>,
    machine_days: &'a [(u32, f64)],
    cases: &'a [usize],
}

/// The cases that had each candidate, as ascending indices.
fn cases_by_candidate(counts: &Counts) -> BTreeMap<i32, Vec<usize>> {
    let mut cases_of: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    for (index, case) in counts.cases.iter().enumerate() {
        for id in &case.candidates {
            let cases = cases_of.entry(*id).or_default();
            if cases.last() != Some(&index) {
                cases.push(index);
            }
        }
    }
    cases_of
}

fn inseparable<'a>(counts: &'a Counts, cases_of: &'a BTreeMap<i32, Vec<usize>>) -> Vec<Group<'a>> {
    let mut candidates: Vec<(&Candidate, &[usize])> = counts
        .candidates
        .iter()
        .filter_map(|candidate| Some((candidate, cases_of.get(&candidate.id)?.as_slice())))
        .collect();
    // Equal ones side by side; machine-days are whole numbers, so their bits are equal when they are.
    candidates.sort_by(|(one, one_cases), (other, other_cases)| {
        let columns = compare_columns(&one.machine_days, &other.machine_days);
        columns
            .then_with(|| one_cases.cmp(other_cases))
            .then(one.id.cmp(&other.id))
    });
    let mut groups: Vec<Group<'a>> = Vec::new();
    for (candidate, cases) in candidates {
        match groups.last_mut() {
            Some(group)
                if group.cases == cases
                    && compare_columns(group.machine_days, &candidate.machine_days).is_eq() =>
            {
                group.ids.push(candidate.id);
            }
            _ => groups.push(Group {
                ids: vec![candidate.id],
                machine_days: &candidate.machine_days,
                cases,
            }),
        }
    }
    groups
}

fn compare_columns(one: &[(u32, f64)], other: &[(u32, f64)]) -> std::cmp::Ordering {
    let mut cells = one.iter().zip(other).map(|(one, other)| {
        let stratum = one.0.cmp(&other.0);
        stratum.then_with(|| one.1.total_cmp(&other.1))
    });
    cells
        .find(|ordering| ordering.is_ne())
        .unwrap_or_else(|| one.len().cmp(&other.len()))
}

fn screen_one(counts: &Counts, group: &Group<'_>, machine_days: f64) -> Screened {
    let exposed: f64 = group.machine_days.iter().map(|(_, days)| days).sum();
    let share = if machine_days > 0.0 {
        exposed / machine_days
    } else {
        0.0
    };
    let expected = share * as_number(counts.cases.len());
    Screened {
        ids: group.ids.clone(),
        observed: group.cases.len(),
        expected,
        ic025: information::lower_bound(as_number(group.cases.len()), expected),
        rate_ratio: mantel_haenszel(&cells(counts, group)),
        machine_days: exposed,
    }
}

/// The strata's cells for one group.
fn cells(counts: &Counts, group: &Group<'_>) -> Vec<Cell> {
    let mut cells: Vec<Cell> = counts
        .strata
        .iter()
        .map(|stratum| Cell {
            unexposed_days: stratum.machine_days,
            ..Cell::default()
        })
        .collect();
    for (stratum, days) in group.machine_days {
        if let Some(cell) = cell(&mut cells, *stratum) {
            cell.exposed_days = days.min(cell.unexposed_days);
            cell.unexposed_days -= cell.exposed_days;
        }
    }
    for case in &counts.cases {
        if let Some(cell) = cell(&mut cells, case.stratum) {
            cell.unexposed_cases += 1.0;
        }
    }
    for index in group.cases {
        let stratum = counts.cases.get(*index).map(|case| case.stratum);
        if let Some(cell) = stratum.and_then(|stratum| cell(&mut cells, stratum)) {
            cell.unexposed_cases -= 1.0;
            cell.exposed_cases += 1.0;
        }
    }
    cells
}

fn cell(cells: &mut [Cell], stratum: u32) -> Option<&mut Cell> {
    cells.get_mut(usize::try_from(stratum).ok()?)
}

#[expect(clippy::cast_precision_loss, reason = "counts of machines are far below 2^53")]
fn as_number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
