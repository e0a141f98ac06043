//! Drivers as the API shows them.

use std::collections::HashMap;

use wire::StopCodeNumber;
use wire::driver::{
    DriverDetail, DriverSummary, DriverVersion, DriverVersionModel, DriverVersionWeek, VersionCrashes,
};
use wire::observed::WeekObserved;
use wire::suspects::Window;

use super::observed;
use crate::list::{Cell, Table, date};

/// One driver in the list.
pub(crate) fn summary(driver: store::drivers::DriverSummary) -> DriverSummary {
    DriverSummary {
        name: driver.name,
        company: driver.company,
        class: driver.class,
        versions: driver.versions,
        machines: driver.machines,
        crashes: driver.crashes,
    }
}

/// One driver with its versions, of which `window` and `stop_code` were counted.
pub(crate) fn detail(
    driver: store::drivers::DriverDetail,
    window: store::Window,
    stop_code: Option<StopCodeNumber>,
) -> DriverDetail {
    let weeks = driver.weeks.iter().map(|week| WeekObserved {
        week: week.week,
        seen: observed::of(week.observed),
    });
    DriverDetail {
        weeks: weeks.collect(),
        seen: observed::of(driver.observed),
        name: driver.name,
        company: driver.company,
        class: driver.class,
        description: driver.description,
        window: Window {
            from: window.from,
            to: window.to,
        },
        stop_code,
        versions: driver.versions.into_iter().map(version).collect(),
        safe_version: driver.safe_version,
    }
}

fn version(version: store::drivers::VersionDetail) -> DriverVersion {
    let seen = observed::of(version.observed);
    DriverVersion {
        version: version.version,
        code_ids: version.code_ids,
        machines: version.machines,
        machine_days: seen.machine_days,
        crash_count: seen.crash_count,
        crashing_machines: seen.crashing_machines,
        crashes_per_1000_machine_days: seen.crashes_per_1000_machine_days,
        rate_low: seen.rate_low,
        rate_high: seen.rate_high,
        first_seen: Some(version.first_seen_on),
        last_seen: version.last_seen_on,
        crashes: version.crashes.into_iter().map(crashes).collect(),
        rate_upper_bound: version.rate_upper_bound,
    }
}

/// What versions are called, by id; `None` inside for those that no inventory knows.
fn names(driver: &store::drivers::DriverDetail) -> HashMap<i32, Option<String>> {
    let versions = driver.versions.iter();
    versions
        .map(|version| (version.driver_version_id, version.version.clone()))
        .collect()
}

/// Each version in each week, as a list.
pub(crate) fn weeks(driver: &store::drivers::DriverDetail) -> Vec<DriverVersionWeek> {
    let names = names(driver);
    let of_week = driver.weeks.iter().flat_map(|week| {
        week.versions.iter().map(|(id, seen)| DriverVersionWeek {
            version: names.get(id).cloned().flatten(),
            seen: WeekObserved {
                week: week.week,
                seen: observed::of(*seen),
            },
        })
    });
    of_week.collect()
}

/// Each version on each hardware model, as a list.
pub(crate) fn models(driver: &store::drivers::DriverDetail) -> Vec<DriverVersionModel> {
    let names = names(driver);
    let of_model = driver.models.iter().flat_map(|model| {
        model.versions.iter().map(|(id, seen)| DriverVersionModel {
            manufacturer: model.model.as_ref().map(|model| model.manufacturer.clone()),
            model: model.model.as_ref().map(|model| model.name.clone()),
            version: names.get(id).cloned().flatten(),
            seen: observed::of(*seen),
        })
    });
    of_model.collect()
}

fn crashes(crashes: store::drivers::VersionCrashes) -> VersionCrashes {
    VersionCrashes {
        stop_code: StopCodeNumber::from_raw(crashes.stop_code),
        stop_code_name: crashes.stop_code_name,
        machines: crashes.machines,
    }
}

impl Table for DriverSummary {
    const COLUMNS: &'static [&'static str] = &["name", "company", "class", "versions", "machines", "crashes"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.name),
            Cell::maybe_text(self.company.as_deref()),
            Cell::maybe_text(self.class.as_deref()),
            Cell::plain(self.versions),
            Cell::plain(self.machines),
            Cell::plain(self.crashes),
        ]
    }
}

impl Table for DriverVersion {
    const COLUMNS: &'static [&'static str] = &[
        "version",
        "code_ids",
        "machines",
        "machine_days",
        "first_seen",
        "crashes",
        "rate_upper_bound",
        "crash_count",
        "crashing_machines",
        "crashes_per_1000_machine_days",
        "rate_low",
        "rate_high",
        "last_seen",
    ];

    fn cells(&self) -> Vec<Cell> {
        let crashes: Vec<String> = self
            .crashes
            .iter()
            .map(|crashes| format!("{} {}", crashes.stop_code, crashes.machines))
            .collect();
        vec![
            Cell::maybe_text(self.version.as_deref()),
            Cell::text(&self.code_ids.join(" ")),
            Cell::plain(self.machines),
            Cell::plain(self.machine_days),
            self.first_seen.map_or(Cell::Empty, date),
            Cell::plain(crashes.join("; ")),
            Cell::maybe(self.rate_upper_bound),
            Cell::plain(self.crash_count),
            Cell::plain(self.crashing_machines),
            Cell::maybe(self.crashes_per_1000_machine_days),
            Cell::maybe(self.rate_low),
            Cell::maybe(self.rate_high),
            self.last_seen.map_or(Cell::Empty, date),
        ]
    }
}

impl Table for DriverVersionWeek {
    const COLUMNS: &'static [&'static str] = &[
        "week",
        "version",
        "machine_days",
        "crash_count",
        "crashing_machines",
        "crashes_per_1000_machine_days",
        "rate_low",
        "rate_high",
    ];

    fn cells(&self) -> Vec<Cell> {
        let mut cells = vec![date(self.seen.week), Cell::maybe_text(self.version.as_deref())];
        cells.extend(observed::cells(&self.seen.seen));
        cells
    }
}

impl Table for DriverVersionModel {
    const COLUMNS: &'static [&'static str] = &[
        "manufacturer",
        "model",
        "version",
        "machine_days",
        "crash_count",
        "crashing_machines",
        "crashes_per_1000_machine_days",
        "rate_low",
        "rate_high",
    ];

    fn cells(&self) -> Vec<Cell> {
        let mut cells = vec![
            Cell::maybe_text(self.manufacturer.as_deref()),
            Cell::maybe_text(self.model.as_deref()),
            Cell::maybe_text(self.version.as_deref()),
        ];
        cells.extend(observed::cells(&self.seen));
        cells
    }
}
