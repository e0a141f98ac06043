//! The simpler methods that others use, on the same fleets.
//!
//! Each gives every group of candidates a score; higher is more suspicious. Some also have a rule that accuses, so that it
//! can be seen how often it accuses somebody where nobody is guilty.

use attribution::counts::Counts;

use super::groups::{Group, aside_of, changed_of, groups};
use super::tally::Tally;

/// A way to rank suspects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Baseline {
    /// Cases that had it.
    CrashCount,
    /// Dumps of the stop code that name it.
    BlameCount,
    /// Its share among crashes of the stop code less its share among other crashes, as Mozilla's crash correlations.
    SupportDifference,
    /// The share of its machines that crashed.
    PercentCrashed,
    /// Observed to expected, shrunk, lower bound; expected by all machine-days.
    CrudeIc,
    /// The same; expected within hardware model and week.
    StrataIc,
    /// Machines that changed, compared with themselves.
    SelfControlled,
    /// Bayes factor of the conditional likelihood within hardware model and week.
    Conditional,
}

/// What one method made of one fleet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ranking {
    /// Members of the groups, most suspicious first.
    pub(crate) groups: Vec<Vec<u32>>,
    /// Whether its rule accuses somebody; `None` if it has no such rule.
    pub(crate) accuses: Option<bool>,
}

/// Machines below which a share of crashed machines is not looked at.
const FEWEST_MACHINES: f64 = 50.0;
/// Mozilla's thresholds: difference, association, and cases.
const DIFFERENCE: f64 = 0.15;
const PHI: f64 = 0.03;
const CASES: f64 = 5.0;
/// Rate ratios over which the Bayes factor averages.
const RATE_RATIOS: [f64; 8] = [1.5, 2.0, 3.0, 5.0, 8.0, 15.0, 30.0, 60.0];

impl Baseline {
    pub(crate) const ALL: [Baseline; 8] = [
        Baseline::CrashCount,
        Baseline::BlameCount,
        Baseline::SupportDifference,
        Baseline::PercentCrashed,
        Baseline::CrudeIc,
        Baseline::StrataIc,
        Baseline::SelfControlled,
        Baseline::Conditional,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Baseline::CrashCount => "crash count",
            Baseline::BlameCount => "stack blame count",
            Baseline::SupportDifference => "support difference",
            Baseline::PercentCrashed => "% machines crashed",
            Baseline::CrudeIc => "crude IC025",
            Baseline::StrataIc => "IC025 in strata",
            Baseline::SelfControlled => "self-controlled",
            Baseline::Conditional => "conditional BF",
        }
    }
}

/// Every baseline's ranking, in the order of [`Baseline::ALL`].
pub(crate) fn rank_all(tally: &Tally, seed: u64) -> Vec<Ranking> {
    let groups = groups(&tally.counts);
    let rank = |baseline| rank(tally, &groups, baseline, seed);
    Baseline::ALL.into_iter().map(rank).collect()
}

