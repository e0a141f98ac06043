//! When a rate has jumped: a cumulative sum of what the days say for "it doubled" against "it is as it was".
//!
//! Crashes of a day with `n` machine-days are Poisson with mean `λn` as long as all is well. Each day adds
//! `(x ln 2 − λn) / φ` to the sum, which never falls below zero; days as they were pull it down, days with twice as many
//! pull it up. φ ≥ 1 is how much more the days of the past scattered than Poisson. At [`ALARM`] the sum is as high as
//! days without a change lift it once in `e^8` (3,000) days at most, which is once in eight years a stop code.
//!
//! λ is taken from the days before the last four weeks, a standard error too high, so that few crashes in the past are
//! no proof of a low rate.

use time::Date;

/// The height of the sum at which a rate has jumped.
pub const ALARM: f64 = 8.0;

/// The last so many days are watched; those before are the past they are compared with.
pub const WATCHED: usize = 28;

/// The past must have so many days with machines, and so many machine-days.
const PAST_DAYS: usize = 21;
const PAST_MACHINE_DAYS: u64 = 1_000;

/// Fewer machines than this are no jump, however low the rate was.
const FEWEST: u64 = 5;

/// One day of one stop code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// The day.
    pub day: Date,
    /// Machines that crashed and had not crashed in the week before.
    pub crashing_machines: u64,
    /// Machines that were on.
    pub machine_days: u64,
}

/// A rate that jumped and is still up on the last day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jump {
    /// The first day of it.
    pub since: Date,
    /// The last day that was looked at.
    pub until: Date,
    /// Machines that crashed since.
    pub crashing_machines: u64,
    /// Machine-days since.
    pub machine_days: u64,
    /// Crashes per 1,000 machine-days in the past.
    pub rate_before: f64,
    /// Crashes per 1,000 machine-days since.
    pub rate_after: f64,
    /// The height of the sum, at least [`ALARM`].
    pub score: f64,
}

/// The jump that the last days are in, if they are in one. Days come in their order.
pub fn jump(days: &[Day]) -> Option<Jump> {
    let (past, watched) = days.split_at_checked(days.len().checked_sub(WATCHED)?)?;
    let past = Past::of(past)?;
    let mut sum = 0.0_f64;
    let mut first = 0;
    for (place, day) in watched.iter().enumerate() {
        sum += (float(day.crashing_machines) * 2_f64.ln() - past.rate_high * float(day.machine_days))
            / past.scatter;
        if sum <= 0.0 {
            sum = 0.0;
            first = place + 1;
        }
    }
    let since = watched.get(first..)?;
    let crashing_machines = since.iter().map(|day| day.crashing_machines).sum();
    let machine_days = since.iter().map(|day| day.machine_days).sum();
    (sum >= ALARM && crashing_machines >= FEWEST).then_some(Jump {
        since: since.first()?.day,
        until: since.last()?.day,
        crashing_machines,
        machine_days,
        rate_before: 1_000.0 * past.rate,
        rate_after: 1_000.0 * float(crashing_machines) / float(machine_days).max(1.0),
        score: sum,
    })
}

/// What the days before were like.
struct Past {
    rate: f64,
    /// A standard error above.
    rate_high: f64,
    /// How much more than Poisson they scatter; at least 1.
    scatter: f64,
}

impl Past {
    fn of(days: &[Day]) -> Option<Self> {
        let with_machines = || days.iter().filter(|day| day.machine_days > 0);
        let count = with_machines().count();
        let machine_days: u64 = with_machines().map(|day| day.machine_days).sum();
        if count < PAST_DAYS || machine_days < PAST_MACHINE_DAYS {
            return None;
        }
        let crashes = float(with_machines().map(|day| day.crashing_machines).sum());
        let rate = crashes / float(machine_days);
        let rate_high = (crashes + 1.0 + (crashes + 1.0).sqrt()) / float(machine_days);
        let terms = with_machines().map(|day| {
            let expected = rate * float(day.machine_days);
            if expected > 0.0 {
                (float(day.crashing_machines) - expected).powi(2) / expected
            } else {
                0.0
            }
        });
        let degrees = float(u64::try_from(count).unwrap_or(u64::MAX)) - 1.0;
        let scatter = (terms.sum::<f64>() / degrees).max(1.0);
        Some(Past {
            rate,
            rate_high,
            scatter,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::date;

    use super::{Day, WATCHED, jump};

    /// A hundred days with 1,000 machines each; crashes by the day's number.
    fn days(crashes: impl Fn(usize) -> u64) -> Vec<Day> {
        let day = |number: usize| Day {
            day: date!(2026 - 08 - 01) + Duration::days(i64::try_from(number).unwrap()),
            crashing_machines: crashes(number),
            machine_days: 1_000,
        };
        (0..100).map(day).collect()
    }

    #[test]
    fn a_rate_that_tripled_has_jumped_since_the_day_it_did() {
        // One a day on two of three days, then two a day.
        let jump = jump(&days(|day| if day >= 85 { 2 } else { u64::from(day % 3 != 0) })).unwrap();
        assert!(
            jump.since >= date!(2026 - 10 - 24) && jump.since <= date!(2026 - 10 - 26),
            "{jump:?}"
        );
        assert!((jump.rate_before - 0.66).abs() < 0.03);
        assert!((jump.rate_after - 2.0).abs() < 0.2);
    }

    #[test]
    fn a_steady_rate_and_a_single_bad_day_are_no_jumps() {
        assert_eq!(jump(&days(|day| u64::from(day % 3 != 0))), None);
        let one_bad_day = days(|day| if day == 80 { 6 } else { u64::from(day % 3 != 0) });
        assert_eq!(jump(&one_bad_day), None);
    }

    #[test]
    fn days_that_always_scattered_need_more() {
        let scattered = |day: usize| if day.is_multiple_of(14) { 10 } else { 0 };
        assert_eq!(jump(&days(scattered)), None);
    }

    #[test]
    fn without_a_past_nothing_has_jumped() {
        let all = days(|_| 5);
        assert_eq!(jump(&all[100 - WATCHED..]), None);
        assert_eq!(jump(&[]), None);
    }

    /// False alarms over many quiet years: one in eight years a stop code is promised.
    #[test]
    fn quiet_days_raise_an_alarm_less_than_once_in_eight_years() {
        let mut chance = 7_u64;
        let mut uniform = move || {
            chance = chance
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            f64::from(u32::try_from(chance >> 32).unwrap()) / f64::from(u32::MAX)
        };
        // Poisson with mean 0.7, by inversion.
        let mut poisson = move || {
            let (mut left, mut count, mut term) = (uniform(), 0_u32, (-0.7_f64).exp());
            while left > term && count < 20 {
                left -= term;
                count += 1;
                term *= 0.7 / f64::from(count);
            }
            u64::from(count)
        };
        // Each hundred days end in one look at 28 of them: 4,000 looks are 300 years.
        let alarms = (0..4_000).filter(|_| {
            let crashes: Vec<u64> = (0..100).map(|_| poisson()).collect();
            jump(&days(|day| crashes[day])).is_some()
        });
        assert!(alarms.count() <= 38);
    }
}
