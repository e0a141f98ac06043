//! A trend by week: one line with a mark a week, over an axis that starts where the values do.
//!
//! Small enough to stand beside another; the numbers themselves are in a table behind it.

use plotters::chart::ChartBuilder;
use plotters::element::PathElement;
use plotters::style::text_anchor::{HPos, VPos};
use time::Date;

use super::Svg;
use super::axes::{self, Ticked};
use super::canvas::{Area, Dot, Drawn, Ink, Sheet, drawing, units};
use crate::pages::show;

const HEIGHT: f64 = 180.0;
const LEFT: f64 = 58.0;

/// One week's value and what is told of it.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    /// Its Monday.
    pub(crate) week: Date,
    /// The value; what is too high for any axis is left out.
    pub(crate) value: f64,
    /// What is shown when the mouse rests on it.
    pub(crate) told: String,
}

/// How a value is written at the axis, and the most it can be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// Writes a value.
    pub(crate) unit: fn(f64) -> String,
    /// Values never pass this one, nor does the axis.
    pub(crate) most: f64,
}

/// Draws the points in their order, wide and narrow; `label` is what screen readers hear. Empty if there are fewer than
/// two points: that is no trend.
pub(crate) fn line(points: &[Point], label: &str, scale: Scale) -> Svg {
    let points: Vec<&Point> = points
        .iter()
        .filter(|point| point.value.abs() < axes::BEYOND)
        .collect();
    if points.len() < 2 {
        return Svg::default();
    }
    let draw = |class, width| {
        let sheet = Sheet {
            class,
            size: (width, HEIGHT),
            title: "By week",
            description: label,
        };
        drawing(&sheet, |area| draw(area, &points, scale))
    };
    let wide = draw("chart trend wide", 600.0);
    let narrow = draw("chart trend narrow", 340.0);
    Svg(format!("{wide}{narrow}"))
}

fn draw(area: &Area<'_>, points: &[&Point], scale: Scale) -> Drawn {
    let (low, high) = span(points, scale.most);
    let last = show::float(points.len().saturating_sub(1) as u64);
    let mut chart = ChartBuilder::on(area)
        .margin_top(units(12.0))
        .margin_right(units(6.0))
        .y_label_area_size(units(LEFT))
        .x_label_area_size(units(24.0))
        .build_cartesian_2d(
            Ticked::new(-0.3..last + 0.3, Vec::new()),
            Ticked::new(low..high, axes::between(low..high)),
        )?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .axis_style(Ink::Unseen.style())
        .bold_line_style(Ink::Grid.style())
        .light_line_style(Ink::Unseen.style())
        .label_style(Ink::Tick.text(HPos::Left, VPos::Top))
        .set_all_tick_mark_size(units(4.0))
        .y_label_formatter(&|value: &f64| (scale.unit)(*value))
        .draw()?;
    let dots: Vec<Dot> = (0..)
        .zip(points)
        .map(|(place, point)| dot(place, point))
        .collect();
    let line: Vec<(f64, f64)> = dots.iter().map(|dot| dot.at).collect();
    chart
        .plotting_area()
        .draw(&PathElement::new(line, Ink::Line.style()))?;
    // Only the ends are named: there are more weeks than room for their days.
    for (at, point, side) in [
        (0.0, points.first(), HPos::Left),
        (last, points.last(), HPos::Right),
    ] {
        let (x, y) = chart.backend_coord(&(at, low));
        if let Some(point) = point {
            let text = show::day_short(point.week);
            area.draw_text(&text, &Ink::Tick.text(side, VPos::Top), (x, y + units(8.0)))?;
        }
    }
    chart.draw_series(dots)?;
    Ok(())
}

fn dot(place: u64, point: &Point) -> Dot {
    Dot {
        at: (show::float(place), point.value),
        title: point.told.clone(),
    }
}

/// The ends of the axis: those of the values, a little apart if all are the same.
fn span(points: &[&Point], most: f64) -> (f64, f64) {
    let low = points
        .iter()
        .map(|point| point.value)
        .fold(f64::INFINITY, f64::min);
    let high = points
        .iter()
        .map(|point| point.value)
        .fold(f64::NEG_INFINITY, f64::max);
    // Equal values get an axis on which round values differ.
    let least = if high > low { 0.001 } else { 0.1 };
    let room = ((high - low) * 0.08).max(high.abs() * least).max(1e-9);
    (
        (low - room).max(low.min(0.0)),
        (high + room).min(most.max(low + room)),
    )
}

#[cfg(test)]
mod tests {
    use super::{Point, Scale, line};
    use crate::pages::show;
    use time::macros::date;

    const SCALE: Scale = Scale {
        unit: show::ratio,
        most: f64::INFINITY,
    };

    fn point(week: time::Date, value: f64) -> Point {
        Point {
            week,
            value,
            told: "<b>".to_owned(),
        }
    }

    #[test]
    fn one_week_is_no_trend() {
        let one = [point(date!(2026 - 11 - 02), 1.0)];
        assert!(line(&one, "x", SCALE).is_empty());
    }

    #[test]
    fn equal_values_lie_on_a_line_within_the_picture() {
        let points = [
            point(date!(2026 - 11 - 02), 0.0),
            point(date!(2026 - 11 - 09), 0.0),
        ];
        let svg = line(&points, "<x>", SCALE).to_string();
        assert!(!svg.contains("NaN") && !svg.contains("inf") && !svg.contains("<b>") && !svg.contains("<x>"));
        assert_eq!(svg.matches("<circle").count(), 4);
    }
}
