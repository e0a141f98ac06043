//! How large the systematic error is, learnt from the candidates themselves: nearly all of them are innocent.
//!
//! ```text
//! τ̂ maximises  0.3 · Σ_j ln [ 0.98 L̃_j(0 | τ) + 0.02 · mean_β L̃_j(β | τ) ]  −  ½ (τ / ½)²
//! ```
//!
//! The sum is over informative drivers; each is a culprit with probability 0.02. They come in bundles and so repeat each
//! other, hence the 0.3. Without this step more data would make the verdict surer of confounders.

use crate::evidence::{Blur, Likelihood};
use crate::numerics::add_logarithms;

/// Spreads that are tried.
const SPREADS: [f64; 12] = [0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.2, 1.5];

/// Probability that a driver is a culprit, as far as the controls go.
const CULPRIT_SHARE: f64 = 0.02;

/// What a driver counts among others that are installed with it.
const INDEPENDENCE: f64 = 0.3;

/// Spread of the normal prior of τ.
const PRIOR_SPREAD: f64 = 0.5;

/// τ̂ from the likelihoods of informative drivers, and how it blurs them.
pub(crate) fn systematic_error(controls: &[Likelihood]) -> (f64, Blur) {
    let mut best = (f64::NEG_INFINITY, SPREADS[0], Blur::of_spread(SPREADS[0]));
    for spread in SPREADS {
        let blur = Blur::of_spread(spread);
        let fit: f64 = controls.iter().map(|control| fit(&blur, control)).sum();
        let fit = INDEPENDENCE * fit - 0.5 * (spread / PRIOR_SPREAD).powi(2);
        if fit > best.0 {
            best = (fit, spread, blur);
        }
    }
    (best.1, best.2)
}

fn fit(blur: &Blur, control: &Likelihood) -> f64 {
    let blurred = blur.apply(control);
    let innocent = (1.0 - CULPRIT_SHARE).ln() + blurred.innocent;
    let guilty = CULPRIT_SHARE.ln() + blurred.guilty;
    add_logarithms([innocent, guilty].into_iter())
}
