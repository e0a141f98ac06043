//! A trend by week: one line with a mark a week, over an axis that starts where the values do.
//!
//! Small enough to stand beside another; the numbers themselves are in a table behind it.

use std::fmt::Write as _;

use time::Date;

use super::{Svg, escape};
use crate::pages::show;

const HEIGHT: f64 = 180.0;
const LEFT: f64 = 58.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = HEIGHT - 26.0;

/// One week's value and what is told of it.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    /// Its Monday.
    pub(crate) week: Date,
    /// The value; infinite ones are left out.
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
    let points: Vec<&Point> = points.iter().filter(|point| point.value.is_finite()).collect();
    if points.len() < 2 {
        return Svg::default();
    }
    let wide = draw(&points, label, scale, ("wide", 600.0));
    let narrow = draw(&points, label, scale, ("narrow", 340.0));
    Svg(wide + &narrow)
}

fn draw(points: &[&Point], label: &str, scale: Scale, (class, width): (&str, f64)) -> String {
    let (low, high) = span(points, scale.most);
    let step = (width - LEFT - 14.0) / show::float(points.len().saturating_sub(1) as u64);
    let x = |index: usize| LEFT + 4.0 + show::float(index as u64) * step;
    let y = |value: f64| BOTTOM - (value - low) / (high - low) * (BOTTOM - TOP);
    let mut body = format!(
        "<svg class=\"chart trend {class}\" viewBox=\"0 0 {width} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
        escape(label)
    );
    for value in [low, f64::midpoint(low, high), high] {
        let (at, text) = (y(value), escape(&(scale.unit)(value)));
        push(
            &mut body,
            format_args!(
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{width}\" y2=\"{at:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
                LEFT - 8.0,
                at + 4.0
            ),
        );
    }
    let places = points
        .iter()
        .enumerate()
        .map(|(index, point)| (x(index), y(point.value)));
    let path: Vec<String> = places.clone().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    push(
        &mut body,
        format_args!("<polyline class=\"line\" points=\"{}\"/>", path.join(" ")),
    );
    for ((x, y), point) in places.zip(points) {
        push(
            &mut body,
            format_args!(
                "<circle class=\"mark\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"><title>{}</title></circle>",
                escape(&point.told)
            ),
        );
    }
    for (index, anchor) in [(0, "start"), (points.len().saturating_sub(1), "end")] {
        if let Some(point) = points.get(index) {
            push(
                &mut body,
                format_args!(
                    "<text x=\"{:.1}\" y=\"{HEIGHT}\" dy=\"-6\" text-anchor=\"{anchor}\">{}</text>",
                    x(index),
                    escape(&show::day_short(point.week))
                ),
            );
        }
    }
    body.push_str("</svg>");
    body
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
    let room = ((high - low) * 0.08).max(high.abs() * 0.001).max(1e-9);
    (
        (low - room).max(low.min(0.0)),
        (high + room).min(most.max(low + room)),
    )
}

fn push(body: &mut String, markup: std::fmt::Arguments<'_>) {
    // Writing into a `String` cannot fail.
    let _ = body.write_fmt(markup);
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
