//! The overview's weeks: two pictures, and the table behind them.

use wire::fleet::FleetWeek;

use crate::pages::charts::{Svg, trend};
use crate::pages::show::{self, Day};

/// Shares at the axis.
const SHARE: trend::Scale = trend::Scale {
    unit: |share| format!("{:.1}\u{202f}%", share * 100.0),
    most: 1.0,
};

/// Rates at the axis.
const RATE: trend::Scale = trend::Scale {
    unit: show::ratio,
    most: f64::INFINITY,
};

/// What is shown of the weeks.
pub(super) struct Weeks {
    pub(super) crash_free: Svg,
    pub(super) rate: Svg,
    /// Newest first.
    pub(super) rows: Vec<Row>,
    pub(super) csv_href: String,
}

pub(super) struct Row {
    pub(super) week: Day,
    pub(super) machines: String,
    pub(super) crash_free: String,
    pub(super) machine_days: String,
    pub(super) crashes: String,
    pub(super) rate: String,
}

/// Lays the weeks out; `None` if no machine was on in any of them.
pub(super) fn weeks(weeks: &[FleetWeek], (from, to): (time::Date, time::Date)) -> Option<Weeks> {
    if weeks.is_empty() {
        return None;
    }
    let points = |value: fn(&FleetWeek) -> f64, told: fn(&FleetWeek) -> String| -> Vec<trend::Point> {
        let points = weeks.iter().map(|week| trend::Point {
            week: week.week,
            value: value(week),
            told: format!("Week of {}: {}", show::day(week.week), told(week)),
        });
        points.collect()
    };
    let free = points(crash_free, |week| {
        let share = show::percent(crash_free(week));
        format!(
            "{share} of {} did not crash",
            show::counted(week.machines, "machine")
        )
    });
    let rate = points(
        |week| week.crashes_per_1000_machine_days,
        |week| {
            let rate = show::ratio(week.crashes_per_1000_machine_days);
            format!(
                "{rate}, {} in {} machine-days",
                show::counted(week.crashes, "crash"),
                show::count(week.machine_days)
            )
        },
    );
    Some(Weeks {
        crash_free: trend::line(&free, "Share of machines that did not crash, by week", SHARE),
        rate: trend::line(&rate, "Crashes per 1,000 machine-days, by week", RATE),
        rows: weeks.iter().rev().map(row).collect(),
        csv_href: format!("/api/v1/fleet/weeks.csv?from={from}&to={to}&limit=500"),
    })
}

fn crash_free(week: &FleetWeek) -> f64 {
    show::share(week.crash_free_machines, week.machines)
}

fn row(week: &FleetWeek) -> Row {
    Row {
        week: Day(week.week),
        machines: show::count(week.machines),
        crash_free: show::percent(crash_free(week)),
        machine_days: show::count(week.machine_days),
        crashes: show::count(week.crashes),
        rate: show::ratio(week.crashes_per_1000_machine_days),
    }
}
