//! Stacked bars by day: how many crashes of which stop code.
//!
//! At most [`SERIES`](super::SERIES) series get a colour of their own; the caller folds the rest into a last one. Days without a
//! value are gaps on the axis, not missing columns.

use time::Date;

use super::Svg;
use super::axes::TimeAxis;
use super::canvas::{Sheet, drawing};
use super::columns::{Below, Columns};
use crate::pages::show::{self, Day};

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

/// Draws `series` from `from` to `to`, both included, wide and narrow. Empty if nothing was counted.
pub(crate) fn stacked(series: &[Series], (from, to): (Date, Date)) -> Svg {
    let table = by_day(series, from, to);
    let title = |place: usize, of: usize, count: u64| {
        let name = series.get(of).map_or("", |one| one.name.as_str());
        let day = axis(from, &table).day(place);
        format!("{}: {name}, {}", show::day(day), show::counted(count, "crash"))
    };
    let columns = Columns {
        axis: axis(from, &table),
        counts: &table,
        title: &title,
    };
    let peak = columns.peak();
    if peak == 0 {
        return Svg::default();
    }
    let description = described(&table, (from, to), peak);
    let draw = |class, size| {
        let sheet = Sheet {
            class,
            size,
            title: "Crashes by day",
            description: &description,
        };
        drawing(&sheet, |area| {
            columns.draw(area, (columns.room(), 12.0), Below::Days)
        })
    };
    let wide = draw("chart wide", (1080.0, 248.0));
    let narrow = draw("chart narrow", (358.0, 208.0));
    Svg(format!("{wide}{narrow}"))
}

/// The numbers behind a drawing.
pub(crate) struct Numbers {
    /// The names of the series.
    pub(crate) names: Vec<String>,
    /// Days on which something was counted, the latest first.
    pub(crate) rows: Vec<NumbersRow>,
}

/// One day.
pub(crate) struct NumbersRow {
    pub(crate) day: Day,
    /// One for each series.
    pub(crate) counts: Vec<String>,
}

/// `path` for the days that are drawn.
pub(crate) fn csv_href(path: &str, (from, to): (Date, Date)) -> String {
    show::address(path, &[("from", &from.to_string()), ("to", &to.to_string())])
}

/// What [`stacked`] draws, as numbers.
pub(crate) fn numbers(series: &[Series], (from, to): (Date, Date)) -> Numbers {
    let table = by_day(series, from, to);
    let axis = axis(from, &table);
    let counted = table
        .iter()
        .enumerate()
        .filter(|(_, counts)| counts.iter().any(|&count| count > 0));
    let rows = counted.map(|(place, counts)| NumbersRow {
        day: Day(axis.day(place)),
        counts: counts.iter().copied().map(show::count).collect(),
    });
    Numbers {
        names: series.iter().map(|one| one.name.clone()).collect(),
        rows: rows.rev().collect(),
    }
}

fn axis(from: Date, table: &[Vec<u64>]) -> TimeAxis {
    TimeAxis {
        first: from,
        days: 1,
        columns: table.len(),
    }
}

fn described(table: &[Vec<u64>], (from, to): (Date, Date), peak: u64) -> String {
    let all = table
        .iter()
        .flatten()
        .fold(0_u64, |sum, count| sum.saturating_add(*count));
    format!(
        "Crashes by day from {} to {}: {} in all, at most {} on one day.",
        show::day(from),
        show::day(to),
        show::count(all),
        show::count(peak)
    )
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
    fn the_numbers_are_those_of_the_drawing_the_latest_day_first() {
        let days = [(date!(2026 - 11 - 01), 1_300), (date!(2026 - 11 - 05), 1)];
        let window = (days[0].0, date!(2026 - 11 - 09));
        let numbers = super::numbers(&[series("a", &days), series("b", &days[1..])], window);
        let rows: Vec<String> = numbers
            .rows
            .iter()
            .map(|row| format!("{} {}", row.day, row.counts.join(" ")))
            .collect();
        assert_eq!(rows.len(), 2);
        assert!(rows[0].contains("5 Nov") && rows[0].ends_with(" 1 1"), "{rows:?}");
        assert!(
            rows[1].contains("1 Nov") && rows[1].ends_with(" 1,300 0"),
            "{rows:?}"
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
