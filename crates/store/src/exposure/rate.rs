//! How high a crash rate is and may be, given few crashes or none.

/// Machines that crashed, and the days on which machines could have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Observed {
    /// Days on which machines were on.
    pub machine_days: u64,
    /// Crashes, several of one machine included.
    pub crashes: u64,
    /// Machines that crashed, each once.
    pub crashing_machines: u64,
}

/// Crashing machines per 1,000 machine-days.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Per1000 {
    /// The rate.
    pub rate: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end of its 95 % interval.
    pub high: f64,
}

impl Observed {
    /// Crashing machines per 1,000 machine-days, with the exact 95 % interval of a Poisson count; `None` without
    /// machine-days.
    ///
    /// Machines are counted and not crashes, because the crashes of one machine are not independent of each other.
    pub fn per_1000(self) -> Option<Per1000> {
        let scale = |mean: f64| mean / float(self.machine_days) * 1_000.0;
        let (low, high) = mean_interval(self.crashing_machines);
        (self.machine_days > 0).then(|| Per1000 {
            rate: scale(float(self.crashing_machines)),
            low: scale(low),
            high: scale(high),
        })
    }
}

/// The 95 % upper bound of crashes per 1,000 machine-days, exact for a Poisson count; `None` without machine-days.
///
/// It is the mean λ at which so few crashes have a probability of 5 %: `P(X ≤ crashes; λ) = 0.05`, per 1,000 days.
/// Without a crash that is `-ln 0.05 = 2.996` crashes ("the rule of three"): 90,210 days give 0.033.
pub fn rate_upper_bound(crashes: u64, machine_days: u64) -> Option<f64> {
    (machine_days > 0).then(|| mean_upper_bound(crashes) / float(machine_days) * 1_000.0)
}

/// λ with `P(X ≤ count; λ) = 0.05`.
fn mean_upper_bound(count: u64) -> f64 {
    // Five standard deviations above, and a little more for the smallest counts.
    let high = float(count) + 5.0 * float(count).sqrt() + 5.0;
    mean_at(count, 0.05, (float(count), high))
}

/// The λ at which so few, and those at which so many, have a probability of 2.5 %: an interval of 95 %.
fn mean_interval(count: u64) -> (f64, f64) {
    let high = float(count) + 5.0 * float(count).sqrt() + 5.0;
    let low = match count.checked_sub(1) {
        None => 0.0,
        Some(fewer) => mean_at(fewer, 0.975, (0.0, float(count))),
    };
    (low, mean_at(count, 0.025, (float(count), high)))
}

/// λ with `P(X ≤ count; λ) = probability`, by halving an interval that holds it.
fn mean_at(count: u64, probability: f64, (mut low, mut high): (f64, f64)) -> f64 {
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if probability_up_to(count, middle) > probability {
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
    use super::{Observed, mean_interval, mean_upper_bound, rate_upper_bound};

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

    /// The oracle is the usual table of exact Poisson limits (two-sided 95 %).
    #[test]
    fn the_interval_is_that_of_the_tables() {
        for (count, low, high) in [
            (0, 0.0, 3.6889),
            (1, 0.0253, 5.5716),
            (5, 1.6235, 11.6683),
            (10, 4.7954, 18.3904),
            (100, 81.3640, 121.6272),
        ] {
            let interval = mean_interval(count);
            assert!((interval.0 - low).abs() < 1e-3, "{count}: {interval:?}");
            assert!((interval.1 - high).abs() < 1e-3, "{count}: {interval:?}");
        }
    }

    #[test]
    fn a_rate_counts_machines_and_lies_within_its_interval() {
        let observed = Observed {
            machine_days: 40_111,
            crashes: 57,
            crashing_machines: 38,
        };
        let rate = observed.per_1000().unwrap();
        assert!((rate.rate - 0.947).abs() < 1e-3 && rate.low < rate.rate && rate.rate < rate.high);
        assert_eq!(Observed::default().per_1000(), None);
    }
}
