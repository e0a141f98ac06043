//! Stacked bars by day: how many crashes of which stop code.
//!
//! At most [`SERIES`] series get a colour of their own; the caller folds the rest into a last one. Days without a
//! value are gaps on the axis, not missing columns.

use time::{Date, Duration};

use super::scale::count_ticks;
use super::{Anchor, Pen, Svg};
use crate::pages::show;

/// Series that have a colour of their own (CSS classes `series-0` to `series-5`); the last may be "other".
pub(crate) const SERIES: usize = 6;

/// Days drawn at most: a year and a quarter.
const MOST_DAYS: i64 = 460;

/// One series: a name for the tooltip and its counts by day, in any order.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    /// What it is called.
    pub(crate) name: String,
    /// Counts by day.
    pub(crate) counts: Vec<(Date, u64)>,
}

/// Where the columns stand.
struct Frame {
    width: f64,
    left: f64,
    top: f64,
    bottom: f64,
    highest: f64,
    day_width: f64,
}

impl Frame {
    fn y(&self, value: u64) -> f64 {
        self.bottom - show::float(value) / self.highest * (self.bottom - self.top)
    }

    fn x(&self, index: usize) -> f64 {
        self.left + show::float(index as u64) * self.day_width
    }
}

/// Draws `series` from `from` to `to`, both included, wide and narrow. Empty if nothing was counted.
pub(crate) fn stacked(series: &[Series], (from, to): (Date, Date)) -> Svg {
    let table = by_day(series, from, to);
    let totals = table
        .iter()
        .map(|day| day.iter().fold(0_u64, |sum, count| sum.saturating_add(*count)));
    let peak = totals.clone().max().unwrap_or(0);
    if peak == 0 {
        return Svg::default();
    }
    let all = totals.fold(0_u64, u64::saturating_add);
    let label = format!(
        "Crashes by day from {} to {}: {} in all, at most {} on one day.",
        show::day(from),
        show::day(to),
        show::count(all),
        show::count(peak)
    );
    let wide = draw(
        series,
        &table,
        from,
        (("chart wide", 1080.0, 248.0), label.as_str()),
    );
    let narrow = draw(
        series,
        &table,
        from,
        (("chart narrow", 358.0, 208.0), label.as_str()),
    );
    Svg(format!("{wide}{narrow}"))
}

/// Counts as `[day][series]`.
fn by_day(series: &[Series], from: Date, to: Date) -> Vec<Vec<u64>> {
    let days = ((to - from).whole_days() + 1).clamp(1, MOST_DAYS);
    let days = usize::try_from(days).unwrap_or(1);
    let mut table = vec![vec![0_u64; series.len()]; days];
    for (column, one) in series.iter().enumerate() {
        for (day, count) in &one.counts {
            let index = usize::try_from((*day - from).whole_days());
            if let Some(cell) = index.ok().and_then(|index| table.get_mut(index)) {
                cell[column] = cell[column].saturating_add(*count);
            }
        }
    }
    table
}

/// One drawing: its class and size, and what screen readers hear.
type Size<'a> = ((&'a str, f64, f64), &'a str);

fn draw(series: &[Series], table: &[Vec<u64>], from: Date, ((class, width, height), label): Size<'_>) -> Svg {
    let peak = table
        .iter()
        .map(|day| day.iter().fold(0_u64, |sum, count| sum.saturating_add(*count)));
    let ticks = count_ticks(peak.max().unwrap_or(0), 5);
    let highest = ticks.last().copied().unwrap_or(1).max(1);
    let left = 14.0 + 6.5 * show::float(show::count(highest).len() as u64);
    let frame = Frame {
        width,
        left,
        top: 12.0,
        bottom: height - 26.0,
        highest: show::float(highest),
        day_width: (width - left - 4.0) / show::float(table.len() as u64),
    };
    let mut pen = Pen::new(class, (width, height), label);
    for tick in &ticks {
        let y = frame.y(*tick);
        pen.line(if *tick == 0 { "axis" } else { "grid" }, (left, y), (width, y));
        pen.text("tick", (left - 8.0, y + 4.0), Anchor::End, &show::count(*tick));
    }
    day_labels(&mut pen, &frame, from, table.len());
    for (index, counts) in table.iter().enumerate() {
        let day = from.saturating_add(Duration::days(i64::try_from(index).unwrap_or(0)));
        column(&mut pen, &frame, index, (series, counts, day));
    }
    pen.finish()
}

