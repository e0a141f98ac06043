//! Which word a verdict deserves.

use super::{Effect, Suspect, Word};

/// With fewer crashing machines than this nothing is said at all.
pub(super) const FEWEST_CASES: usize = 5;

/// With fewer machine-days than this nothing is said at all: the shares are not known well enough.
pub(super) const FEWEST_MACHINE_DAYS: f64 = 500.0;

/// Probability of a likely cause.
const LIKELY: f64 = 0.95;

/// Machines that must have crashed with a likely cause.
const LIKELY_CASES: usize = 20;

/// Probability of "no driver" below which a larger set is still worth a word.
const ASSOCIATED: f64 = 0.25;

/// A credible set with more suspects than this is nothing that anybody could act on.
const MOST_SUSPECTS: usize = 10;

/// The strongest word that any effect deserves.
pub(super) fn of(effects: &[Effect], suspects: &[Suspect]) -> Word {
    let words = effects.iter().map(|effect| of_effect(effect, suspects));
    words.max().unwrap_or(Word::NoDriverExplainsThis)
}

fn of_effect(effect: &Effect, suspects: &[Suspect]) -> Word {
    if effect.none_probability >= 0.5 {
        return Word::NoDriverExplainsThis;
    }
    let lead = &suspects[effect.lead];
    if lead.probability >= LIKELY && lead.observed >= LIKELY_CASES {
        Word::LikelyCause
    } else if effect.credible_set.len() <= MOST_SUSPECTS {
        Word::SuspectSet
    } else if effect.none_probability < ASSOCIATED {
        Word::Associated
    } else {
        Word::NoDriverExplainsThis
    }
}
