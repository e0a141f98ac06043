//! How high a crash rate may be, given few crashes or none.

/// The 95 % upper bound of crashes per 1,000 machine-days, exact for a Poisson count; `None` without machine-days.
///
/// It is the mean λ at which so few crashes have a probability of 5 %: `P(X ≤ crashes; λ) = 0.05`, per 1,000 days.
/// Without a crash that is `-ln 0.05 = 2.996` crashes ("the rule of three"): 90,210 days give 0.033.
pub fn rate_upper_bound(crashes: u64, machine_days: u64) -> Option<f64> {
    (machine_days > 0).then(|| mean_upper_bound(crashes) / float(machine_days) * 1_000.0)
}

/// λ with `P(X ≤ count; λ) = 0.05`, by halving an interval that holds it.
fn mean_upper_bound(count: u64) -> f64 {
    let mut low = float(count);
    // Five standard deviations above, and a little more for the smallest counts.
    let mut high = low + 5.0 * low.sqrt() + 5.0;
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if probability_up_to(count, middle) > 0.05 {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// `P(X ≤ count; λ)`, summed from the largest term down, in which nothing overflows.
fn probability_up_to(count: u64, mean: f64) -> f64 {
    let log_factorial: f64 = (2..=count).map(|factor| float(factor).ln()).sum();
    let mut term = (float(count) * mean.ln() - mean - log_factorial).exp();
    let mut sum = 0.0;
    for smaller in (0..=count).rev() {
        sum += term;
        term *= float(smaller) / mean;
        if term < sum * 1e-16 {
            break;
        }
    }
    sum
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::{mean_upper_bound, rate_upper_bound};

    /// The oracle is the usual table of exact Poisson limits (one-sided 95 %): half of chi-square's quantiles.
    #[test]
    fn the_bound_is_that_of_the_tables() {
        for (count, bound) in [
            (0, 2.9957),
            (1, 4.7439),
            (5, 10.5130),
            (10, 16.9622),
            (100, 118.0793),
        ] {
            assert!(
                (mean_upper_bound(count) - bound).abs() < 1e-3,
                "{count}: {}",
                mean_upper_bound(count)
            );
        }
    }

    #[test]
    fn no_days_give_no_bound() {
        assert_eq!(rate_upper_bound(0, 0), None);
        let bound = rate_upper_bound(0, 90_210).unwrap();
        assert!((bound - 0.0332).abs() < 1e-4);
    }
}
