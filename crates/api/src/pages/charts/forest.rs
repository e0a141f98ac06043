//! The forest plot: one row a suspect, its rate ratio as a mark and its 95 % interval as a line.
//!
//! The axis is logarithmic, so that "ten times as often" and "a tenth as often" are equally far from the line at 1.
//! An interval that crosses that line is drawn pale: the data allow that the driver plays no part.

use std::convert::Infallible;

use plotters::chart::ChartBuilder;
use plotters::coord::combinators::{BindKeyPoints, IntoLogRange};
use plotters::element::{Drawable, PathElement, PointCollection};
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, VPos};
use plotters_backend::{BackendCoord, DrawingBackend, DrawingErrorKind};

use super::canvas::{Area, Canvas, Drawn, Ink, Sheet, Strength, drawing, units};
use super::{Svg, shorten};
use crate::pages::show;

/// One row.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Driver and version.
    pub(crate) label: String,
    /// The rate ratio.
    pub(crate) ratio: f64,
    /// Lower end of its interval.
    pub(crate) low: f64,
    /// Upper end of its interval; may be infinite.
    pub(crate) high: f64,
}

impl Row {
    fn strength(&self) -> Strength {
        if self.low > 1.0 || self.high < 1.0 {
            Strength::Strong
        } else {
            Strength::Weak
        }
    }

    fn numbers(&self) -> String {
        format!(
            "{} ({}–{})",
            show::ratio(self.ratio),
            show::ratio(self.low),
            show::ratio(self.high)
        )
    }
}

/// Measures of one drawing, in units.
struct Paper {
    class: &'static str,
    width: f64,
    plot: (f64, f64),
    row_height: f64,
    /// Where the label's middle is, from the top of its row, and how many characters fit.
    label: (f64, usize),
    /// Where the mark is, from the top of its row.
    mark: f64,
}

const WIDE: Paper = Paper {
    class: "chart forest wide",
    width: 1080.0,
    plot: (330.0, 900.0),
    row_height: 32.0,
    label: (16.0, 42),
    mark: 16.0,
};

const NARROW: Paper = Paper {
    class: "chart forest narrow",
    width: 358.0,
    plot: (6.0, 352.0),
    row_height: 50.0,
    label: (12.0, 30),
    mark: 34.0,
};

const HEAD: f64 = 22.0;
const FOOT: f64 = 30.0;

/// Draws the rows in the order given, wide and narrow. Empty if there is no row.
pub(crate) fn plot(rows: &[Row]) -> Svg {
    let Some(first) = rows.first() else {
        return Svg::default();
    };
    let description = format!(
        "Rate ratios with 95 % intervals of {}. First: {}, {}.",
        show::counted(rows.len() as u64, "suspect"),
        first.label,
        first.numbers()
    );
    let draw = |paper: &Paper| {
        let sheet = Sheet {
            class: paper.class,
            size: (paper.width, height(rows, paper) + HEAD + FOOT),
            title: "Rate ratios",
            description: &description,
        };
        drawing(&sheet, |area| draw(area, rows, paper))
    };
    Svg(format!("{}{}", draw(&WIDE), draw(&NARROW)))
}

fn height(rows: &[Row], paper: &Paper) -> f64 {
    paper.row_height * show::float(rows.len() as u64)
}

fn draw(area: &Area<'_>, rows: &[Row], paper: &Paper) -> Drawn {
    let (low, high) = span(rows);
    let height = height(rows, paper);
    let mut chart = ChartBuilder::on(area)
        .margin_left(units(paper.plot.0))
        .margin_right(units(paper.width - paper.plot.1))
        .margin_top(units(HEAD))
        .x_label_area_size(units(FOOT))
        .build_cartesian_2d(
            (low..high).log_scale().with_key_points(ticks(low, high)),
            height..0.0,
        )?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .axis_style(Ink::Unseen.style())
        .bold_line_style(Ink::Grid.style())
        .light_line_style(Ink::Unseen.style())
        .label_style(Ink::Tick.text(HPos::Center, VPos::Top))
        .set_all_tick_mark_size(units(3.0))
        .x_label_formatter(&|tick| tick_label(*tick))
        .draw()?;
    let plot = chart.plotting_area();
    plot.draw(&PathElement::new(
        vec![(1.0, 0.0), (1.0, height)],
        Ink::One.style(),
    ))?;
    plot.draw(&PathElement::new(
        vec![(low, height), (high, height)],
        Ink::Axis.style(),
    ))?;
    let (one, _) = chart.backend_coord(&(1.0, 0.0));
    let directions = [
        (-8.0, HPos::Right, "← less often"),
        (8.0, HPos::Left, "more often →"),
    ];
    for (aside, anchor, text) in directions {
        let at = (one + units(aside), units(8.0));
        area.draw_text(text, &Ink::Tick.text(anchor, VPos::Center), at)?;
    }
    for (index, row) in rows.iter().enumerate() {
        let top = paper.row_height * show::float(index as u64);
        words(area, paper, (row, top))?;
        let y = top + paper.mark;
        plot.draw(&Interval {
            points: [(row.low, y), (row.ratio, y), (row.high, y)],
            strength: row.strength(),
            is_beyond: row.high > high,
        })?;
    }
    Ok(())
}

