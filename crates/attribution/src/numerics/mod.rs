//! The special functions and the interpolation that the statistics need; each is checked against an outside oracle.
//!
//! * [`gamma`]: the logarithm of the gamma function;
//! * [`beta`]: the regularised incomplete beta function and its inverse;
//! * [`logarithm`]: the natural logarithm, many at once;
//! * [`spline`]: a natural cubic spline through equally spaced points;
//! * [`add_logarithms`]: sums of numbers that are known by their logarithms.

pub(crate) mod beta;
pub(crate) mod gamma;
pub(crate) mod logarithm;
pub(crate) mod spline;

/// The logarithm of the sum of numbers whose logarithms these are; minus infinity for none.
pub(crate) fn add_logarithms(logarithms: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = logarithms.clone().fold(f64::NEG_INFINITY, f64::max);
    if !largest.is_finite() {
        return largest;
    }
    largest + logarithms.map(|one| (one - largest).exp()).sum::<f64>().ln()
}

/// A count as a number.
#[expect(clippy::cast_precision_loss, reason = "counts of machines are far below 2^53")]
pub(crate) fn as_number(count: usize) -> f64 {
    count as f64
}

/// The figures of a file that an oracle wrote (`fixtures/oracle.py`), row by row.
#[cfg(test)]
pub(crate) fn fixture<const COLUMNS: usize>(text: &str) -> Vec<[f64; COLUMNS]> {
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    let numbers = |row: &str| -> Vec<f64> { row.split('\t').map(|number| number.parse().unwrap()).collect() };
    rows.map(|row| numbers(row).try_into().unwrap()).collect()
}

#[cfg(test)]
mod tests {
    use super::add_logarithms;

    #[test]
    fn numbers_too_small_to_write_are_added_by_their_logarithms() {
        let sum = add_logarithms([-2000.0, -2000.0 + 3.0_f64.ln()].into_iter());
        assert!((sum - (-2000.0 + 4.0_f64.ln())).abs() < 1e-12, "{sum}");
    }

    #[test]
    fn the_sum_of_nothing_is_zero() {
        assert!(add_logarithms([].into_iter()).is_infinite());
        assert!(add_logarithms([f64::NEG_INFINITY].into_iter()).is_infinite());
    }
}
