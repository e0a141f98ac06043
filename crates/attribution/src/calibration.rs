//! How large the systematic error is, learnt from the candidates themselves: nearly all of them are innocent.
//!
//! Most drivers are spread so that nothing distorts their likelihood; some go with a site or a kind of user that crashes
//! more for other reasons. So the error's spread is one of a few, and how often each of them occurs is learnt:
//!
//! ```text
//! L̃_j(β)   = Σ_τ ω_τ L̃_j(β | τ)
//! ω̂ maximises  0.3 · Σ_j ln Σ_τ ω_τ [ 0.98 L̃_j(0 | τ) + 0.02 · mean_β L̃_j(β | τ) ]  +  Σ_τ c_τ ln ω_τ
//! ```
//!
//! The sum is over drivers; each is a culprit with probability 0.02. They come in bundles and so repeat each other, hence
//! the 0.3. c are counts of imagined drivers, so that ω is their share where the data are too few to tell. The maximum is
//! found by expectation and maximisation in turns. Without this step more data would make the verdict surer of confounders.

use crate::evidence::{Blur, Blurred, Likelihood};
use crate::numerics::add_logarithms;

/// Spreads that an error may have, and imagined drivers with each.
const SPREADS: [(f64, f64); 4] = [(0.1, 18.0), (0.3, 1.0), (0.6, 0.02), (1.0, 0.0002)];

/// Probability that a driver is a culprit, as far as the controls go.
const CULPRIT_SHARE: f64 = 0.02;

/// What a driver counts among others that are installed with it.
const INDEPENDENCE: f64 = 0.3;

/// Turns after which the shares hardly change.
const TURNS: usize = 60;

/// The systematic error's spreads and how often each occurs.
pub(crate) struct SystematicError {
    blurs: [Blur; SPREADS.len()],
    shares: [f64; SPREADS.len()],
}

/// The natural logarithms of two Bayes factors.
///
/// If nobody is guilty, a driver that stands out has an unusually large error, and that it might have one is what holds
/// the first factor down. If another driver is guilty, a bystander stands out because it comes with that one, not by any
/// error: the second factor, which compares drivers with each other, only knows the usual spread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weighed {
    pub(crate) against_none: f64,
    pub(crate) against_others: f64,
}

impl SystematicError {
    /// Learnt from the likelihoods of drivers.
    pub(crate) fn learn(controls: &[Likelihood]) -> Self {
        let mut error = SystematicError {
            blurs: SPREADS.map(|(spread, _)| Blur::of_spread(spread)),
            shares: SPREADS.map(|(_, imagined)| imagined),
        };
        let fits: Vec<[f64; SPREADS.len()]> = controls.iter().map(|control| error.fits(control)).collect();
        error.shares = as_shares(error.shares);
        for _ in 0..TURNS {
            let mut counted = SPREADS.map(|(_, imagined)| imagined);
            for fits in &fits {
                let mut weights = error.shares;
                weights
                    .iter_mut()
                    .zip(fits)
                    .for_each(|(weight, fit)| *weight *= fit);
                for (counted, share) in counted.iter_mut().zip(as_shares(weights)) {
                    *counted += INDEPENDENCE * share;
                }
            }
            error.shares = as_shares(counted);
        }
        error
    }

    /// How well each spread fits a driver, as a share of the best.
    fn fits(&self, control: &Likelihood) -> [f64; SPREADS.len()] {
        let logarithms = self.blurs.each_ref().map(|blur| {
            let Blurred { innocent, guilty } = blur.apply(control);
            add_logarithms([(1.0 - CULPRIT_SHARE).ln() + innocent, CULPRIT_SHARE.ln() + guilty].into_iter())
        });
        let best = logarithms.into_iter().fold(f64::NEG_INFINITY, f64::max);
        logarithms.map(|logarithm| (logarithm - best).exp())
    }

    /// The root mean square of the spreads.
    pub(crate) fn spread(&self) -> f64 {
        let squares = SPREADS
            .iter()
            .zip(self.shares)
            .map(|((spread, _), share)| share * spread * spread);
        squares.sum::<f64>().sqrt()
    }

    /// What a likelihood says once the error is allowed for.
    pub(crate) fn weigh(&self, likelihood: &Likelihood) -> Weighed {
        let blurred = self.blurs.each_ref().map(|blur| blur.apply(likelihood));
        let mut usual = (blurred[0], self.shares[0]);
        for (blurred, share) in blurred.iter().zip(self.shares) {
            if share > usual.1 {
                usual = (*blurred, share);
            }
        }
        let mean = |part: fn(&Blurred) -> f64| {
            let parts = blurred.iter().zip(self.shares);
            add_logarithms(parts.map(|(blurred, share)| share.ln() + part(blurred)))
        };
        Weighed {
            against_none: mean(|blurred| blurred.guilty) - mean(|blurred| blurred.innocent),
            against_others: usual.0.guilty - usual.0.innocent,
        }
    }
}

fn as_shares(numbers: [f64; SPREADS.len()]) -> [f64; SPREADS.len()] {
    let sum: f64 = numbers.iter().sum();
    numbers.map(|number| number / sum)
}

#[cfg(test)]
mod tests {
    use super::SystematicError;
    use crate::evidence::Likelihood;
    use crate::likelihood::effects;

    /// A driver whose effect is known to be this, give or take 0.1.
    fn measured(effect: f64) -> Likelihood {
        Likelihood::of(&effects().map(|at| -50.0 * (at - effect).powi(2)))
    }

    #[test]
    fn without_drivers_the_error_is_small() {
        let error = SystematicError::learn(&[]);
        assert!((0.1..0.2).contains(&error.spread()), "{}", error.spread());
    }

    #[test]
    fn scattered_drivers_make_an_effect_less_remarkable() {
        let calm: Vec<_> = (0..50).map(|_| measured(0.0)).collect();
        let scattered: Vec<_> = (-25..25).map(|step| measured(f64::from(step) / 25.0)).collect();
        let [calm, scattered] = [calm, scattered].map(|controls| SystematicError::learn(&controls));
        assert!(scattered.spread() > 0.3 && calm.spread() < 0.2);
        let suspect = measured(1.1);

        let [calm, scattered] = [calm, scattered].map(|error| error.weigh(&suspect).against_none);
        assert!(scattered < calm - 2.0, "{scattered} {calm}");
    }
}
