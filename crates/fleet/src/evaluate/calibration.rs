//! Whether probabilities mean what they say: of suspects given about 0.7, seven in ten should be guilty.
//!
//! Runs with a culprit and runs without one weigh the same in total, as when the method's constants were fitted: nobody
//! knows how many real stop codes have a culprit. The large fleet is left out, as it is the same as another scenario.

use serde::Serialize;

use super::baselines::float;
use super::judge::Judged;
use super::scenario::Class;

/// Number of bins between 0 and 1.
const BINS: usize = 10;
/// Suspects below which a bin says nothing.
const FEWEST: usize = 50;

/// Suspects whose probability is in one tenth.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Bin {
    pub(crate) suspects: usize,
    /// Weighted mean of the probabilities.
    pub(crate) said: f64,
    /// Weighted share that is guilty.
    pub(crate) guilty: f64,
}

impl Bin {
    /// Whether there are enough suspects in it to judge.
    pub(crate) fn is_judged(&self) -> bool {
        self.suspects >= FEWEST
    }

    /// How far off it is.
    pub(crate) fn error(&self) -> f64 {
        (self.said - self.guilty).abs()
    }
}

/// The bins of one kind of evidence.
pub(crate) fn calibration(runs: &[(Class, &Judged)]) -> Vec<Bin> {
    let counted: Vec<_> = runs.iter().filter(|(class, _)| *class != Class::Large).collect();
    let planted = counted.iter().filter(|(class, _)| class.is_planted()).count();
    let weights = [counted.len() - planted, planted].map(|runs| 0.5 / float(runs.max(1)));
    let mut bins = [Bin::default(); BINS];
    let mut totals = [0.0; BINS];
    for (class, judged) in counted {
        let weight = weights[usize::from(class.is_planted())];
        for (probability, guilty) in &judged.probabilities {
            let place = (1..BINS).find(|edge| *probability < float(*edge) / float(BINS));
            let place = place.unwrap_or(BINS) - 1;
            bins[place].suspects += 1;
            bins[place].said += weight * probability;
            bins[place].guilty += if *guilty { weight } else { 0.0 };
            totals[place] += weight;
        }
    }
    for (bin, total) in bins.iter_mut().zip(totals) {
        if total > 0.0 {
            bin.said /= total;
            bin.guilty /= total;
        }
    }
    bins.to_vec()
}

#[cfg(test)]
mod tests {
    use attribution::verdict::Word;

    use super::calibration;
    use crate::evaluate::judge::Judged;
    use crate::evaluate::scenario::Class;

    fn judged(probabilities: Vec<(f64, bool)>) -> Judged {
        Judged {
            word: Word::SuspectSet,
            place: None,
            lead: None,
            set: None,
            found: 0,
            later: [0, 0],
            probabilities,
        }
    }

    #[test]
    fn runs_with_and_without_a_culprit_weigh_the_same() {
        let right = judged(vec![(0.72, true)]);
        let wrong = judged(vec![(0.78, false)]);
        let runs = [
            (Class::Core, &right),
            (Class::Core, &right),
            (Class::Null, &wrong),
        ];
        let bin = calibration(&runs)[7];
        assert_eq!(bin.suspects, 3);
        assert!((bin.guilty - 0.5).abs() < 1e-9);
        assert!((bin.said - 0.75).abs() < 1e-9);
    }
}
