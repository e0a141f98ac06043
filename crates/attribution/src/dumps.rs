//! What dumps say: how much more probable it is that they name a candidate if it is to blame.
//!
//! Of the n cases with a dump that had the candidate, k name it. Innocent, it is named with the probability q with which
//! dumps of other stop codes name it; to blame, also with the probability c that this kind of crash shows its culprit:
//!
//! ```text
//! innocent   q^k (1 − q)^(n−k)                        q ~ Beta(named + s q̄, dumps − named + s (1 − q̄))
//! guilty     r^k (1 − r)^(n−k),  r = q + (1 − q) c    c on a grid
//! factor     = E[guilty] / E[innocent]
//! ```
//!
//! q̄ is the mean over all candidates. The usual bystanders are named everywhere, so that being named says nothing of
//! them. Other stop codes are not quite this one, hence no more than [`MOST_DUMPS`] of them count.

use crate::counts::Counts;
use crate::numerics::{add_logarithms, as_number};

/// Dumps that the mean naming rate weighs.
const SHRINKAGE_DUMPS: f64 = 10.0;

/// Dumps of other stop codes that count at most; more are scaled down.
const MOST_DUMPS: f64 = 300.0;

/// Probabilities that a crash of this kind shows its culprit, and how probable each is. With 0x76 it is about 0.05.
const SHOWN: [(f64, f64); 8] = [
    (0.002, 0.15),
    (0.01, 0.15),
    (0.03, 0.2),
    (0.06, 0.2),
    (0.12, 0.12),
    (0.25, 0.08),
    (0.5, 0.06),
    (0.8, 0.04),
];

/// Points at which the naming rate is integrated, from `LEAST_RATE` to 0.9 in equal ratios.
const RATE_POINTS: usize = 48;
const LEAST_RATE: f64 = 1e-5;
const GREATEST_RATE: f64 = 0.9;

/// Naming rates of all candidates.
pub(crate) struct NamingRates {
    mean: f64,
    rates: Vec<f64>,
}

impl NamingRates {
    pub(crate) fn of(counts: &Counts) -> Self {
        let (mut named, mut dumps) = (0.5, 20.0);
        for candidate in &counts.candidates {
            let naming = candidate.named_elsewhere;
            named += f64::from(naming.named.min(naming.dumps));
            dumps += f64::from(naming.dumps);
        }
        let ratio = (GREATEST_RATE / LEAST_RATE).ln() / as_number(RATE_POINTS - 1);
        let rates = (0..RATE_POINTS).map(|point| LEAST_RATE * (ratio * as_number(point)).exp());
        NamingRates {
            mean: (named / dumps).clamp(LEAST_RATE, GREATEST_RATE),
            rates: rates.collect(),
        }
    }

    /// The natural logarithm of the factor for a candidate that `named` of `dumps` dumps name.
    pub(crate) fn factor(&self, counts: &Counts, candidate: u32, named: usize, dumps: usize) -> f64 {
        if dumps == 0 {
            return 0.0;
        }
        let elsewhere = counts.candidates[crate::tally::index(candidate)].named_elsewhere;
        let all = f64::from(elsewhere.dumps);
        let scale = (MOST_DUMPS / all.max(1.0)).min(1.0);
        let named_elsewhere = f64::from(elsewhere.named.min(elsewhere.dumps)) * scale;
        let a = named_elsewhere + SHRINKAGE_DUMPS * self.mean;
        let b = all * scale - named_elsewhere + SHRINKAGE_DUMPS * (1.0 - self.mean);
        let (named, unnamed) = (as_number(named), as_number(dumps.saturating_sub(named)));
        // The density of ln q, which is that of q times q.
        let density = |q: f64| a * q.ln() + (b - 1.0) * (-q).ln_1p();
        let innocent = |q: f64| density(q) + named * q.ln() + unnamed * (-q).ln_1p();
        let guilty = |q: f64, (shown, weight): (f64, f64)| {
            let rate = q + (1.0 - q) * shown;
            weight.ln() + density(q) + named * rate.ln() + unnamed * (-rate).ln_1p()
        };
        let both = self
            .rates
            .iter()
            .flat_map(|q| SHOWN.map(|shown| guilty(*q, shown)));
        add_logarithms(both) - add_logarithms(self.rates.iter().map(|q| innocent(*q)))
    }
}

#[cfg(test)]
mod tests {
    use super::NamingRates;
    use crate::counts::{Candidate, Counts, Feature, Naming, Origin};

    fn counts(named: u32, dumps: u32) -> Counts {
        let candidate = |naming| Candidate {
            feature: Feature::OsBuild(1),
            origin: Origin::Unknown,
            changed_recently: false,
            machine_days: Vec::new(),
            named_elsewhere: naming,
        };
        Counts {
            candidates: vec![
                candidate(Naming { named, dumps }),
                candidate(Naming {
                    named: 10,
                    dumps: 1000,
                }),
            ],
            ..Counts::default()
        }
    }

    fn factor(elsewhere: (u32, u32), here: (usize, usize)) -> f64 {
        let counts = counts(elsewhere.0, elsewhere.1);
        NamingRates::of(&counts).factor(&counts, 0, here.0, here.1)
    }

    #[test]
    fn being_named_incriminates_what_is_never_named_elsewhere() {
        assert!(factor((0, 1000), (2, 30)) > 20.0_f64.ln());
    }

    #[test]
    fn being_named_as_often_as_elsewhere_says_hardly_anything() {
        assert!(factor((100, 1000), (3, 30)).abs() < 1.5_f64.ln());
    }

    #[test]
    fn never_being_named_exonerates_a_little() {
        let factor = factor((0, 1000), (0, 30));
        assert!(factor < 0.0 && factor > 0.2_f64.ln(), "{factor}");
    }

    #[test]
    fn without_dumps_nothing_is_said() {
        assert!(factor((5, 10), (0, 0)) == 0.0);
    }
}
