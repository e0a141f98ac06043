//! Machines as the API shows them.

use serde_json::Value;
use store::{agents, machines};
use wire::StopCodeNumber;
use wire::inventory::MachineAttributes;
use wire::machine::{
    Agent, DriverChange, InstalledDriver, MachineDetail, MachineSummary, Spell, TimelineEntry,
};
use wire::policy::LockedPages;

use crate::list::{Cell, Table, time};

/// Reasons of an agent that are shown.
const MOST_REASONS: usize = 5;

/// Characters of them that are shown.
const MAX_REASON_CHARACTERS: usize = 500;

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
        agent: machine.agent.map(agent),
        cannot_write_dumps: machine.crash_control.as_ref().and_then(cannot_write_dumps),
        experiment: machine.experiment.map(|id| id.0),
        drivers: machine.drivers.into_iter().map(driver).collect(),
        timeline: machine.timeline.into_iter().map(entry).collect(),
    }
}

fn agent(agent: agents::Agent) -> Agent {
    Agent {
        agent_version: agent.agent_version,
        checked_in_at: agent.checked_in_at,
        started_at: agent.started_at,
        may_track_locked_pages: agent.may_track_locked_pages,
        locked_pages: agent.locked_pages.map(|pages| LockedPages {
            set: pages.set,
            in_force_since: pages.in_force_since,
            trouble: pages.trouble,
        }),
    }
}

/// Why a machine with these settings could not have written a dump: what its agent gives as `reasons`, else that
/// dumps are switched off in the registry (`CrashDumpEnabled` is 0).
fn cannot_write_dumps(crash_control: &Value) -> Option<String> {
    let fields = crash_control.as_object()?;
    // As the registry spells it, or as JSON does.
    let field = |name: &str| {
        let mut found = fields
            .iter()
            .filter(|(key, _)| key.replace('_', "").eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value)
    };
    let said: Vec<&str> = match field("reasons") {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(texts)) => texts
            .iter()
            .filter_map(Value::as_str)
            .take(MOST_REASONS)
            .collect(),
        _ => Vec::new(),
    };
    if !said.is_empty() {
        let said = said.join("; ");
        return Some(said.chars().take(MAX_REASON_CHARACTERS).collect());
    }
    let is_off = field("crashdumpenabled").and_then(Value::as_u64) == Some(0);
    is_off.then(|| "crash dumps are switched off (CrashDumpEnabled is 0)".to_owned())
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
        machines::TimelineEntry::DriversChanged {
            at,
            added,
            removed,
            changes,
        } => TimelineEntry::DriversChanged {
            at,
            added: added.into_iter().map(driver).collect(),
            removed: removed.into_iter().map(driver).collect(),
            changes: changes.into_iter().map(change).collect(),
        },
    }
}

fn change(change: machines::DriverChange) -> DriverChange {
    let version = |driver: Option<machines::InstalledDriver>| {
        driver.map(|driver| driver.version.unwrap_or_else(|| "?".to_owned()))
    };
    DriverChange {
        driver: change.name,
        from: version(change.from),
        to: version(change.to),
        before: spell(change.before),
        after: spell(change.after),
    }
}

fn spell(spell: machines::Spell) -> Spell {
    Spell {
        machine_days: spell.machine_days,
        crashes: spell.crashes,
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
            TimelineEntry::DriversChanged {
                at, added, removed, ..
            } => vec![
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::cannot_write_dumps;

    #[test]
    fn a_machine_with_dumps_switched_off_could_not_have_written_one() {
        for off in [json!({"CrashDumpEnabled": 0}), json!({"crash_dump_enabled": 0})] {
            assert!(cannot_write_dumps(&off).unwrap().contains("switched off"));
        }
        for on in [
            json!({"CrashDumpEnabled": 7, "can_write_dumps": true, "reasons": []}),
            json!({}),
            json!(null),
            json!(["x"]),
        ] {
            assert_eq!(cannot_write_dumps(&on), None);
        }
    }

    #[test]
    fn what_the_agent_found_is_said_in_its_words() {
        let found = json!({"CrashDumpEnabled": 7, "can_write_dumps": false, "reasons": ["no page file on the boot volume", "disk full"]});
        assert_eq!(
            cannot_write_dumps(&found).unwrap(),
            "no page file on the boot volume; disk full"
        );
    }
}