fn day_labels(pen: &mut Pen, frame: &Frame, from: Date, days: usize) {
    // A label needs about 58 units; steps are whole weeks once a day is narrower than that.
    let room = (58.0 / frame.day_width).ceil();
    let step = [1_usize, 2, 7, 14, 28, 56, 91]
        .into_iter()
        .find(|step| show::float(*step as u64) >= room);
    for index in (0..days).step_by(step.unwrap_or(91)) {
        let x = frame.x(index) + frame.day_width / 2.0;
        if x + 24.0 > frame.width {
            break;
        }
        let day = from.saturating_add(Duration::days(i64::try_from(index).unwrap_or(0)));
        pen.line("axis", (x, frame.bottom), (x, frame.bottom + 4.0));
        pen.text(
            "tick",
            (x.max(frame.left + 14.0), frame.bottom + 18.0),
            Anchor::Middle,
            &show::day_short(day),
        );
    }
}

fn column(pen: &mut Pen, frame: &Frame, index: usize, (series, counts, day): (&[Series], &[u64], Date)) {
    let gap = (frame.day_width * 0.22).min(4.0);
    let (x, width) = (frame.x(index) + gap / 2.0, frame.day_width - gap);
    let mut below = 0_u64;
    for (position, (one, count)) in series.iter().zip(counts).enumerate() {
        if *count == 0 {
            continue;
        }
        let above = below.saturating_add(*count);
        let (top, bottom) = (frame.y(above), frame.y(below));
        let class = format!("series-{}", position.min(SERIES - 1));
        let title = format!(
            "{}: {}, {}",
            show::day(day),
            one.name,
            show::counted(*count, "crash")
        );
        pen.rect(&class, (x, top), (width, (bottom - top).max(0.5)), Some(&title));
        below = above;
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::{Series, stacked};

    fn series(name: &str, counts: &[(time::Date, u64)]) -> Series {
        Series {
            name: name.to_owned(),
            counts: counts.to_vec(),
        }
    }

    #[test]
    fn each_counted_day_of_each_series_is_one_box_in_both_drawings() {
        let days = [(date!(2026 - 11 - 01), 3), (date!(2026 - 11 - 05), 1)];
        let svg = stacked(
            &[series("a", &days), series("b", &days[..1])],
            (days[0].0, days[1].0),
        )
        .to_string();
        assert_eq!(svg.matches("<rect").count(), 6);
        assert!(
            svg.contains("4 in all, at most 4 on one day") || svg.contains("7 in all, at most 6 on one day")
        );
    }

    #[test]
    fn days_outside_the_window_are_left_out() {
        let outside = [(date!(2025 - 01 - 01), 9), (date!(2027 - 01 - 01), 9)];
        assert!(
            stacked(
                &[series("a", &outside)],
                (date!(2026 - 11 - 01), date!(2026 - 11 - 05))
            )
            .is_empty()
        );
    }

    #[test]
    fn a_hostile_name_is_text_and_huge_counts_fit() {
        let day = date!(2026 - 11 - 01);
        let name = "</title><script>alert(1)</script>";
        let svg = stacked(
            &[series(name, &[(day, u64::MAX)]), series(name, &[(day, u64::MAX)])],
            (day, day),
        );
        assert!(!svg.to_string().contains("<script>"));
        assert!(!svg.to_string().contains("NaN"));
    }

    #[test]
    fn a_window_that_ends_before_it_starts_draws_nothing() {
        assert!(stacked(&[], (date!(2026 - 11 - 05), date!(2026 - 11 - 01))).is_empty());
    }
}