fn rank(tally: &Tally, groups: &[Group], baseline: Baseline, seed: u64) -> Ranking {
    // Equal scores come in an order that means nothing.
    let tie = |group: &Group| (group.first() as u64 ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut scored: Vec<(f64, &Group)> = groups
        .iter()
        .map(|group| (score(tally, group, baseline), group))
        .collect();
    scored.sort_by(|left, right| {
        let by_score = right.0.total_cmp(&left.0);
        by_score.then_with(|| tie(left.1).cmp(&tie(right.1)))
    });
    let best = scored.first().map_or(f64::MIN, |(score, _)| *score);
    let accuses = match baseline {
        Baseline::CrudeIc | Baseline::StrataIc => Some(best > 0.0),
        Baseline::SupportDifference => Some(groups.iter().any(|group| deviates(tally, group, groups.len()))),
        _ => None,
    };
    Ranking {
        groups: scored
            .into_iter()
            .map(|(_, group)| group.members.clone())
            .collect(),
        accuses,
    }
}

fn score(tally: &Tally, group: &Group, baseline: Baseline) -> f64 {
    let counts = &tally.counts;
    match baseline {
        Baseline::CrashCount => group.observed(),
        Baseline::BlameCount => blamed(counts, group),
        Baseline::SupportDifference => difference(tally, group),
        Baseline::PercentCrashed => {
            let machines = aside_of(&tally.aside.machines_with, group);
            if machines < FEWEST_MACHINES {
                0.0
            } else {
                group.observed() / machines
            }
        }
        Baseline::CrudeIc => {
            let all: f64 = counts.strata.iter().map(|stratum| stratum.machine_days).sum();
            ic025(
                group.observed(),
                float(counts.cases.len()) * group.machine_days / all,
            )
        }
        Baseline::StrataIc => ic025(group.observed(), group.share.iter().sum()),
        Baseline::SelfControlled => self_controlled(tally, group),
        Baseline::Conditional => conditional(group),
    }
}

/// Lower bound of the shrunk log2 ratio.
fn ic025(observed: f64, expected: f64) -> f64 {
    let shrunk = observed + 0.5;
    (shrunk / (expected + 0.5)).log2() - 3.3 / shrunk.sqrt() - 2.0 / shrunk.powf(1.5)
}

fn blamed(counts: &Counts, group: &Group) -> f64 {
    let named = |case: &&attribution::counts::Case| {
        let named = case.named.iter().flatten();
        named.into_iter().any(|name| group.members.contains(name))
    };
    float(counts.cases.iter().filter(named).count())
}

fn difference(tally: &Tally, group: &Group) -> f64 {
    let others = f64::from(tally.aside.other_crashes.max(1));
    let cases = float(tally.counts.cases.len()).max(1.0);
    group.observed() / cases - aside_of(&tally.aside.others_with, group) / others
}

/// Mozilla's rule: a difference that is large, significant after Bonferroni, and an association worth the name.
fn deviates(tally: &Tally, group: &Group, candidates: usize) -> bool {
    let with = [group.observed(), aside_of(&tally.aside.others_with, group)];
    let all = [
        float(tally.counts.cases.len()),
        f64::from(tally.aside.other_crashes),
    ];
    let (whole, with_all) = (all[0] + all[1], with[0] + with[1]);
    let spread = with_all * (whole - with_all) * all[0] * all[1];
    if spread <= 0.0 {
        return false;
    }
    let phi = (with[0] * (all[1] - with[1]) - with[1] * (all[0] - with[0])) / spread.sqrt();
    let chi_square = whole * phi * phi;
    with[0] >= CASES
        && difference(tally, group) >= DIFFERENCE
        && phi >= PHI
        && chi_square >= critical_chi_square(0.05 / 2.0 / float(candidates.max(1)))
}

/// The value that chi-square with one degree of freedom exceeds with this probability, by the tail's usual expansion.
fn critical_chi_square(probability: f64) -> f64 {
    let tail = |square: f64| {
        let root = square.sqrt();
        let density = (-square / 2.0).exp() / (root * (2.0 * std::f64::consts::PI).sqrt());
        2.0 * density * (1.0 - 1.0 / square + 3.0 / (square * square))
    };
    let (mut low, mut high) = (3.0, 60.0);
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if tail(middle) > probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

fn self_controlled(tally: &Tally, group: &Group) -> f64 {
    let own = changed_of(&tally.aside, group);
    let observed = own.iter().filter(|days| days.at_crash).count();
    ic025(float(observed), own.iter().map(|days| days.share).sum())
}

/// The logarithm of the Bayes factor, less that of the number of rate ratios.
fn conditional(group: &Group) -> f64 {
    let logs = RATE_RATIOS.map(|ratio| {
        let cases = group.at_case.iter().zip(&group.share);
        let each = cases.map(|(had, share)| {
            let share = share.clamp(0.0, 1.0);
            let own = if *had { ratio.ln() } else { 0.0 };
            own - (1.0 - share + share * ratio).ln()
        });
        each.sum::<f64>()
    });
    let largest = logs.into_iter().fold(f64::MIN, f64::max);
    largest + logs.iter().map(|log| (log - largest).exp()).sum::<f64>().ln()
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub(crate) fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::{critical_chi_square, ic025};

    /// The oracle is the usual table of chi-square with one degree of freedom.
    #[test]
    fn critical_values_are_those_of_the_tables() {
        for (probability, value) in [(0.01, 6.635), (0.001, 10.828), (0.0001, 15.137)] {
            let found = critical_chi_square(probability);
            assert!((found - value).abs() < 0.15, "{probability}: {found}");
        }
    }

    #[test]
    fn a_score_of_nothing_is_low() {
        assert!(ic025(0.0, 0.0) < -6.0);
        assert!(ic025(40.0, 5.0) > 1.5);
    }
}
