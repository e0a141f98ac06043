//! The forest plot: one row a suspect, its rate ratio as a mark and its 95 % interval as a line.
//!
//! The axis is logarithmic, so that "ten times as often" and "a tenth as often" are equally far from the line at 1.
//! An interval that crosses that line is drawn pale: the data allow that the driver plays no part.

use super::scale::LogScale;
use super::{Anchor, Pen, Svg, shorten};
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
    fn excludes_one(&self) -> bool {
        self.low > 1.0 || self.high < 1.0
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

/// Measures of one drawing.
struct Paper {
    class: &'static str,
    width: f64,
    plot: (f64, f64),
    row_height: f64,
    /// Where the label's baseline is, from the top of its row, and how many characters fit.
    label: (f64, usize),
    /// Where the mark is, from the top of its row.
    mark: f64,
}

const WIDE: Paper = Paper {
    class: "chart forest wide",
    width: 1080.0,
    plot: (330.0, 900.0),
    row_height: 32.0,
    label: (20.0, 42),
    mark: 16.0,
};

const NARROW: Paper = Paper {
    class: "chart forest narrow",
    width: 358.0,
    plot: (6.0, 352.0),
    row_height: 50.0,
    label: (16.0, 30),
    mark: 34.0,
};

const HEAD: f64 = 22.0;
const FOOT: f64 = 30.0;

/// Draws the rows in the order given, wide and narrow. Empty if there is no row.
pub(crate) fn plot(rows: &[Row]) -> Svg {
    if rows.is_empty() {
        return Svg::default();
    }
    Svg(format!("{}{}", draw(rows, &WIDE), draw(rows, &NARROW)))
}

fn draw(rows: &[Row], paper: &Paper) -> Svg {
    let values = rows.iter().flat_map(|row| [row.ratio, row.low, row.high]);
    let scale = LogScale::around_one(values, paper.plot);
    let bottom = HEAD + paper.row_height * show::float(rows.len() as u64);
    let first = rows
        .first()
        .map(|row| format!(" First: {}, {}.", row.label, row.numbers()))
        .unwrap_or_default();
    let label = format!(
        "Rate ratios with 95 % intervals of {}.{first}",
        show::counted(rows.len() as u64, "suspect")
    );
    let mut pen = Pen::new(paper.class, (paper.width, bottom + FOOT), &label);
    axis(&mut pen, &scale, paper, bottom);
    for (index, row) in rows.iter().enumerate() {
        let top = HEAD + paper.row_height * show::float(index as u64);
        one_row(&mut pen, &scale, paper, (row, top));
    }
    pen.finish()
}

fn axis(pen: &mut Pen, scale: &LogScale, paper: &Paper, bottom: f64) {
    for tick in scale.ticks() {
        let x = scale.place(tick);
        pen.line("grid", (x, HEAD), (x, bottom));
        pen.text("tick", (x, bottom + 16.0), Anchor::Middle, &tick_label(tick));
    }
    let one = scale.place(1.0);
    pen.line("one", (one, HEAD - 6.0), (one, bottom + 3.0));
    pen.line("axis", (paper.plot.0, bottom), (paper.plot.1, bottom));
    pen.text("tick", (one - 8.0, 12.0), Anchor::End, "← crashes less often");
    pen.text("tick", (one + 8.0, 12.0), Anchor::Start, "crashes more often →");
}

fn tick_label(tick: f64) -> String {
    if tick >= 1.0 {
        format!("{tick:.0}×")
    } else {
        format!("{}×", (tick * 100.0).round() / 100.0)
    }
}

fn one_row(pen: &mut Pen, scale: &LogScale, paper: &Paper, (row, top): (&Row, f64)) {
    let strength = if row.excludes_one() { "strong" } else { "weak" };
    let (y, label_y) = (top + paper.mark, top + paper.label.0);
    pen.text(
        "label",
        (0.0, label_y),
        Anchor::Start,
        &shorten(&row.label, paper.label.1),
    );
    pen.text("value", (paper.width, label_y), Anchor::End, &row.numbers());
    let (low, high) = (scale.place(row.low), scale.place(row.high));
    pen.line(&format!("interval {strength}"), (low, y), (high, y));
    pen.line(&format!("interval {strength}"), (low, y - 4.0), (low, y + 4.0));
    if scale.is_beyond(row.high) {
        pen.push(format_args!(
            "<path class=\"beyond {strength}\" d=\"M{high:.1} {y:.1} l-7 -5 v10 z\"/>"
        ));
    } else {
        pen.line(&format!("interval {strength}"), (high, y - 4.0), (high, y + 4.0));
    }
    let x = scale.place(row.ratio);
    pen.rect(
        &format!("mark {strength}"),
        (x - 5.0, y - 5.0),
        (10.0, 10.0),
        None,
    );
}

#[cfg(test)]
mod tests {
    use super::{Row, plot};

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
}
