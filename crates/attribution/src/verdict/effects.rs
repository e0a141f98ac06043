//! Culprits found one after the other.
//!
//! The most probable culprit is found as if there were only one. Then each case weighs only as much as it is probable that
//! another cause is behind it, and the search goes on:
//!
//! ```text
//! w = 1 / (1 + Σ_j α_j x_j (e^b_j − 1))        α_j the share of group j in the credible set, e^b_j its rate ratio
//! ```
//!
//! until probably nothing is left to explain. A machine with a driver that makes crashes ten times as frequent is thus
//! nine parts explained by it, and drivers that come with it look innocent.

use crate::calibration::SystematicError;
use crate::dumps::NamingRates;
use crate::evidence::Likelihood;
use crate::examine::{self, Group};
use crate::likelihood::{self, Cases, Curve};
use crate::posterior::{Evidence, Posterior, dump_factor};
use crate::tally::{Tally, index};

/// More culprits than this are not looked for.
const MOST_EFFECTS: usize = 5;

/// Further culprits are looked for among so many groups, the most suspicious by the first search.
const MOST_GROUPS: usize = 1000;

/// One search: evidence on and probabilities of some groups.
pub(super) struct Search {
    /// The groups that were searched, as indices into all.
    pub(super) groups: Vec<usize>,
    pub(super) evidence: Vec<Evidence>,
    pub(super) posterior: Posterior,
}

/// All searches that found something, and the first in any case.
pub(super) fn searches(
    tally: &Tally<'_>,
    groups: &[Group],
    mut curves: Vec<Curve>,
    systematic_error: &SystematicError,
) -> Vec<Search> {
    let rates = NamingRates::of(tally.counts);
    let searching = Searching {
        tally,
        groups,
        systematic_error,
        rates,
    };
    let mut weights = vec![1.0; tally.cases.len()];
    let mut places: Vec<usize> = (0..groups.len()).collect();
    let mut found: Vec<Search> = Vec::new();
    while found.len() < MOST_EFFECTS {
        let search = searching.search(places, &curves, &weights);
        let nothing_left = search.posterior.none > 0.5;
        if nothing_left && !found.is_empty() {
            break;
        }
        let chosen = searching.chosen(&search.groups);
        explain(&chosen, &curves, &search.posterior, &mut weights);
        let order = search.posterior.order.iter().take(MOST_GROUPS);
        places = order.map(|place| search.groups[*place]).collect();
        found.push(search);
        if nothing_left {
            break;
        }
        let cases = Cases::weighted(tally, weights.clone());
        curves = examine::curves(tally, &cases, &searching.chosen(&places));
    }
    found
}

/// What all searches have in common.
struct Searching<'a> {
    tally: &'a Tally<'a>,
    groups: &'a [Group],
    systematic_error: &'a SystematicError,
    rates: NamingRates,
}

impl Searching<'_> {
    fn chosen(&self, places: &[usize]) -> Vec<&Group> {
        places.iter().map(|place| &self.groups[*place]).collect()
    }

    fn search(&self, places: Vec<usize>, curves: &[Curve], weights: &[f64]) -> Search {
        let unexplained = |case: u32| weights[index(case)] > 0.5;
        let chosen = self.chosen(&places);
        let evidence: Vec<Evidence> = chosen
            .iter()
            .zip(curves)
            .map(|(group, curve)| Evidence {
                counts: self.systematic_error.weigh(&Likelihood::of(curve)),
                dumps: dump_factor(self.tally, &self.rates, group, unexplained),
            })
            .collect();
        Search {
            posterior: Posterior::of(&chosen, &evidence),
            evidence,
            groups: places,
        }
    }
}

/// Lowers the weights of cases that the culprit explains.
fn explain(groups: &[&Group], curves: &[Curve], posterior: &Posterior, weights: &mut [f64]) {
    let some: f64 = posterior
        .credible_set()
        .iter()
        .map(|place| posterior.probabilities[*place])
        .sum();
    let mut excess = vec![0.0; weights.len()];
    for place in posterior.credible_set() {
        let share = posterior.probabilities[*place] / some;
        let rate_ratio = best_effect(&curves[*place]).max(0.0).exp();
        for case in &groups[*place].cases {
            excess[index(*case)] += share * (rate_ratio - 1.0);
        }
    }
    for (weight, excess) in weights.iter_mut().zip(excess) {
        *weight /= 1.0 + excess;
    }
}

/// The effect of the grid that explains the cases best.
fn best_effect(curve: &Curve) -> f64 {
    let both = likelihood::effects().into_iter().zip(curve);
    let best = both.reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map_or(0.0, |(effect, _)| effect)
}
