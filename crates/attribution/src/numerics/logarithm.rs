//! The natural logarithm without branches, so that the compiler computes several at once.
//!
//! x = 2ᵏ m with m between √½ and √2, f = (m − 1) / (m + 1), and
//!
//! ```text
//! ln x = k ln 2 + 2 (f + f³/3 + f⁵/5 + … + f¹⁹/19)
//! ```
//!
//! |f| is at most 0.172, so that the first term left out is below 10⁻¹⁷. Half the time of a verdict is spent on logarithms.

/// Odd denominators of the series, last first, without the first 1.
const DENOMINATORS: [f64; 9] = [19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0];

/// Bits of √½ as an `f64`.
const ROOT_OF_HALF: u64 = 0x3FE6_A09E_667F_3BCD;

/// The bits of a fraction.
const FRACTION: u64 = (1 << 52) - 1;

/// 2⁵² + 2⁵¹ as an `f64`: integers of less than 51 bits, added to its bits, are added to its value.
const MAGIC: f64 = 6_755_399_441_055_744.0;

/// ln x for positive numbers that are neither subnormal nor infinite; for others some number.
#[inline]
pub(crate) fn ln(x: f64) -> f64 {
    // The exponent counts from √½ instead of from 1.
    let shifted = x.to_bits().wrapping_sub(ROOT_OF_HALF);
    // Its sign is kept by adding 2⁶³ before the shift and taking 2¹¹ away after it.
    let exponent = (shifted.wrapping_add(1 << 63) >> 52).wrapping_sub(1 << 11);
    let exponent_as_number = f64::from_bits(MAGIC.to_bits().wrapping_add(exponent)) - MAGIC;
    let mantissa = f64::from_bits((shifted & FRACTION).wrapping_add(ROOT_OF_HALF));
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let series = DENOMINATORS
        .iter()
        .fold(0.0, |sum, denominator| (sum + 1.0 / denominator) * square);
    exponent_as_number * std::f64::consts::LN_2 + 2.0 * ratio * (1.0 + series)
}

#[cfg(test)]
mod tests {
    use super::ln;

    #[test]
    fn it_agrees_with_the_standard_library() {
        for exponent in -300..=300 {
            for mantissa in [1.0, 1.1, 1.414, 1.415, 1.73, 1.999_999] {
                let x = mantissa * 2.0_f64.powi(exponent);
                let difference = (ln(x) - x.ln()).abs();
                assert!(difference <= 1e-14 * x.ln().abs().max(1.0), "{x}: {difference}");
            }
        }
    }
}
