//! Machines as the API shows them.

use store::machines;
use wire::StopCodeNumber;
use wire::inventory::MachineAttributes;
use wire::machine::{InstalledDriver, MachineDetail, MachineSummary, TimelineEntry};

use crate::list::{Cell, Table, time};

/// One machine in the list.
pub(crate) fn summary(machine: machines::MachineSummary) -> MachineSummary {
    MachineSummary {
        machine: machine.name,
        attributes: attributes(machine.attributes),
        last_seen_at: machine.last_seen_at,
        crashes: machine.crashes,
        last_crash_at: machine.last_crash_at,
    }
}

/// One machine with its timeline.
pub(crate) fn detail(machine: machines::MachineDetail) -> MachineDetail {
    MachineDetail {
        summary: summary(machine.summary),
        drivers: machine.drivers.into_iter().map(driver).collect(),
        timeline: machine.timeline.into_iter().map(entry).collect(),
    }
}

fn attributes(attributes: machines::Attributes) -> MachineAttributes {
    MachineAttributes {
        host_name: attributes.host_name,
        manufacturer: attributes.manufacturer,
        model: attributes.model,
        bios_version: attributes.bios_version,
        os_build: attributes.os_build,
        architecture: attributes.architecture,
        site: attributes.site,
        ring: attributes.ring,
    }
}

fn driver(driver: machines::InstalledDriver) -> InstalledDriver {
    InstalledDriver {
        name: driver.name,
        version: driver.version,
        company: driver.company,
    }
}

fn entry(entry: machines::TimelineEntry) -> TimelineEntry {
    match entry {
        machines::TimelineEntry::Crash {
            at,
            id,
            stop_code,
            signature,
        } => TimelineEntry::Crash {
            at,
            id,
            stop_code: stop_code.map(StopCodeNumber::from_raw),
            signature,
        },
        machines::TimelineEntry::DriversChanged { at, added, removed } => TimelineEntry::DriversChanged {
            at,
            added: added.into_iter().map(driver).collect(),
            removed: removed.into_iter().map(driver).collect(),
        },
    }
}

impl Table for MachineSummary {
    const COLUMNS: &'static [&'static str] = &[
        "machine",
        "host_name",
        "manufacturer",
        "model",
        "bios_version",
        "os_build",
        "architecture",
        "site",
        "ring",
        "last_seen_at",
        "crashes",
        "last_crash_at",
    ];

    fn cells(&self) -> Vec<Cell> {
        let attributes = &self.attributes;
        vec![
            Cell::text(&self.machine),
            Cell::maybe_text(attributes.host_name.as_deref()),
            Cell::maybe_text(attributes.manufacturer.as_deref()),
            Cell::maybe_text(attributes.model.as_deref()),
            Cell::maybe_text(attributes.bios_version.as_deref()),
            Cell::maybe(attributes.os_build),
            Cell::maybe_text(attributes.architecture.as_deref()),
            Cell::maybe_text(attributes.site.as_deref()),
            Cell::maybe_text(attributes.ring.as_deref()),
            time(self.last_seen_at),
            Cell::plain(self.crashes),
            self.last_crash_at.map_or(Cell::Empty, time),
        ]
    }
}

impl Table for TimelineEntry {
    const COLUMNS: &'static [&'static str] = &[
        "type",
        "at",
        "crash_id",
        "stop_code",
        "signature",
        "added",
        "removed",
    ];

    fn cells(&self) -> Vec<Cell> {
        match self {
            TimelineEntry::Crash {
                at,
                id,
                stop_code,
                signature,
            } => vec![
                Cell::plain("crash"),
                time(*at),
                Cell::plain(id),
                Cell::maybe(*stop_code),
                Cell::text(signature),
                Cell::Empty,
                Cell::Empty,
            ],
            TimelineEntry::DriversChanged { at, added, removed } => vec![
                Cell::plain("drivers-changed"),
                time(*at),
                Cell::Empty,
                Cell::Empty,
                Cell::Empty,
                Cell::text(&names(added)),
                Cell::text(&names(removed)),
            ],
        }
    }
}

fn names(drivers: &[InstalledDriver]) -> String {
    let names: Vec<String> = drivers
        .iter()
        .map(|driver| format!("{} {}", driver.name, driver.version.as_deref().unwrap_or("?")))
        .collect();
    names.join("; ")
}
