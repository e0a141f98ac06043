//! Who had what by week, and below it, on the same axis, how often they crashed.
//!
//! Above stand machine-days, stacked by version (or whatever the series are); below, the crash rate of all of them
//! together with its 95 % interval. A rate that rises with a new colour is worth a look; it proves nothing.

use plotters::chart::ChartBuilder;
use plotters::element::PathElement;
use plotters::style::text_anchor::{HPos, VPos};
use time::Date;

use super::axes::{self, Ticked, TimeAxis};
use super::canvas::{Area, Drawn, Ink, Sheet, Strength, Whisker, drawing, units};
use super::columns::{Below, Columns, room};
use super::{Svg, shorten};
use crate::pages::show;

/// Weeks drawn at most.
const MOST_WEEKS: usize = 54;

/// One week of all series.
#[derive(Debug, Clone)]
pub(crate) struct Week {
    /// What stands above, by series.
    pub(crate) counts: Vec<u64>,
    /// Crashes per 1,000 machine-days, and the ends of the interval; `None` without machine-days.
    pub(crate) rate: Option<[f64; 3]>,
    /// What is told of the rate.
    pub(crate) told: String,
}

/// Consecutive weeks.
#[derive(Debug, Clone)]
pub(crate) struct Picture<'a> {
    /// Monday of the first week.
    pub(crate) first: Date,
    /// The weeks, without gaps.
    pub(crate) weeks: &'a [Week],
    /// What the series are called, the first lowest.
    pub(crate) names: &'a [String],
    /// What is counted above, one of it: `machine-day`.
    pub(crate) noun: &'a str,
    /// The headings of both parts.
    pub(crate) headings: [&'a str; 2],
}

/// Draws both parts, wide and narrow. Empty without anything to show.
pub(crate) fn plot(picture: &Picture<'_>) -> Svg {
    let weeks = picture.weeks.get(..MOST_WEEKS.min(picture.weeks.len()));
    let weeks = weeks.unwrap_or_default();
    let counts: Vec<Vec<u64>> = weeks.iter().map(|week| week.counts.clone()).collect();
    let axis = TimeAxis {
        first: picture.first,
        days: 7,
        columns: weeks.len(),
    };
    let title = |place: usize, series: usize, count: u64| {
        let name = picture.names.get(series).map_or("", String::as_str);
        let week = show::day(axis.day(place));
        format!("Week of {week}: {name}, {}", show::counted(count, picture.noun))
    };
    let columns = Columns {
        axis,
        counts: &counts,
        title: &title,
    };
    if columns.peak() == 0 {
        return Svg::default();
    }
    let rates = Rates { axis, weeks };
    let description = described(picture, weeks, axis);
    let draw = |class, size: (f64, f64)| {
        let sheet = Sheet {
            class,
            size,
            title: picture.headings[0],
            description: &description,
        };
        drawing(&sheet, |area| {
            let (above, below) = area.split_vertically(units(size.1 * 0.55));
            let left = columns.room().max(rates.room());
            headed(&above, picture.headings[0])?;
            columns.draw(&above, (left, HEAD), Below::Nothing)?;
            headed(&below, picture.headings[1])?;
            rates.draw(&below, left)
        })
    };
    let wide = draw("chart wide", (1080.0, 420.0));
    let narrow = draw("chart narrow", (358.0, 400.0));
    Svg(format!("{wide}{narrow}"))
}

/// Room for a heading above a part.
const HEAD: f64 = 30.0;

fn headed(area: &Area<'_>, heading: &str) -> Drawn {
    area.draw_text(heading, &Ink::Label.text(HPos::Left, VPos::Top), (0, units(2.0)))
}

/// What there is to see, for those who cannot.
fn described(picture: &Picture<'_>, weeks: &[Week], axis: TimeAxis) -> String {
    let highest = weeks
        .iter()
        .enumerate()
        .filter_map(|(place, week)| Some((place, week.rate?[0])))
        .max_by(|(_, one), (_, other)| one.total_cmp(other));
    let highest = match highest {
        Some((place, rate)) if rate > 0.0 => format!(
            "The crash rate is highest in the week of {}: {} per 1,000 machine-days.",
            show::day(axis.day(place)),
            show::ratio(rate)
        ),
        _ => "No crash in any of these weeks.".to_owned(),
    };
    let names: Vec<String> = picture.names.iter().map(|name| shorten(name, 60)).collect();
    format!(
        "{} and {} by week, {} weeks from {}, for {}. {highest}",
        picture.headings[0],
        picture.headings[1],
        weeks.len(),
        show::day(axis.first),
        names.join(", ")
    )
}

/// The lower part.
struct Rates<'a> {
    axis: TimeAxis,
    weeks: &'a [Week],
}

