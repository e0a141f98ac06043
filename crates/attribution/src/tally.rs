//! The counts, checked once and turned so that they can be read candidate by candidate.
//!
//! A *risk cell* is a set of machines that a case is compared with: those of its model in its week, or, where its site is
//! known, those of its site among them. Cases in strata without machine-days have nobody to be compared with and are left
//! out, and so is every index that points nowhere.

use std::collections::BTreeMap;

use crate::counts::{Counts, Feature};

/// Checked counts.
pub(crate) struct Tally<'a> {
    pub(crate) counts: &'a Counts,
    /// Machine-days by stratum.
    pub(crate) days: Vec<f64>,
    /// Number of the hardware model, from 0, by stratum.
    pub(crate) model_of: Vec<usize>,
    /// Number of the week, from 0, by stratum.
    pub(crate) week_of: Vec<usize>,
    pub(crate) models: usize,
    pub(crate) weeks: usize,
    pub(crate) cases: Vec<Crashed<'a>>,
    pub(crate) cells: Vec<RiskCell>,
    /// Cases that had each candidate, ascending.
    pub(crate) cases_of: Vec<Vec<u32>>,
    /// Risk cells of one site each and machine-days with the candidate there, by candidate.
    pub(crate) site_days_of: Vec<Vec<(u32, f64)>>,
    pub(crate) machine_days: f64,
}

/// A case that is compared with somebody.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crashed<'a> {
    pub(crate) stratum: usize,
    pub(crate) cell: usize,
    pub(crate) named: Option<&'a [u32]>,
}

/// Machines that some cases are compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RiskCell {
    pub(crate) stratum: usize,
    /// Machine-days of the site in the stratum, if the cell is of one site.
    pub(crate) site_days: Option<f64>,
}

impl<'a> Tally<'a> {
    pub(crate) fn of(counts: &'a Counts) -> Self {
        let days: Vec<f64> = counts
            .strata
            .iter()
            .map(|stratum| sound(stratum.machine_days))
            .collect();
        let (model_of, models) = numbered(counts.strata.iter().map(|stratum| stratum.model));
        let (week_of, weeks) = numbered(counts.strata.iter().map(|stratum| stratum.week));
        let mut tally = Tally {
            machine_days: days.iter().sum(),
            days,
            model_of,
            week_of,
            models,
            weeks,
            cases: Vec::new(),
            cells: Vec::new(),
            cases_of: vec![Vec::new(); counts.candidates.len()],
            site_days_of: vec![Vec::new(); counts.candidates.len()],
            counts,
        };
        tally.add_cases();
        tally
    }

    fn add_cases(&mut self) {
        let counts = self.counts;
        let mut cell_numbers: BTreeMap<(usize, Option<u32>), usize> = BTreeMap::new();
        for case in &counts.cases {
            let stratum = index(case.stratum);
            if self.days.get(stratum).is_none_or(|days| *days <= 0.0) {
                continue;
            }
            let peers = case.peers.filter(|peers| self.are_of(*peers, stratum));
            let cell = *cell_numbers.entry((stratum, peers)).or_insert(self.cells.len());
            if cell == self.cells.len() {
                self.add_cell(stratum, peers);
            }
            let number = small(self.cases.len());
            for candidate in &case.candidates {
                if let Some(cases) = self.cases_of.get_mut(index(*candidate))
                    && cases.last() != Some(&number)
                {
                    cases.push(number);
                }
            }
            self.cases.push(Crashed {
                stratum,
                cell,
                named: case.named.as_deref(),
            });
        }
    }

    fn are_of(&self, peers: u32, stratum: usize) -> bool {
        let peers = self.counts.peers.get(index(peers));
        peers.is_some_and(|peers| index(peers.stratum) == stratum && sound(peers.machine_days) > 0.0)
    }

    fn add_cell(&mut self, stratum: usize, peers: Option<u32>) {
        let number = small(self.cells.len());
        let peers = peers.and_then(|peers| self.counts.peers.get(index(peers)));
        let site_days = peers.map(|peers| sound(peers.machine_days).min(self.days[stratum]));
        self.cells.push(RiskCell { stratum, site_days });
        for (candidate, days) in peers.iter().flat_map(|peers| &peers.candidates) {
            if let Some(site_days) = self.site_days_of.get_mut(index(*candidate)) {
                site_days.push((number, sound(*days)));
            }
        }
    }

    /// What a candidate is.
    pub(crate) fn feature(&self, candidate: u32) -> Feature {
        self.counts.candidates[index(candidate)].feature
    }
}

/// A number of days as it should be: finite and not negative.
pub(crate) fn sound(days: f64) -> f64 {
    if days.is_finite() && days > 0.0 { days } else { 0.0 }
}

/// An index of the counts as an index of a slice.
pub(crate) fn index(number: u32) -> usize {
    number as usize
}

/// A position in one of the lists, which are far shorter than 2³².
pub(crate) fn small(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// The same numbers counted from 0 in ascending order, and how many there are.
fn numbered(names: impl Iterator<Item = i32> + Clone) -> (Vec<usize>, usize) {
    let mut numbers: BTreeMap<i32, usize> = names.clone().map(|name| (name, 0)).collect();
    for (number, of_name) in numbers.values_mut().enumerate() {
        *of_name = number;
    }
    (names.map(|name| numbers[&name]).collect(), numbers.len())
}
