//! Axes: where a value lies on the paper, and which round values get a tick.

/// Round values from 0 to at least `top`, about `wanted` of them; whole numbers only.
///
/// Counts of crashes have no half ticks, so the step is at least 1.
pub(crate) fn count_ticks(top: u64, wanted: u64) -> Vec<u64> {
    let rough = top.div_ceil(wanted.max(1)).max(1);
    let magnitude = 10_u64.saturating_pow(rough.ilog10());
    let step = [1, 2, 5, 10]
        .into_iter()
        .map(|factor| magnitude.saturating_mul(factor))
        .find(|step| *step >= rough)
        .unwrap_or(rough);
    let steps = top.div_ceil(step).max(1);
    (0..=steps).map(|index| index.saturating_mul(step)).collect()
}

/// A logarithmic axis from `low` to `high` over `from..to` on the paper.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogScale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl LogScale {
    /// An axis that shows all of `values` and the value 1, with a little air on both sides.
    ///
    /// Values that have no place on it (zero, negative, not finite) are left out. The axis never spans more than
    /// 0.01 to 1,000: an interval beyond that says only "very wide", and would press all others into a dot.
    pub(crate) fn around_one(values: impl Iterator<Item = f64>, (from, to): (f64, f64)) -> LogScale {
        let (mut low, mut high) = (0.5_f64, 2.0_f64);
        for value in values.filter(|value| value.is_finite() && *value > 0.0) {
            low = low.min(value);
            high = high.max(value);
        }
        LogScale {
            low: (low / 1.15).max(0.01),
            high: (high * 1.15).min(1000.0),
            from,
            to,
        }
    }

    /// Where `value` lies on the paper; the axis' end for what lies beyond it.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let value = if value.is_nan() { self.low } else { value };
        let inside = value.clamp(self.low, self.high);
        let share = (inside / self.low).ln() / (self.high / self.low).ln();
        self.from + share * (self.to - self.from)
    }

    /// Whether `value` lies beyond the upper end.
    pub(crate) fn is_beyond(&self, value: f64) -> bool {
        value > self.high
    }

    /// The values 1, 2, 5 times a power of ten that fall on the axis; only powers of ten if these are too many.
    pub(crate) fn ticks(&self) -> Vec<f64> {
        let mut all = Vec::new();
        for power in -2..=3 {
            for factor in [1.0, 2.0, 5.0] {
                all.push(factor * 10_f64.powi(power));
            }
        }
        all.retain(|tick| *tick >= self.low && *tick <= self.high);
        if all.len() > 8 {
            all.retain(|tick| tick.log10().fract().abs() < 1e-9);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::{LogScale, count_ticks};

    #[test]
    fn ticks_are_round_and_reach_the_top() {
        assert_eq!(count_ticks(0, 4), [0, 1]);
        assert_eq!(count_ticks(3, 4), [0, 1, 2, 3]);
        assert_eq!(count_ticks(37, 4), [0, 10, 20, 30, 40]);
        assert_eq!(count_ticks(1900, 4), [0, 500, 1000, 1500, 2000]);
    }

    #[test]
    fn the_largest_count_has_an_axis_too() {
        assert!(!count_ticks(u64::MAX, 4).is_empty());
    }

    #[test]
    fn one_lies_in_the_middle_of_equal_factors() {
        let scale = LogScale::around_one([0.25, 4.0].into_iter(), (0.0, 100.0));
        assert!((scale.place(1.0) - 50.0).abs() < 1e-9);
        assert_eq!(scale.ticks(), [0.5, 1.0, 2.0]);
    }

    #[test]
    fn values_without_a_place_stay_on_the_paper() {
        let scale = LogScale::around_one([f64::NAN, 0.0, -3.0, f64::INFINITY].into_iter(), (10.0, 90.0));
        for value in [f64::NAN, f64::NEG_INFINITY, 0.0, 1e300, f64::INFINITY] {
            assert!((10.0..=90.0).contains(&scale.place(value)), "{value}");
        }
    }
}