impl Rates<'_> {
    /// The round values of its axis. Where rates are known badly, the upper ends of their intervals run off the paper:
    /// otherwise they would press the rates themselves flat.
    fn ticks(&self) -> Vec<f64> {
        let of = |end: usize| {
            let rates = self.weeks.iter().filter_map(|week| week.rate);
            let values = rates.filter_map(move |rate| rate.get(end).copied());
            values.fold(0.0_f64, f64::max)
        };
        let (rate, high) = (of(0), of(2));
        axes::rates(if rate > 0.0 { high.min(rate * 2.2) } else { high })
    }

    fn room(&self) -> f64 {
        let labels = self.ticks().into_iter().map(show::ratio);
        let widest = labels.max_by_key(|label| label.chars().count());
        room(&widest.unwrap_or_default())
    }

    fn draw(&self, area: &Area<'_>, left: f64) -> Drawn {
        let ticks = self.ticks();
        let top = axes::top(&ticks);
        let width = f64::from(area.dim_in_pixel().0) / f64::from(units(1.0)) - left;
        let mut chart = ChartBuilder::on(area)
            .margin_top(units(HEAD))
            .margin_right(units(2.0))
            .y_label_area_size(units(left))
            .x_label_area_size(units(24.0))
            .build_cartesian_2d(
                Ticked::new(0.0..self.axis.end(), self.axis.ticks(width)),
                Ticked::new(0.0..top, ticks),
            )?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .axis_style(Ink::Unseen.style())
            .bold_line_style(Ink::Grid.style())
            .light_line_style(Ink::Unseen.style())
            .label_style(Ink::Tick.text(HPos::Left, VPos::Top))
            .set_all_tick_mark_size(units(4.0))
            .y_label_formatter(&|value: &f64| show::ratio(*value))
            .x_label_formatter(&|place: &f64| self.axis.label(*place))
            .draw()?;
        let floor = vec![(0.0, 0.0), (self.axis.end(), 0.0)];
        let plot = chart.plotting_area();
        plot.draw(&PathElement::new(floor, Ink::Axis.style()))?;
        // A line leads over weeks without machine-days only to lie: there it ends.
        let known = self.weeks.split(|week| week.rate.is_none());
        let mut place = 0;
        for run in known {
            let points = run
                .iter()
                .zip(place..)
                .filter_map(|(week, at)| Some((middle(at), week.rate?[0])));
            plot.draw(&PathElement::new(points.collect::<Vec<_>>(), Ink::Rates.style()))?;
            place += run.len() + 1;
        }
        chart.draw_series(self.whiskers())?;
        Ok(())
    }

    fn whiskers(&self) -> impl Iterator<Item = Whisker> {
        self.weeks.iter().enumerate().filter_map(|(place, week)| {
            let [rate, low, high] = week.rate?;
            let x = middle(place);
            Some(Whisker {
                points: [(x, low), (x, rate), (x, high)],
                strength: if rate > 0.0 {
                    Strength::Strong
                } else {
                    Strength::Weak
                },
                title: format!("Week of {}: {}", show::day(self.axis.day(place)), week.told),
            })
        })
    }
}

fn middle(place: usize) -> f64 {
    show::float(place as u64) + 0.5
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::{Picture, Week, plot};

    fn week(counts: &[u64], rate: Option<[f64; 3]>) -> Week {
        Week {
            counts: counts.to_vec(),
            rate,
            told: "1 machine".to_owned(),
        }
    }

    fn drawn(weeks: &[Week], name: &str) -> String {
        plot(&Picture {
            first: date!(2026 - 08 - 24),
            weeks,
            names: &[name.to_owned(), "others".to_owned()],
            noun: "machine-day",
            headings: ["Machine-days", "Crashes per 1,000 machine-days"],
        })
        .to_string()
    }

    #[test]
    fn each_week_has_a_box_by_series_and_its_rate_below() {
        let weeks = [
            week(&[700, 0], Some([0.0, 0.0, 5.3])),
            week(&[400, 300], Some([1.4, 0.1, 7.9])),
            week(&[0, 0], None),
        ];
        let svg = drawn(&weeks, "4.2.1.0");
        // Wide and narrow.
        assert_eq!(svg.matches("<rect class=\"series-0\"").count(), 4);
        assert_eq!(svg.matches("<rect class=\"series-1\"").count(), 2);
        assert_eq!(svg.matches("<circle class=\"mark").count(), 4);
        assert!(
            svg.contains("highest in the week of 31 Aug 2026: 1.40 per"),
            "{svg}"
        );
        assert!(svg.contains("Week of 31 Aug 2026: 1 machine</title>"));
    }

    #[test]
    fn nothing_comes_of_weeks_without_machine_days() {
        assert!(drawn(&[], "x").is_empty());
        assert!(drawn(&[week(&[0, 0], None)], "x").is_empty());
    }

    #[test]
    fn hostile_names_and_numbers_stay_on_the_paper() {
        let endless = Some([f64::MAX, 0.0, f64::INFINITY]);
        let svg = drawn(&[week(&[u64::MAX, u64::MAX], endless)], &"<script>".repeat(99));
        assert!(
            !svg.contains("<script>") && !svg.contains("NaN") && !svg.contains("inf"),
            "{svg}"
        );
    }
}
