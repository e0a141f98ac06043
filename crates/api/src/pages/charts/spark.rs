//! A trend small enough for a table cell: one thin bar a day, the last seven days darker.

use plotters::chart::ChartBuilder;
use time::Date;

use super::Svg;
use super::canvas::{Area, Block, Drawn, Ink, Sheet, Spark, drawing};
use crate::pages::show;

const SHEET: Sheet<'static> = Sheet {
    class: "spark",
    size: (120.0, 22.0),
    title: "",
    description: "",
};

/// Draws counts from `from` to `to`. Decoration: screen readers get the numbers beside it.
///
/// Windows longer than 40 days are drawn by week, so that a bar keeps a visible width.
pub(crate) fn bars(counts: &[(Date, u64)], (from, to): (Date, Date)) -> Svg {
    let days = (to - from).whole_days().clamp(0, 730) + 1;
    let per_bar = if days > 40 { 7 } else { 1 };
    let bars = usize::try_from((days + per_bar - 1) / per_bar).unwrap_or(1);
    let mut heights = vec![0_u64; bars];
    for (day, count) in counts {
        // Counted from the end, so that the last bar is a whole week.
        let back = (to - *day).whole_days();
        let place = usize::try_from(back / per_bar).ok().filter(|_| back >= 0);
        let cell = place
            .and_then(|place| bars.checked_sub(place + 1))
            .and_then(|index| heights.get_mut(index));
        if let Some(cell) = cell {
            *cell = cell.saturating_add(*count);
        }
    }
    let recent = if per_bar == 7 { 1 } else { 7 };
    drawing(&SHEET, |area| draw(area, &heights, recent))
}

fn draw(area: &Area<'_>, heights: &[u64], recent: usize) -> Drawn {
    let top = heights.iter().copied().max().unwrap_or(0).max(1);
    let end = show::float(heights.len().max(1) as u64);
    // Nothing is a line of its own height, and one crash is more than that.
    let (nothing, least) = (show::float(top) / 22.0, show::float(top) / 11.0);
    let mut chart = ChartBuilder::on(area).build_cartesian_2d(0.0..end, 0.0..show::float(top))?;
    chart.draw_series(heights.iter().enumerate().map(|(index, count)| {
        let (height, spark) = match (*count, index + recent >= heights.len()) {
            (0, _) => (nothing, Spark::None),
            (count, true) => (show::float(count).max(least), Spark::Recent),
            (count, false) => (show::float(count).max(least), Spark::Past),
        };
        let left = show::float(index as u64);
        Block {
            corners: [(left, 0.0), (left + 0.8, height)],
            ink: Ink::Spark(spark),
            title: String::new(),
        }
    }))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::bars;

    #[test]
    fn a_quarter_is_drawn_by_week_and_a_month_by_day() {
        let day = [(date!(2026 - 11 - 20), 4)];
        let quarter = bars(&day, (date!(2026 - 08 - 24), date!(2026 - 11 - 22))).to_string();
        let month = bars(&day, (date!(2026 - 10 - 26), date!(2026 - 11 - 22))).to_string();
        assert_eq!(quarter.matches("<rect").count(), 13);
        assert_eq!(month.matches("<rect").count(), 28);
        assert_eq!(quarter.matches("recent").count(), 1);
    }

    #[test]
    fn days_after_the_window_are_left_out() {
        let late = [(date!(2026 - 12 - 31), 4)];
        let svg = bars(&late, (date!(2026 - 11 - 01), date!(2026 - 11 - 22))).to_string();
        assert!(!svg.contains("recent"));
    }
}
