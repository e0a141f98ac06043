//! Axes: which values get a tick. The round values are the library's; what is added is that the last one is not below
//! the highest value, and that days are counted in weeks.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::coord::types::{RangedCoordf64, RangedCoordu64};
use time::{Date, Duration};

use crate::pages::show;

/// A linear axis of the library that is told its ticks.
pub(super) struct Ticked {
    line: RangedCoordf64,
    ticks: Vec<f64>,
}

impl Ticked {
    /// Over this range, with these ticks.
    pub(super) fn new(range: Range<f64>, ticks: Vec<f64>) -> Self {
        Ticked {
            line: RangedCoordf64::from(range),
            ticks,
        }
    }
}

// The library's own way to give an axis its ticks (`with_key_points`) cannot be had for numbers with a fraction: it
// knows no format for them then.
impl Ranged for Ticked {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.line.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            Vec::new()
        } else {
            self.ticks.clone()
        }
    }

    fn range(&self) -> Range<f64> {
        self.line.range()
    }
}

/// Counts beyond this are drawn as this.
const HIGHEST: u64 = 1_000_000_000_000_000;

/// Values beyond this have no place on an axis.
pub(super) const BEYOND: f64 = 1e15;

/// Round whole numbers from 0 to at least `peak`, at most about six.
pub(super) fn counts(peak: u64) -> Vec<f64> {
    let peak = peak.clamp(1, HIGHEST);
    let round = RangedCoordu64::from(0..peak).key_points(5);
    up_to(round.into_iter().map(show::float).collect(), show::float(peak))
}

/// Round values from 0 to at least `peak`, at most about five.
pub(super) fn rates(peak: f64) -> Vec<f64> {
    let peak = if peak > 0.0 && peak < BEYOND { peak } else { 1.0 };
    up_to(RangedCoordf64::from(0.0..peak).key_points(4), peak)
}

/// Round values between the ends of an axis, at most about four; the ends must differ.
pub(super) fn between(range: Range<f64>) -> Vec<f64> {
    RangedCoordf64::from(range).key_points(4)
}

/// One more tick, if the last is below the peak.
fn up_to(mut ticks: Vec<f64>, peak: f64) -> Vec<f64> {
    if let [first, second, ..] = ticks[..]
        && let Some(last) = ticks.last().copied().filter(|last| *last < peak)
    {
        ticks.push(last + (second - first));
    } else if ticks.len() < 2 {
        return vec![0.0, peak];
    }
    ticks
}

/// The highest tick.
pub(super) fn top(ticks: &[f64]) -> f64 {
    ticks.last().copied().unwrap_or(1.0)
}

/// Columns of so many days each, one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeAxis {
    /// The first day of the first column.
    pub(super) first: Date,
    /// 1 or 7.
    pub(super) days: i64,
    /// How many.
    pub(super) columns: usize,
}

impl TimeAxis {
    /// The first day of a column.
    pub(super) fn day(&self, column: usize) -> Date {
        let columns = i64::try_from(column).unwrap_or(0);
        self.first.saturating_add(Duration::days(self.days * columns))
    }

    /// The middles of the columns that get a label, where the plot is so wide.
    pub(super) fn ticks(&self, width: f64) -> Vec<f64> {
        let column = width / self.end();
        // A label needs about 58 units; steps are whole weeks once a day is narrower than that.
        let room = (58.0 / column).ceil();
        let steps: [usize; 7] = if self.days == 1 {
            [1, 2, 7, 14, 28, 56, 91]
        } else {
            [1, 2, 4, 8, 13, 26, 52]
        };
        let step = steps.into_iter().find(|step| show::float(*step as u64) >= room);
        let places = (0..self.columns).step_by(step.unwrap_or(91));
        let middles = places.map(|place| show::float(place as u64) + 0.5);
        middles
            .filter(|middle| middle * column > 14.0 && (self.end() - middle) * column > 20.0)
            .collect()
    }

    /// Where the last column ends.
    pub(super) fn end(&self) -> f64 {
        show::float(self.columns.max(1) as u64)
    }

    /// The label at a place.
    pub(super) fn label(&self, place: f64) -> String {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates; places are small and not negative"
        )]
        let column = place.max(0.0) as usize;
        show::day_short(self.day(column))
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::{TimeAxis, counts, rates, top};

    #[test]
    fn ticks_of_counts_are_whole_and_reach_the_peak() {
        assert_eq!(counts(0), [0.0, 1.0]);
        assert_eq!(counts(3), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(counts(37), [0.0, 10.0, 20.0, 30.0, 40.0]);
        assert!(top(&counts(1900)) >= 1900.0 && counts(1900).len() < 8);
        assert!(counts(u64::MAX).len() > 1);
    }

    #[test]
    fn ticks_of_rates_reach_the_peak_whatever_it_is() {
        for peak in [
            0.0,
            1e-9,
            0.031,
            0.95,
            17.3,
            1e12,
            f64::MAX,
            f64::INFINITY,
            f64::NAN,
        ] {
            let ticks = rates(peak);
            assert!((2..9).contains(&ticks.len()), "{peak}: {ticks:?}");
            assert!(
                peak.is_nan() || peak >= 1e15 || top(&ticks) >= peak,
                "{peak}: {ticks:?}"
            );
        }
    }

    #[test]
    fn a_quarter_of_days_is_labelled_by_weeks() {
        let axis = TimeAxis {
            first: date!(2026 - 08 - 24),
            days: 1,
            columns: 91,
        };
        let ticks = axis.ticks(1000.0);
        assert!((ticks[1] - ticks[0] - 7.0).abs() < 1e-9);
        assert_eq!(axis.label(ticks[0]), "31 Aug");
    }
}
