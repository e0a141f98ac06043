//! Drivers as the API shows them.

use wire::StopCodeNumber;
use wire::driver::{DriverDetail, DriverSummary, DriverVersion, VersionCrashes};

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

/// One driver with its versions.
pub(crate) fn detail(driver: store::drivers::DriverDetail) -> DriverDetail {
    DriverDetail {
        name: driver.name,
        company: driver.company,
        class: driver.class,
        description: driver.description,
        versions: driver.versions.into_iter().map(version).collect(),
        safe_version: driver.safe_version,
    }
}

fn version(version: store::drivers::VersionDetail) -> DriverVersion {
    DriverVersion {
        version: version.version,
        code_ids: version.code_ids,
        machines: version.machines,
        machine_days: version.machine_days,
        first_seen: Some(version.first_seen_on),
        crashes: version.crashes.into_iter().map(crashes).collect(),
        rate_upper_bound: version.rate_upper_bound,
    }
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
        ]
    }
}
