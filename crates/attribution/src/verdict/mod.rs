//! What may be said of a stop code, with probabilities.
//!
//! [`verdict`] is pure and deterministic, and answers whatever the input is.

mod assemble;
mod effects;
mod word;

pub use assemble::verdict;

use crate::rate_ratio::RateRatio;
use crate::rates::Rollback;

/// What may be said of a stop code, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word {
    /// Too few cases or machine-days.
    TooLittleData,
    /// Enough data, and nothing that machines have explains who crashes.
    NoDriverExplainsThis,
    /// Something stands out, and too much else might be behind it.
    Associated,
    /// A small set holds the culprit with 95 % probability, if there is one, and there probably is.
    SuspectSet,
    /// One suspect has at least 95 % probability and 20 crashing machines.
    LikelyCause,
    /// Proven; never said by [`verdict`], only by [`confirm`].
    Confirmed,
}

/// What can confirm a culprit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Proof {
    /// Dumps of stop code 0xCB that name it: Windows caught it with pages locked.
    NamedByWindows {
        /// How many.
        dumps: u64,
    },
    /// What happened when it was taken back.
    Rollback(Rollback),
}

/// The word for a stop code with this much proof of its first suspect: [`Word::Confirmed`], or the word as it is.
pub fn confirm(word: Word, proof: &Proof) -> Word {
    let confirmed = match proof {
        Proof::NamedByWindows { dumps } => *dumps > 0,
        Proof::Rollback(rollback) => rollback.proves(),
    };
    if confirmed { Word::Confirmed } else { word }
}

/// The answer for one stop code.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The strongest thing that may be said.
    pub word: Word,
    /// Probability that no candidate explains the cases; `None` if there is too little data.
    pub none_probability: Option<f64>,
    /// Spread of the log rate ratios that innocent candidates show by mere confounding.
    pub systematic_error: f64,
    /// Culprits that were found one after the other. The first is there whenever there is enough data; each further one
    /// only if there probably is one more.
    pub effects: Vec<Effect>,
    /// Everything that can be told apart and that some case had, most suspicious first.
    pub suspects: Vec<Suspect>,
}

/// One culprit, as far as it can be pinned down.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// Probability that there is none (beside those found before).
    pub none_probability: f64,
    /// Indices into [`Verdict::suspects`]: the fewest that hold the culprit with 95 % probability, if there is one.
    pub credible_set: Vec<usize>,
    /// Index of the most probable one.
    pub lead: usize,
}

/// A candidate, several that the counts cannot tell apart, or a run of versions.
#[derive(Debug, Clone, PartialEq)]
pub struct Suspect {
    /// Indices into [`candidates`](crate::counts::Counts::candidates), ascending.
    pub members: Vec<u32>,
    /// How the members belong together.
    pub scope: Scope,
    /// Index into [`Verdict::effects`] of the culprit that it may be, if it is in a credible set.
    pub effect: Option<usize>,
    /// Probability that it is that culprit; for suspects in no credible set that it is the first.
    pub probability: f64,
    /// Whether it is in the credible set of an effect.
    pub in_credible_set: bool,
    /// Machines that crashed while they had it.
    pub observed: usize,
    /// Crashing machines expected if it played no part, by its share of all machine-days.
    pub expected: f64,
    /// Lower bound of the shrunk log2 ratio of the two.
    pub ic025: f64,
    /// Evidence of the counts, as log10 of the Bayes factor against playing no part.
    pub bayes_factor_log10: f64,
    /// Evidence of the dumps, likewise.
    pub dump_factor_log10: f64,
    /// Rate ratio within strata (Mantel–Haenszel); `None` if it has no value.
    pub rate_ratio: Option<RateRatio>,
    /// Days on which machines had it.
    pub machine_days: f64,
}

/// How the members of a suspect belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// One driver version; or several of different drivers, perhaps with a build, that cannot be told apart.
    Version,
    /// All versions of one driver from one on.
    AtLeast {
        /// The driver.
        driver: i32,
        /// Rank of the oldest of the versions.
        order: u32,
    },
    /// A build of Windows.
    OsBuild(i32),
}

#[cfg(test)]
mod tests;
