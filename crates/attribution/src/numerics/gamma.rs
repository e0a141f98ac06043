//! The logarithm of the gamma function for positive arguments.
//!
//! Stirling's series, which is good to the last digits from 10 on; smaller arguments are first moved up by
//! Γ(x) = Γ(x + 1) / x:
//!
//! ```text
//! ln Γ(x) = (x − ½) ln x − x + ½ ln 2π + 1/12x − 1/360x³ + 1/1260x⁵ − 1/1680x⁷ + …
//! ```

/// ½ ln 2π.
const HALF_LOG_TAU: f64 = 0.918_938_533_204_672_8;

/// The coefficients of 1/x, 1/x³, 1/x⁵, ….
const SERIES: [f64; 7] = [
    1.0 / 12.0,
    -1.0 / 360.0,
    1.0 / 1260.0,
    -1.0 / 1680.0,
    1.0 / 1188.0,
    -691.0 / 360_360.0,
    1.0 / 156.0,
];

/// ln Γ(x) for x > 0; infinite for everything else.
pub(crate) fn ln_gamma(x: f64) -> f64 {
    if x.is_nan() || x <= 0.0 {
        return f64::INFINITY;
    }
    let mut x = x;
    let mut moved = 1.0;
    while x < 10.0 {
        moved *= x;
        x += 1.0;
    }
    let inverse_square = 1.0 / (x * x);
    let series = SERIES
        .iter()
        .rev()
        .fold(0.0, |sum, coefficient| sum * inverse_square + coefficient);
    (x - 0.5) * x.ln() - x + HALF_LOG_TAU + series / x - moved.ln()
}

#[cfg(test)]
mod tests {
    use super::ln_gamma;
    use crate::numerics::fixture;

    #[test]
    fn it_agrees_with_mpmath() {
        for [x, expected] in fixture(include_str!("../../fixtures/ln_gamma.tsv")) {
            let ours = ln_gamma(x);
            assert!(
                (ours - expected).abs() <= 1e-13 * expected.abs().max(1.0),
                "{x}: {ours}"
            );
        }
    }

    #[test]
    fn it_is_infinite_where_the_function_is_not_defined() {
        assert!(
            [0.0, -3.5, f64::NAN]
                .into_iter()
                .all(|x| ln_gamma(x).is_infinite())
        );
    }
}
