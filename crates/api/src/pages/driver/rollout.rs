//! The roll-out of versions against the crash rate, as a picture and as the table behind it.

use std::collections::BTreeMap;

use time::Date;
use wire::observed::Observed;

use super::{Facts, called, most_telling};
use crate::pages::charts::rollout::{Picture, Week, plot};
use crate::pages::charts::{SERIES, Svg};
use crate::pages::rates;
use crate::pages::show::{self, Day};

/// The picture, its legend and its numbers.
pub(super) struct Rollout {
    pub(super) picture: Svg,
    pub(super) legend: Vec<LegendEntry>,
    pub(super) rows: Vec<WeekRow>,
}

/// A colour and what it stands for.
pub(super) struct LegendEntry {
    pub(super) series: usize,
    pub(super) name: String,
}

/// One week in numbers.
pub(super) struct WeekRow {
    pub(super) week: Day,
    pub(super) machine_days: Vec<String>,
    pub(super) crashing: String,
    pub(super) rate: String,
}

/// The picture; `None` when no machine had the driver in the window.
pub(super) fn of(facts: &Facts) -> Option<Rollout> {
    let driver = &facts.driver;
    let shown = most_telling(&driver.versions, SERIES - 1);
    let has_others = facts.weeks.iter().any(|week| !shown.contains(&week.version));
    let mut names: Vec<String> = shown.iter().map(|version| called(version.as_deref())).collect();
    if has_others {
        names.push("all other versions".to_owned());
    }
    let totals: BTreeMap<Date, Observed> = driver.weeks.iter().map(|week| (week.week, week.seen)).collect();
    let mondays = rates::weeks(driver.window.from, driver.window.to);
    let weeks: Vec<Week> = mondays
        .iter()
        .map(|monday| {
            let mut counts = vec![0_u64; names.len()];
            for week in facts.weeks.iter().filter(|week| week.seen.week == *monday) {
                let series = shown.iter().position(|version| *version == week.version);
                let place = series.unwrap_or(names.len().saturating_sub(1));
                if let Some(count) = counts.get_mut(place) {
                    *count = count.saturating_add(week.seen.seen.machine_days);
                }
            }
            let seen = totals.get(monday).copied().unwrap_or_default();
            Week {
                counts,
                rate: rates::rate(&seen),
                told: rates::told(&seen),
            }
        })
        .collect();
    let headings = [
        "Machine-days by version",
        "Crashing machines per 1,000 machine-days",
    ];
    let picture = plot(&Picture {
        first: *mondays.first()?,
        weeks: &weeks,
        names: &names,
        noun: "machine-day",
        headings,
    });
    let rows = mondays.iter().zip(&weeks).map(|(monday, week)| WeekRow {
        week: Day(*monday),
        machine_days: week.counts.iter().copied().map(show::count).collect(),
        crashing: show::count(totals.get(monday).map_or(0, |seen| seen.crashing_machines)),
        rate: rates::text(week.rate),
    });
    (!picture.is_empty()).then(|| Rollout {
        rows: rows.collect(),
        legend: legend(names),
        picture,
    })
}

/// Newest first, as the stack has it from the top.
fn legend(names: Vec<String>) -> Vec<LegendEntry> {
    let entries = names.into_iter().enumerate();
    let entry = |(place, name): (usize, String)| LegendEntry {
        series: place.min(SERIES - 1),
        name,
    };
    entries.map(entry).rev().collect()
}