/// What a row is called, and its numbers.
fn words(area: &Area<'_>, paper: &Paper, (row, top): (&Row, f64)) -> Drawn {
    let y = units(HEAD + top + paper.label.0);
    let label = shorten(&row.label, paper.label.1);
    area.draw_text(&label, &Ink::Label.text(HPos::Left, VPos::Center), (0, y))?;
    let at = (units(paper.width), y);
    area.draw_text(&row.numbers(), &Ink::Value.text(HPos::Right, VPos::Center), at)
}

/// The ends of an axis that shows all ratios and the value 1, with a little air on both sides.
///
/// Values that have no place on it (zero, negative, not finite) are left out. The axis never spans more than 0.01 to
/// 1,000: an interval beyond that says only "very wide", and would press all others into a dot.
fn span(rows: &[Row]) -> (f64, f64) {
    let values = rows.iter().flat_map(|row| [row.ratio, row.low, row.high]);
    let (mut low, mut high) = (0.5_f64, 2.0_f64);
    for value in values.filter(|value| value.is_finite() && *value > 0.0) {
        low = low.min(value);
        high = high.max(value);
    }
    ((low / 1.15).max(0.01), (high * 1.15).min(1000.0))
}

/// The values 1, 2, 5 times a power of ten that fall on the axis; only powers of ten if these are too many. The library
/// has powers of ten only, which are too few for most plots.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let mut all = Vec::new();
    for power in -2..=3 {
        for factor in [1.0, 2.0, 5.0] {
            all.push(factor * 10_f64.powi(power));
        }
    }
    all.retain(|tick| *tick >= low && *tick <= high);
    if all.len() > 8 {
        all.retain(|tick| tick.log10().fract().abs() < 1e-9);
    }
    all
}

fn tick_label(tick: f64) -> String {
    if tick >= 1.0 {
        format!("{tick:.0}×")
    } else {
        format!("{}×", (tick * 100.0).round() / 100.0)
    }
}

/// A ratio with its interval: a line with ends, an arrow where it goes on, and a mark.
struct Interval {
    points: [(f64, f64); 3],
    strength: Strength,
    is_beyond: bool,
}

impl<'a> PointCollection<'a, (f64, f64)> for &'a Interval {
    type Point = &'a (f64, f64);
    type IntoIter = std::slice::Iter<'a, (f64, f64)>;

    fn point_iter(self) -> Self::IntoIter {
        self.points.iter()
    }
}

impl Drawable<Canvas<'_>> for Interval {
    fn draw<I: Iterator<Item = BackendCoord>>(
        &self,
        mut at: I,
        canvas: &mut Canvas<'_>,
        _: (u32, u32),
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let (Some(low), Some(mark), Some(high)) = (at.next(), at.next(), at.next()) else {
            return Ok(());
        };
        let ink = Ink::Interval(self.strength).to_backend_color();
        let (up, aside) = (units(4.0), units(7.0));
        canvas.draw_line(low, high, &ink)?;
        canvas.draw_line((low.0, low.1 - up), (low.0, low.1 + up), &ink)?;
        if self.is_beyond {
            let arrow = [high, (high.0 - aside, high.1 - up), (high.0 - aside, high.1 + up)];
            canvas.fill_polygon(arrow, &Ink::Beyond(self.strength).to_backend_color())?;
        } else {
            canvas.draw_line((high.0, high.1 - up), (high.0, high.1 + up), &ink)?;
        }
        let half = units(5.0);
        let corners = ((mark.0 - half, mark.1 - half), (mark.0 + half, mark.1 + half));
        let ink = Ink::Mark(self.strength).to_backend_color();
        canvas.draw_rect(corners.0, corners.1, &ink, true)
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, plot, span, ticks};

    fn row(label: &str, ratio: f64, low: f64, high: f64) -> Row {
        Row {
            label: label.to_owned(),
            ratio,
            low,
            high,
        }
    }

    #[test]
    fn an_interval_across_one_is_drawn_pale() {
        let svg = plot(&[row("a.sys 1", 9.8, 5.1, 18.7), row("b.sys 2", 1.4, 0.8, 2.2)]).to_string();
        assert_eq!(svg.matches("mark strong").count(), 2);
        assert_eq!(svg.matches("mark weak").count(), 2);
        assert!(svg.contains("9.8 (5.1–18.7)"));
    }

    #[test]
    fn an_endless_interval_ends_in_an_arrow() {
        let svg = plot(&[row("a.sys 1", 9.8, 5.1, f64::INFINITY)]).to_string();
        assert_eq!(svg.matches("beyond").count(), 2);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn a_hostile_label_is_cut_and_escaped() {
        let svg = plot(&[row(&"<script>".repeat(40), 2.0, 1.0, 3.0)]).to_string();
        assert!(!svg.contains("<script>"));
    }

    #[test]
    fn values_without_a_place_stay_on_the_paper() {
        let rows = [
            row("a", f64::NAN, 0.0, f64::INFINITY),
            row("b", -3.0, f64::NAN, 1e300),
        ];
        let (low, high) = span(&rows);
        assert!(low >= 0.01 && high <= 1000.0);
        assert_eq!(ticks(0.25, 4.0), [0.5, 1.0, 2.0]);
        assert!(ticks(low, high).len() <= 8);
        let svg = plot(&rows).to_string();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
