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

/// Points at which the naming rate is integrated, in equal steps of its log odds from `LEAST_LOG_ODDS` to minus that.
const RATE_POINTS: usize = 64;
const LEAST_LOG_ODDS: f64 = -11.0;

/// Logarithms of the probabilities that a dump names the candidate, and that it does not.
#[derive(Debug, Clone, Copy)]
struct Odds {
    named: f64,
    unnamed: f64,
}

impl Odds {
    fn of(rate: f64) -> Self {
        Odds {
            named: rate.ln(),
            unnamed: (-rate).ln_1p(),
        }
    }

    fn of_dumps(self, named: f64, unnamed: f64) -> f64 {
        named * self.named + unnamed * self.unnamed
    }
}

/// A naming rate at which the integral is taken: innocent, and guilty for each probability of [`SHOWN`].
#[derive(Debug, Clone, Copy)]
struct RatePoint {
    innocent: Odds,
    guilty: [Odds; SHOWN.len()],
}

impl RatePoint {
    fn at(rate: f64) -> Self {
        RatePoint {
            innocent: Odds::of(rate),
            guilty: SHOWN.map(|(shown, _)| Odds::of(rate + (1.0 - rate) * shown)),
        }
    }
}

/// Naming rates of all candidates.
pub(crate) struct NamingRates {
    mean: f64,
    /// Named and dumps of all versions together, by driver.
    of_drivers: BTreeMap<i32, [f64; 2]>,
    points: Vec<RatePoint>,
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
        let step = -2.0 * LEAST_LOG_ODDS / as_number(RATE_POINTS - 1);
        let log_odds = |point: usize| LEAST_LOG_ODDS + step * as_number(point);
        let points = (0..RATE_POINTS).map(|point| RatePoint::at(1.0 / (1.0 + (-log_odds(point)).exp())));
        NamingRates {
            mean: all[0] / all[1],
            of_drivers,
            points: points.collect(),
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
        let mut innocent = Vec::with_capacity(RATE_POINTS);
        let mut guilty = Vec::with_capacity(RATE_POINTS * SHOWN.len());
        for point in &self.points {
            // The density of the log odds, which is that of q times q (1 − q).
            let density = point.innocent.of_dumps(a, b);
            innocent.push(density + point.innocent.of_dumps(named, unnamed));
            for (odds, (_, weight)) in point.guilty.iter().zip(SHOWN) {
                guilty.push(density + weight.ln() + odds.of_dumps(named, unnamed));
            }
        }
        add_logarithms(guilty.into_iter()) - add_logarithms(innocent.into_iter())
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
    fn what_nearly_every_dump_names_is_not_incriminated_by_one_more() {
        let factor = factor((950, 1000), (670, 704));
        assert!(factor < 0.5, "{factor}");
    }

    #[test]
    fn without_dumps_nothing_is_said() {
        assert!(factor((5, 10), (0, 0)) == 0.0);
    }
}
