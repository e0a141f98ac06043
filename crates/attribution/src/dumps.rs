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
//! them. What is known of a driver's other versions counts for half. Other stop codes are not quite this one, hence no
//! more than [`MOST_DUMPS`] of them count.

use std::collections::BTreeMap;

use crate::counts::{Candidate, Counts, Feature};
use crate::numerics::{add_logarithms, as_number};

/// Dumps that the mean naming rate weighs.
const SHRINKAGE_DUMPS: f64 = 10.0;

/// What a dump of a machine with another version of the driver counts.
const OTHER_VERSION: f64 = 0.5;

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
    /// Named and dumps of all versions together, by driver.
    of_drivers: BTreeMap<i32, [f64; 2]>,
    rates: Vec<f64>,
}

impl NamingRates {
    pub(crate) fn of(counts: &Counts) -> Self {
        let mut all = [0.5, 20.0];
        let mut of_drivers: BTreeMap<i32, [f64; 2]> = BTreeMap::new();
        for candidate in &counts.candidates {
            let own = own_naming(candidate);
            if let Feature::Driver { driver, .. } = candidate.feature {
                add(of_drivers.entry(driver).or_default(), own, 1.0);
            }
            add(&mut all, own, 1.0);
        }
        let ratio = (GREATEST_RATE / LEAST_RATE).ln() / as_number(RATE_POINTS - 1);
        let rates = (0..RATE_POINTS).map(|point| LEAST_RATE * (ratio * as_number(point)).exp());
        NamingRates {
            mean: (all[0] / all[1]).clamp(LEAST_RATE, GREATEST_RATE),
            of_drivers,
            rates: rates.collect(),
        }
    }

    /// The parameters of the distribution of q.
    fn distribution(&self, candidate: &Candidate) -> (f64, f64) {
        let own = own_naming(candidate);
        let mut known = own;
        if let Feature::Driver { driver, .. } = candidate.feature
            && let Some(whole) = self.of_drivers.get(&driver)
        {
            add(&mut known, [whole[0] - own[0], whole[1] - own[1]], OTHER_VERSION);
        }
        let scale = (MOST_DUMPS / known[1].max(1.0)).min(1.0);
        let [named, dumps] = known.map(|number| number * scale);
        let a = named + SHRINKAGE_DUMPS * self.mean;
        let b = dumps - named + SHRINKAGE_DUMPS * (1.0 - self.mean);
        (a, b)
    }

    /// The natural logarithm of the factor for a candidate that `named` of `dumps` dumps name.
    pub(crate) fn factor(&self, candidate: &Candidate, named: usize, dumps: usize) -> f64 {
        if dumps == 0 {
            return 0.0;
        }
        let (a, b) = self.distribution(candidate);
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

/// Dumps that name the candidate, and all that could.
fn own_naming(candidate: &Candidate) -> [f64; 2] {
    let naming = candidate.named_elsewhere;
    [f64::from(naming.named.min(naming.dumps)), f64::from(naming.dumps)]
}

fn add(sum: &mut [f64; 2], more: [f64; 2], weight: f64) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += more * weight;
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
        NamingRates::of(&counts).factor(&counts.candidates[0], here.0, here.1)
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
