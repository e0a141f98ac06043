//! Two rates compared: before and after a change, with and without a version, kept and rolled back.
//!
//! With a cases on t₁ machine-days after and b cases on t₀ before, given a + b the number a is binomial with probability
//! ρ t₁ / (ρ t₁ + t₀), where ρ is the rate ratio. The exact interval of that probability (Clopper and Pearson) is that of
//! ρ. It holds for the smallest counts: 0 of 7 cases after on equal days give a ratio of 0 to 0.69.

use crate::numerics::beta::beta_quantile;
use crate::rate_ratio::RateRatio;

/// Cases on a number of machine-days.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rate {
    /// Machines that crashed, each counted once.
    pub cases: u64,
    /// Days on which the machines were seen, summed over the machines.
    pub machine_days: f64,
}

impl Rate {
    fn is_known(self) -> bool {
        self.machine_days.is_finite() && self.machine_days > 0.0
    }
}

/// Half of what the 95 % interval leaves out.
const TAIL: f64 = 0.025;

/// The rate after over the rate before, with its exact 95 % interval.
///
/// Both ends are always there. `None` if it has no value: no case before, or no machine-days on one side.
pub fn before_after(before: Rate, after: Rate) -> Option<RateRatio> {
    if before.cases == 0 || !before.is_known() || !after.is_known() {
        return None;
    }
    let [cases_before, cases_after] = [before.cases, after.cases].map(as_number);
    let scale = before.machine_days / after.machine_days;
    let ratio = |share: f64| share / (1.0 - share) * scale;
    let low = match after.cases {
        0 => 0.0,
        _ => ratio(beta_quantile(TAIL, cases_after, cases_before + 1.0)),
    };
    let high = ratio(beta_quantile(1.0 - TAIL, cases_after + 1.0, cases_before));
    Some(RateRatio {
        ratio: cases_after / cases_before * scale,
        low: Some(low),
        high: Some(high),
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts of machines are far below 2^53")]
fn as_number(cases: u64) -> f64 {
    cases as f64
}

/// A version taken back on some machines and kept on others.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rollback {
    /// The machines that kept the version, since the others left it.
    pub kept: Rate,
    /// The machines that left it, since then.
    pub rolled_back: Rate,
    /// The same machines while they had it.
    pub before: Rate,
    /// How many left it.
    pub machines: u64,
}

/// Fewer machines than this are an anecdote.
const FEWEST_MACHINES: u64 = 20;

impl Rollback {
    /// Whether it proves the version guilty.
    ///
    /// The machines that left it must crash less than they did, and less than those that kept it in the same weeks; both
    /// beyond chance. The first alone may be a machine that was rolled back because it had just crashed, or a bad week
    /// that is over; the second alone may be that the better machines were rolled back.
    pub fn proves(&self) -> bool {
        let fell = |from: Rate| {
            let ratio = before_after(from, self.rolled_back);
            ratio.and_then(|ratio| ratio.high).is_some_and(|high| high < 1.0)
        };
        self.machines >= FEWEST_MACHINES && fell(self.before) && fell(self.kept)
    }
}

#[cfg(test)]
mod tests {
    use super::{Rate, Rollback, as_number, before_after};
    use crate::numerics::fixture;

    fn rate(cases: u64, machine_days: f64) -> Rate {
        Rate { cases, machine_days }
    }

    fn whole(number: f64) -> u64 {
        (0..1000).find(|whole| as_number(*whole) >= number).unwrap()
    }

    #[test]
    fn intervals_agree_with_scipy() {
        for row in fixture::<7>(include_str!("../fixtures/before_after.tsv")) {
            let before = rate(whole(row[0]), row[1]);
            let after = rate(whole(row[2]), row[3]);
            let ours = before_after(before, after).unwrap();
            let ours = [ours.ratio, ours.low.unwrap(), ours.high.unwrap()];
            for (ours, expected) in ours.into_iter().zip(&row[4..]) {
                assert!((ours - expected).abs() <= 1e-8 * expected, "{row:?}: {ours}");
            }
        }
    }

    #[test]
    fn without_a_case_before_or_days_there_is_no_ratio() {
        assert_eq!(before_after(rate(0, 10.0), rate(3, 10.0)), None);
        assert_eq!(before_after(rate(3, 10.0), rate(3, 0.0)), None);
        assert_eq!(before_after(rate(3, f64::NAN), rate(3, 1.0)), None);
    }

    #[test]
    fn a_rate_that_falls_only_where_the_version_left_proves_it() {
        let rollback = Rollback {
            kept: rate(15, 3000.0),
            rolled_back: rate(1, 3000.0),
            before: rate(12, 3000.0),
            machines: 100,
        };
        assert!(rollback.proves());
        let fell_everywhere = Rollback {
            kept: rate(1, 3000.0),
            ..rollback
        };
        assert!(!fell_everywhere.proves());
        let always_low = Rollback {
            before: rate(1, 3000.0),
            ..rollback
        };
        assert!(!always_low.proves());
        assert!(
            !Rollback {
                machines: 3,
                ..rollback
            }
            .proves()
        );
    }
}
