//! From a likelihood curve to a Bayes factor that allows for systematic error.
//!
//! Shares within model, week and site do not balance everything, so that even an innocent candidate seems to have some
//! effect b. With systematic error of spread τ an effect β shows as b ~ N(β, τ²):
//!
//! ```text
//! L̃(β | τ) = ∫ L(b) N(b; β, τ²) db
//! BF       = mean over rate ratios 2, 3.5, 6, 10, 18, 32, 60 of L̃(ln ratio)  /  L̃(0)
//! ```
//!
//! How τ is found, and L̃ without a τ, is for [`calibration`](crate::calibration). The integral is a sum over a grid eight
//! times finer than the curve's, between whose points the curve is a spline.

use crate::likelihood::{Curve, LOWEST, POINTS, STEP};
use crate::numerics::spline::Spline;
use crate::numerics::{add_logarithms, as_number};

/// Rate ratios that a culprit may have, each as probable as the others.
const RATE_RATIOS: [f64; 7] = [2.0, 3.5, 6.0, 10.0, 18.0, 32.0, 60.0];

/// Points of the fine grid in one step of the curve's.
const PARTS: usize = 8;
const FINE_POINTS: usize = (POINTS - 1) * PARTS + 1;

/// Likelihoods further apart than e to this are added by their logarithms; numbers of an `f64` would run out.
const WIDEST_RANGE: f64 = 600.0;

/// A likelihood on the fine grid.
pub(crate) struct Likelihood {
    /// Logarithm of the greatest value.
    greatest: f64,
    logarithms: Vec<f64>,
    /// Values as shares of the greatest; empty if the range is too wide.
    shares: Vec<f64>,
}

impl Likelihood {
    pub(crate) fn of(curve: &Curve) -> Self {
        let spline = Spline::through(curve);
        let logarithms: Vec<f64> = (0..FINE_POINTS)
            .map(|point| spline.at(point / PARTS, as_number(point % PARTS) / as_number(PARTS)))
            .collect();
        let greatest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let least = logarithms.iter().copied().fold(f64::INFINITY, f64::min);
        let shares = if greatest - least < WIDEST_RANGE {
            logarithms
                .iter()
                .map(|logarithm| (logarithm - greatest).exp())
                .collect()
        } else {
            Vec::new()
        };
        Likelihood {
            greatest,
            logarithms,
            shares,
        }
    }
}

/// What a spread of the systematic error makes of likelihoods.
pub(crate) struct Blur {
    no_effect: Kernel,
    effects: [Kernel; RATE_RATIOS.len()],
}

/// Logarithms of L̃ without effect and of its mean over the effects.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blurred {
    pub(crate) innocent: f64,
    pub(crate) guilty: f64,
}

impl Blur {
    pub(crate) fn of_spread(spread: f64) -> Self {
        Blur {
            no_effect: Kernel::around(0.0, spread),
            effects: RATE_RATIOS.map(|ratio| Kernel::around(ratio.ln(), spread)),
        }
    }

    pub(crate) fn apply(&self, likelihood: &Likelihood) -> Blurred {
        let effects = self.effects.each_ref().map(|kernel| kernel.apply(likelihood));
        Blurred {
            innocent: self.no_effect.apply(likelihood),
            guilty: add_logarithms(effects.into_iter()) - as_number(RATE_RATIOS.len()).ln(),
        }
    }
}

/// The normal density on the fine grid, with sum 1.
struct Kernel {
    weights: Vec<f64>,
    logarithms: Vec<f64>,
}

impl Kernel {
    fn around(centre: f64, spread: f64) -> Self {
        let fine_step = STEP / as_number(PARTS);
        let densities = (0..FINE_POINTS).map(|point| {
            let distance = (LOWEST + fine_step * as_number(point) - centre) / spread;
            -0.5 * distance * distance
        });
        let whole = add_logarithms(densities.clone());
        let logarithms: Vec<f64> = densities.map(|density| density - whole).collect();
        Kernel {
            weights: logarithms.iter().map(|logarithm| logarithm.exp()).collect(),
            logarithms,
        }
    }

    /// The logarithm of the likelihood's mean under the density.
    fn apply(&self, likelihood: &Likelihood) -> f64 {
        if likelihood.shares.is_empty() {
            let both = self.logarithms.iter().zip(&likelihood.logarithms);
            return add_logarithms(both.map(|(weight, value)| weight + value));
        }
        let products = self.weights.iter().zip(&likelihood.shares);
        let mean: f64 = products.map(|(weight, share)| weight * share).sum();
        mean.max(f64::MIN_POSITIVE).ln() + likelihood.greatest
    }
}

#[cfg(test)]
mod tests {
    use super::{Blur, Likelihood};
    use crate::likelihood::effects;
    use crate::numerics::fixture;

    /// Figures of scipy 1.17.1, by adaptive quadrature: `blurred` in `fixtures/oracle.py`.
    #[test]
    fn blurred_likelihoods_agree_with_scipy() {
        let curve = effects().map(|effect| -(effect - 1.2).powi(2) / 0.5);
        let likelihood = Likelihood::of(&curve);
        for [spread, innocent, guilty] in fixture(include_str!("../fixtures/blurred.tsv")) {
            let ours = Blur::of_spread(spread).apply(&likelihood);
            assert!((ours.innocent - innocent).abs() < 1e-3, "{spread}: {ours:?}");
            assert!((ours.guilty - guilty).abs() < 1e-3, "{spread}: {ours:?}");
        }
    }

    #[test]
    fn a_likelihood_of_many_cases_is_added_by_its_logarithms() {
        let curve = effects().map(|effect| -2000.0 * (effect - 1.2).powi(2));
        let blurred = Blur::of_spread(0.2).apply(&Likelihood::of(&curve));
        // All of it is at 1.2, six spreads from no effect and little more than half of one from a ratio of 3.5.
        assert!(blurred.innocent.is_finite() && blurred.guilty.is_finite());
        assert!(
            (15.0..18.0).contains(&(blurred.guilty - blurred.innocent)),
            "{blurred:?}"
        );
    }
}
