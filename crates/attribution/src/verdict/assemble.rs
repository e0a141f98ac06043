//! The verdict, put together from its parts.

use std::f64::consts::LN_10;

use super::effects::{Search, searches};
use super::word::{self, FEWEST_CASES, FEWEST_MACHINE_DAYS};
use super::{Effect, Scope, Suspect, Verdict, Word};
use crate::calibration::SystematicError;
use crate::counts::Counts;
use crate::evidence::Likelihood;
use crate::examine::{self, Group};
use crate::likelihood::{Cases, Curve};
use crate::tally::Tally;

/// The verdict on a stop code.
pub fn verdict(counts: &Counts) -> Verdict {
    let tally = Tally::of(counts);
    if tally.cases.len() < FEWEST_CASES || tally.machine_days < FEWEST_MACHINE_DAYS {
        return too_little_data();
    }
    let groups = examine::groups(&tally);
    let everything: Vec<&Group> = groups.iter().collect();
    let curves = examine::curves(&tally, &Cases::unexplained(&tally), &everything);
    let controls: Vec<Likelihood> = groups
        .iter()
        .zip(&curves)
        .filter(|(group, _)| group.scope == Scope::Version)
        .map(|(_, curve)| Likelihood::of(curve))
        .collect();
    let systematic_error = SystematicError::learn(&controls);
    let (groups, curves): (Vec<Group>, Vec<Curve>) = groups
        .into_iter()
        .zip(curves)
        .filter(|(group, _)| !group.cases.is_empty() && group.weight() > 0.0)
        .unzip();
    if groups.is_empty() {
        return too_little_data();
    }
    let searches = searches(&tally, &groups, curves, &systematic_error);
    assemble(&groups, &searches, systematic_error.spread())
}

fn too_little_data() -> Verdict {
    Verdict {
        word: Word::TooLittleData,
        none_probability: None,
        systematic_error: 0.0,
        effects: Vec::new(),
        suspects: Vec::new(),
    }
}

fn assemble(groups: &[Group], searches: &[Search], systematic_error: f64) -> Verdict {
    let findings = findings(groups.len(), searches);
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by(|one, other| findings[*one].before(&findings[*other]));
    let mut place_of = vec![0; groups.len()];
    for (place, group) in order.iter().enumerate() {
        place_of[*group] = place;
    }
    let suspects: Vec<Suspect> = order
        .iter()
        .map(|group| suspect(&groups[*group], &findings[*group]))
        .collect();
    let effects: Vec<Effect> = searches.iter().map(|search| effect(search, &place_of)).collect();
    Verdict {
        word: word::of(&effects, &suspects),
        none_probability: effects.first().map(|effect| effect.none_probability),
        systematic_error,
        effects,
        suspects,
    }
}

/// What the searches say of one group.
#[derive(Debug, Clone, Copy)]
struct Finding {
    effect: Option<usize>,
    probability: f64,
    /// Place in the order of its search.
    rank: usize,
    bayes_factor: f64,
    dump_factor: f64,
}

impl Finding {
    fn before(&self, other: &Finding) -> std::cmp::Ordering {
        let probability = other.probability.total_cmp(&self.probability);
        probability.then(self.rank.cmp(&other.rank))
    }
}

/// For each group, what the search says in whose credible set it is; or else the first.
fn findings(groups: usize, searches: &[Search]) -> Vec<Finding> {
    let nothing = Finding {
        effect: None,
        probability: -1.0,
        rank: 0,
        bayes_factor: 0.0,
        dump_factor: 0.0,
    };
    let mut findings = vec![nothing; groups];
    for (number, search) in searches.iter().enumerate() {
        for (rank, place) in search.posterior.order.iter().enumerate() {
            let finding = &mut findings[search.groups[*place]];
            let credible = rank < search.posterior.credible;
            let probability = search.posterior.probabilities[*place];
            let better = credible && (finding.effect.is_none() || probability > finding.probability);
            if number == 0 || better {
                *finding = Finding {
                    effect: credible.then_some(number),
                    probability,
                    rank,
                    bayes_factor: search.evidence[*place].counts.against_none,
                    dump_factor: search.evidence[*place].dumps,
                };
            }
        }
    }
    findings
}

fn effect(search: &Search, place_of: &[usize]) -> Effect {
    let posterior = &search.posterior;
    let credible_set: Vec<usize> = posterior
        .credible_set()
        .iter()
        .map(|place| place_of[search.groups[*place]])
        .collect();
    Effect {
        none_probability: posterior.none,
        lead: credible_set.first().copied().unwrap_or(0),
        credible_set,
    }
}

fn suspect(group: &Group, finding: &Finding) -> Suspect {
    Suspect {
        members: group.members.clone(),
        scope: group.scope,
        effect: finding.effect,
        probability: finding.probability,
        in_credible_set: finding.effect.is_some(),
        observed: group.cases.len(),
        expected: group.expected,
        ic025: group.ic025(),
        bayes_factor_log10: finding.bayes_factor / LN_10,
        dump_factor_log10: finding.dump_factor / LN_10,
        rate_ratio: group.rate_ratio,
        machine_days: group.machine_days,
    }
}
