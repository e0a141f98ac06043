//! The regularised incomplete beta function and its inverse: the distribution of a share.
//!
//! `I_x(a, b)` is the probability that a Beta(a, b) number is at most x. It is computed by its continued fraction, which
//! Lentz's method sums from the front, for x below the middle (a + 1)/(a + b + 2); above, from `1 − I_{1−x}(b, a)`. The
//! inverse halves an interval of log odds, so that shares of 10⁻⁹ come out as exactly as those near a half.

use super::gamma::ln_gamma;

/// Terms of the continued fraction after which it is given up; it needs about √max(a, b).
const MOST_TERMS: u32 = 20_000;

/// Smaller than every part of the fraction that matters.
const TINY: f64 = 1e-300;

/// `I_x(a, b)` for positive a and b; x is cut to 0..=1.
pub(crate) fn regularised_beta(x: f64, a: f64, b: f64) -> f64 {
    let x = x.clamp(0.0, 1.0);
    if x <= 0.0 || x >= 1.0 {
        return x;
    }
    let front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p();
    if x < (a + 1.0) / (a + b + 2.0) {
        front.exp() * fraction(x, a, b) / a
    } else {
        1.0 - front.exp() * fraction(1.0 - x, b, a) / b
    }
}

/// The x with `I_x(a, b) = probability`.
pub(crate) fn beta_quantile(probability: f64, a: f64, b: f64) -> f64 {
    let share = |log_odds: f64| 1.0 / (1.0 + (-log_odds).exp());
    let (mut low, mut high) = (-60.0_f64, 60.0_f64);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if regularised_beta(share(middle), a, b) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    share(f64::midpoint(low, high))
}

/// The continued fraction: 1 / (1 + part₁ / (1 + part₂ / (1 + …))).
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut numerator = 1.0;
    let mut denominator = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut value = denominator;
    for term in 1..MOST_TERMS {
        let term = f64::from(term);
        let twice = a + 2.0 * term;
        let even = term * (b - term) * x / ((twice - 1.0) * twice);
        let odd = -(a + term) * (a + b + term) * x / (twice * (twice + 1.0));
        let mut change = 1.0;
        for part in [even, odd] {
            denominator = 1.0 / away_from_zero(1.0 + part * denominator);
            numerator = away_from_zero(1.0 + part / numerator);
            change = numerator * denominator;
            value *= change;
        }
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::{beta_quantile, regularised_beta};
    use crate::numerics::fixture;

    fn oracle() -> Vec<[f64; 4]> {
        fixture(include_str!("../../fixtures/regularised_beta.tsv"))
    }

    #[test]
    fn it_agrees_with_mpmath() {
        for [x, a, b, expected] in oracle() {
            let ours = regularised_beta(x, a, b);
            assert!((ours - expected).abs() <= 1e-10 * expected, "{x} {a} {b}: {ours}");
        }
    }

    #[test]
    fn the_quantile_undoes_it() {
        let invertible = |probability: f64| (1e-12..0.999_99).contains(&probability);
        for [x, a, b, probability] in oracle().into_iter().filter(|row| invertible(row[3])) {
            let ours = beta_quantile(probability, a, b);
            assert!((ours - x).abs() <= 1e-9 * x, "{x} {a} {b}: {ours}");
        }
    }
}
