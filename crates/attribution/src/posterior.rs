//! Probabilities: each group against all others and against "no driver explains this".
//!
//! ```text
//! weight_j = Σ_members prior · (dump factor · Bayes factor)^1.3
//! none     = 5 Σ prior / (5 Σ prior + Σ_k weight_k)           here with the factor that allows for rare errors
//! PIP_j    = (1 − none) · weight_j / Σ_k weight_k             here with the factor that compares drivers
//! ```
//!
//! With the exponent and the 5 both at 1, suspects given 0.4 to 0.9 are guilty more often than that, probably because
//! each step before leans to caution. The exponent takes that back; the 5 then keeps the best of hundreds of groups, which
//! stands out a little by chance, from growing with it where nobody is guilty.
//!
//! The credible set holds the fewest groups that together have 95 % of what "no driver" leaves.

use crate::calibration::Weighed;
use crate::dumps::NamingRates;
use crate::examine::Group;
use crate::numerics::add_logarithms;
use crate::tally::{Tally, index};

/// By what evidence, as a logarithm, is multiplied; and how many times all groups together "no driver" weighs.
///
/// Both by the log loss of suspects, summed over each of 650 fleets with development seeds: the first 20 of every scenario
/// but all-20000, 20 more of the nine core ones, 10 more of rollback. Fleets with and without a culprit weigh the same. The
/// mean loss fell from 0.383 to 0.312 with counts, from 0.323 to 0.255 with dumps, from 0.314 to 0.247 with dumps and
/// sites, against both at 1. Exponents from 1.25 to 1.4 with 4 to 6 cost at most 0.015 more; an exponent for counts alone
/// costs 0.007 and 0.016 with dumps, so that both have the same. The exponent without the 5 makes it worse with counts.
const SHARPNESS: f64 = 1.3;
const NONE_ODDS: f64 = 5.0;

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
    /// Of groups with their evidence.
    pub(crate) fn of(groups: &[&Group], evidence: &[Evidence]) -> Self {
        let all: f64 = NONE_ODDS * groups.iter().map(|group| group.weight()).sum::<f64>();
        let weights = |counts: fn(&Weighed) -> f64| -> Vec<f64> {
            let both = groups.iter().zip(evidence);
            both.map(|(group, evidence)| {
                group.weight().ln() + SHARPNESS * (counts(&evidence.counts) + evidence.dumps)
            })
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

#[cfg(test)]
mod tests {
    use super::{Evidence, NONE_ODDS, Posterior, SHARPNESS};
    use crate::calibration::Weighed;
    use crate::examine::Group;

    /// Groups of one member each with these Bayes factors and prior weight 1.
    fn posterior(factors: &[f64], dumps: f64) -> Posterior {
        let groups: Vec<Group> = (0..)
            .zip(factors)
            .map(|(number, _)| Group::of_one(number))
            .collect();
        let evidence: Vec<Evidence> = factors
            .iter()
            .map(|factor| Evidence {
                counts: Weighed {
                    against_none: factor.ln(),
                    against_others: factor.ln(),
                },
                dumps: dumps.ln(),
            })
            .collect();
        Posterior::of(&groups.iter().collect::<Vec<_>>(), &evidence)
    }

    #[test]
    fn evidence_counts_more_than_it_says_and_nobody_more_than_everybody() {
        let one = posterior(&[1.0, 1.0, 100.0], 1.0);
        let weight = 100.0_f64.powf(SHARPNESS);
        assert!((one.none - 3.0 * NONE_ODDS / (3.0 * NONE_ODDS + 2.0 + weight)).abs() < 1e-12);
        assert!((one.probabilities[2] / one.probabilities[0] - weight).abs() < 1e-6);
        assert_eq!(one.order[0], 2);
    }

    #[test]
    fn dumps_count_as_much_as_counts() {
        let [by_counts, by_dumps] = [posterior(&[50.0], 2.0), posterior(&[2.0], 50.0)];
        assert!((by_counts.none - by_dumps.none).abs() < 1e-12);
    }

    #[test]
    fn without_evidence_probably_nobody_is_guilty_and_the_set_holds_nearly_all() {
        let calm = posterior(&[1.0; 100], 1.0);
        assert!((calm.none - NONE_ODDS / (1.0 + NONE_ODDS)).abs() < 1e-12);
        assert!((95..=96).contains(&calm.credible), "{}", calm.credible);
    }
}
