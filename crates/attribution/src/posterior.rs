//! Probabilities: each group against all others and against "no driver explains this".
//!
//! ```text
//! weight_j = Σ_members prior · dump factor · Bayes factor
//! none     = Σ prior / (Σ prior + Σ_k weight_k)               "no driver" weighs Σ prior: a half before the data
//! PIP_j    = (1 − none) · weight_j / Σ_k weight_k             here with the factor that compares drivers
//! ```
//!
//! The credible set holds the fewest groups that together have 95 % of what "no driver" leaves.

use crate::calibration::Weighed;
use crate::dumps::NamingRates;
use crate::examine::Group;
use crate::numerics::add_logarithms;
use crate::tally::{Tally, index};

/// What a credible set holds.
const CREDIBLE: f64 = 0.95;

/// Evidence on one group, as natural logarithms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evidence {
    pub(crate) counts: Weighed,
    pub(crate) dumps: f64,
}

/// The posterior of one culprit over groups.
#[derive(Debug, Clone)]
pub(crate) struct Posterior {
    pub(crate) none: f64,
    pub(crate) probabilities: Vec<f64>,
    /// Groups by descending probability.
    pub(crate) order: Vec<usize>,
    /// How many of `order` the credible set holds.
    pub(crate) credible: usize,
}

impl Posterior {
    /// Of groups with their evidence, "no driver" being so many times more probable beforehand than all of them.
    pub(crate) fn of(groups: &[&Group], evidence: &[Evidence], none_odds: f64) -> Self {
        let all: f64 = none_odds * groups.iter().map(|group| group.weight()).sum::<f64>();
        let weights = |counts: fn(&Weighed) -> f64| -> Vec<f64> {
            let both = groups.iter().zip(evidence);
            both.map(|(group, evidence)| group.weight().ln() + counts(&evidence.counts) + evidence.dumps)
                .collect()
        };
        let against_none = add_logarithms(weights(|counts| counts.against_none).into_iter());
        let none = 1.0 / (1.0 + (against_none - all.ln()).exp());
        let weights = weights(|counts| counts.against_others);
        let some = add_logarithms(weights.iter().copied());
        let probabilities: Vec<f64> = weights
            .iter()
            .map(|weight| (1.0 - none) * (weight - some).exp())
            .collect();
        let mut order: Vec<usize> = (0..groups.len()).collect();
        // By logarithms, because probabilities may be too small to tell apart.
        order.sort_by(|one, other| {
            let first = weights[*other].total_cmp(&weights[*one]);
            first.then_with(|| groups[*one].members.cmp(&groups[*other].members))
        });
        let mut posterior = Posterior {
            none,
            credible: 0,
            order,
            probabilities,
        };
        let shares = posterior.order.iter().map(|group| (weights[*group] - some).exp());
        posterior.credible = fewest(shares);
        posterior
    }

    /// The groups of the credible set.
    pub(crate) fn credible_set(&self) -> &[usize] {
        &self.order[..self.credible]
    }
}

/// How many of the shares, which descend, make up a credible set.
fn fewest(shares: impl Iterator<Item = f64>) -> usize {
    let mut held = 0.0;
    let mut count = 0;
    for share in shares {
        if held >= CREDIBLE {
            break;
        }
        held += share;
        count += 1;
    }
    count
}

/// The dump factor of a group: the mean over its members, weighed by their priors. Only cases for which `counts_for` holds
/// are looked at.
pub(crate) fn dump_factor(
    tally: &Tally<'_>,
    rates: &NamingRates,
    group: &Group,
    counts_for: impl Fn(u32) -> bool,
) -> f64 {
    let with_dump = |case: &&u32| tally.cases[index(**case)].named.is_some() && counts_for(**case);
    let dumps = group.cases.iter().filter(with_dump).count();
    let named = group.named.iter().filter(with_dump).count();
    if dumps == 0 {
        return 0.0;
    }
    let factors = group.members.iter().zip(&group.weights);
    let factors = factors.filter(|(_, weight)| **weight > 0.0);
    let logarithms: Vec<f64> = factors
        .map(|(member, weight)| {
            weight.ln() + rates.factor(&tally.counts.candidates[index(*member)], named, dumps)
        })
        .collect();
    add_logarithms(logarithms.iter().copied()) - group.weight().ln()
}
