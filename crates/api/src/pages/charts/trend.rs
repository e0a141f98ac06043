//! A trend by week: one line with a mark a week, over an axis that starts where the values do.
//!
//! Small enough to stand beside another; the numbers themselves are in a table behind it.

use std::fmt::Write as _;

use time::Date;

use super::{Svg, escape};
use crate::pages::show;

const WIDTH: f64 = 560.0;
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

/// Draws the points in their order; `label` is what screen readers hear, `unit` writes a value at the axis. Empty if
/// there are fewer than two points: that is no trend.
pub(crate) fn line(points: &[Point], label: &str, unit: impl Fn(f64) -> String) -> Svg {
    let points: Vec<&Point> = points.iter().filter(|point| point.value.is_finite()).collect();
    if points.len() < 2 {
        return Svg::default();
    }
    let (low, high) = span(&points);
    let step = (WIDTH - LEFT - 14.0) / show::float(points.len().saturating_sub(1) as u64);
    let x = |index: usize| LEFT + 4.0 + show::float(index as u64) * step;
    let y = |value: f64| BOTTOM - (value - low) / (high - low) * (BOTTOM - TOP);
    let mut body = format!(
        "<svg class=\"chart trend\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
        escape(label)
    );
    for value in [low, f64::midpoint(low, high), high] {
        let (at, text) = (y(value), escape(&unit(value)));
        push(
            &mut body,
            format_args!(
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{WIDTH}\" y2=\"{at:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
                LEFT - 8.0,
                at + 4.0
            ),
        );
    }
    let path: Vec<String> = points
        .iter()
        .enumerate()
        .map(|(index, point)| format!("{:.1},{:.1}", x(index), y(point.value)))
        .collect();
    push(
        &mut body,
        format_args!("<polyline class=\"line\" points=\"{}\"/>", path.join(" ")),
    );
    for (index, point) in points.iter().enumerate() {
        push(
            &mut body,
            format_args!(
                "<circle class=\"mark\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\"><title>{}</title></circle>",
                x(index),
                y(point.value),
                escape(&point.told)
            ),
        );
    }
    for (index, anchor) in [(0, "start"), (points.len() - 1, "end")] {
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
    Svg(body)
}

/// The ends of the axis: those of the values, a little apart if all are the same.
fn span(points: &[&Point]) -> (f64, f64) {
    let low = points
        .iter()
        .map(|point| point.value)
        .fold(f64::INFINITY, f64::min);
    let high = points
        .iter()
        .map(|point| point.value)
        .fold(f64::NEG_INFINITY, f64::max);
    let room = ((high - low) * 0.08).max(high.abs() * 0.001).max(1e-9);
    ((low - room).max(low.min(0.0)), high + room)
}

fn push(body: &mut String, markup: std::fmt::Arguments<'_>) {
    // Writing into a `String` cannot fail.
    let _ = body.write_fmt(markup);
}

#[cfg(test)]
mod tests {
    use super::{Point, line};
    use crate::pages::show;
    use time::macros::date;

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
        assert!(line(&one, "x", show::ratio).is_empty());
    }

    #[test]
    fn equal_values_lie_on_a_line_within_the_picture() {
        let points = [
            point(date!(2026 - 11 - 02), 0.0),
            point(date!(2026 - 11 - 09), 0.0),
        ];
        let svg = line(&points, "<x>", show::ratio).to_string();
        assert!(!svg.contains("NaN") && !svg.contains("inf") && !svg.contains("<b>") && !svg.contains("<x>"));
        assert_eq!(svg.matches("<circle").count(), 2);
    }
}
