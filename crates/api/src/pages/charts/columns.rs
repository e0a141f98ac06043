//! Stacked columns on a time axis, on a part of a drawing.

use plotters::chart::ChartBuilder;
use plotters::element::PathElement;
use plotters::style::text_anchor::{HPos, VPos};

use super::SERIES;
use super::axes::{self, Ticked, TimeAxis};
use super::canvas::{Area, Block, Drawn, Ink, units};
use crate::pages::show;

/// Counts by column and series, and what they are.
pub(super) struct Columns<'a> {
    pub(super) axis: TimeAxis,
    /// As `[column][series]`; series without a colour of their own share the last one.
    pub(super) counts: &'a [Vec<u64>],
    /// What is told of one part: its column, its series and its count.
    pub(super) title: &'a dyn Fn(usize, usize, u64) -> String,
}

/// What is written below columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Below {
    /// The days.
    Days,
    /// Nothing: another chart on the same axis is below.
    Nothing,
}

/// The sum of a column.
fn sum(counts: &[u64]) -> u64 {
    counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
}

impl Columns<'_> {
    /// The highest column.
    pub(super) fn peak(&self) -> u64 {
        self.counts.iter().map(|column| sum(column)).max().unwrap_or(0)
    }

    /// The room that the numbers at its axis need.
    pub(super) fn room(&self) -> f64 {
        room(&show::rounded(axes::top(&axes::counts(self.peak()))))
    }

    /// Draws them. `left` and `above` are the room for the numbers at the axis and for a heading; `below` is what is
    /// written below.
    pub(super) fn draw(&self, area: &Area<'_>, (left, above): (f64, f64), below: Below) -> Drawn {
        let ticks = axes::counts(self.peak());
        let top = axes::top(&ticks);
        let width = f64::from(area.dim_in_pixel().0) / f64::from(units(1.0)) - left;
        let days = self.axis.ticks(width);
        let mut chart = ChartBuilder::on(area)
            .margin_top(units(above))
            .margin_right(units(2.0))
            .y_label_area_size(units(left))
            .x_label_area_size(units(if below == Below::Days { 24.0 } else { 18.0 }))
            .build_cartesian_2d(
                Ticked::new(0.0..self.axis.end(), days),
                Ticked::new(0.0..top, ticks),
            )?;
        let nothing = |_: &f64| String::new();
        let day = |place: &f64| self.axis.label(*place);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .axis_style(Ink::Unseen.style())
            .bold_line_style(Ink::Grid.style())
            .light_line_style(Ink::Unseen.style())
            .label_style(Ink::Tick.text(HPos::Left, VPos::Top))
            .set_all_tick_mark_size(units(4.0))
            .y_label_formatter(&|value: &f64| show::rounded(*value))
            .x_label_formatter(if below == Below::Days { &day } else { &nothing })
            .draw()?;
        chart.draw_series(
            (0..)
                .zip(self.counts)
                .flat_map(|(place, counts)| self.column(place, counts)),
        )?;
        let floor = vec![(0.0, 0.0), (self.axis.end(), 0.0)];
        chart
            .plotting_area()
            .draw(&PathElement::new(floor, Ink::Axis.style()))
    }

    /// The parts of one column, the first series lowest.
    fn column(&self, place: usize, counts: &[u64]) -> Vec<Block> {
        let gap = if self.axis.days == 1 { 0.11 } else { 0.09 };
        let (left, right) = (
            show::float(place as u64) + gap,
            show::float(place as u64) + 1.0 - gap,
        );
        let mut below = 0_u64;
        let mut blocks = Vec::new();
        for (series, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let above = below.saturating_add(*count);
            blocks.push(Block {
                corners: [(left, show::float(below)), (right, show::float(above))],
                ink: Ink::Series(series.min(SERIES - 1)),
                title: (self.title)(place, series, *count),
            });
            below = above;
        }
        blocks
    }
}

/// The room that the numbers up to `top` need at an axis.
pub(super) fn room(widest: &str) -> f64 {
    14.0 + 6.5 * show::float(widest.chars().count() as u64)
}
