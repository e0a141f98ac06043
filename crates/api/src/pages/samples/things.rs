//! Samples of lists of drivers, of machines and of the queue.

use uuid::Uuid;
use wire::driver::DriverSummary;
use wire::inventory::MachineAttributes;
use wire::machine::{
    Agent, DriverChange, InstalledDriver, MachineDetail, MachineSummary, Spell, TimelineEntry,
};
use wire::policy::LockedPages;

use super::{NOW, code, hostile};
use crate::pages::{drivers, health, machines};

/// Lists of drivers: usual, empty, empty for a search, hostile.
pub(crate) fn driver_lists() -> [drivers::ListFacts; 4] {
    let driver = |name: &str, company: Option<&str>, crashes| DriverSummary {
        name: name.to_owned(),
        company: company.map(str::to_owned),
        class: Some("Net".to_owned()),
        versions: 7,
        machines: 4_101,
        crashes,
    };
    let usual = drivers::ListFacts {
        drivers: vec![
            driver("acmecap.sys", Some("Acme Imaging GmbH"), 0),
            driver("nwtunnel.sys", Some("Northwall Networks"), 14),
            driver("amdppm.sys", None, 2),
        ],
        search: String::new(),
        limit: Some(20),
        cursor: Some("bm93".to_owned()),
        next_cursor: Some("b3Blbg==".to_owned()),
    };
    let searched = drivers::ListFacts {
        search: hostile(),
        ..drivers::ListFacts::default()
    };
    let evil = drivers::ListFacts {
        drivers: vec![driver(&hostile(), Some(&hostile()), u64::MAX)],
        search: hostile(),
        limit: None,
        cursor: None,
        next_cursor: Some(hostile()),
    };
    [usual, drivers::ListFacts::default(), searched, evil]
}

fn machine(name: &str) -> MachineSummary {
    MachineSummary {
        machine: name.to_owned(),
        attributes: MachineAttributes {
            host_name: Some(name.to_uppercase()),
            manufacturer: Some("Dell Inc.".to_owned()),
            model: Some("Latitude 7420".to_owned()),
            bios_version: Some("1.31.0".to_owned()),
            os_build: Some(22_631),
            architecture: Some("x86_64".to_owned()),
            site: Some("Leipzig".to_owned()),
            ring: Some("broad".to_owned()),
        },
        last_seen_at: NOW,
        crashes: 3,
        last_crash_at: Some(NOW),
    }
}

/// Lists of machines: usual, empty, empty for a search, hostile.
pub(crate) fn machine_lists() -> [machines::ListFacts; 4] {
    let empty = machines::ListFacts {
        address: "http://127.0.0.1:8080".to_owned(),
        ..machines::ListFacts::default()
    };
    let quiet = MachineSummary {
        crashes: 0,
        last_crash_at: None,
        attributes: MachineAttributes::default(),
        ..machine("lt-0413")
    };
    let usual = machines::ListFacts {
        machines: vec![machine("lt-0412"), quiet],
        next_cursor: Some("x".to_owned()),
        ..empty.clone()
    };
    let searched = machines::ListFacts {
        query: machines::Query {
            search: hostile(),
            ..machines::Query::default()
        },
        ..empty.clone()
    };
    let evil = machines::ListFacts {
        machines: vec![machine(&hostile())],
        query: machines::Query {
            search: hostile(),
            driver: hostile(),
            version: hostile(),
            model: hostile(),
            os_build: hostile(),
            limit: hostile(),
        },
        count: Some(u64::MAX),
        problem: Some(hostile()),
        next_cursor: Some(hostile()),
        ..empty.clone()
    };
    [usual, empty, searched, evil]
}

/// An agent that tracks locked pages, or that says why it cannot.
fn agent(version: &str, trouble: Option<String>) -> Agent {
    Agent {
        agent_version: version.to_owned(),
        checked_in_at: NOW,
        started_at: Some(NOW),
        may_track_locked_pages: true,
        locked_pages: Some(LockedPages {
            set: trouble.is_none(),
            in_force_since: trouble.is_none().then_some(NOW),
            trouble,
        }),
    }
}

fn driver(name: &str, version: &str) -> InstalledDriver {
    InstalledDriver {
        name: name.to_owned(),
        version: Some(version.to_owned()),
        company: Some("Acme Imaging GmbH".to_owned()),
    }
}

/// A change after which the machine began to crash.
fn change(driver: &str, from: Option<&str>, to: Option<&str>) -> DriverChange {
    DriverChange {
        driver: driver.to_owned(),
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
        before: Spell {
            machine_days: 41,
            crashes: 0,
        },
        after: Spell {
            machine_days: 12,
            crashes: 3,
        },
    }
}

fn crash(signature: &str) -> TimelineEntry {
    TimelineEntry::Crash {
        at: NOW,
        id: Uuid::nil(),
        stop_code: Some(code(0x76)),
        signature: signature.to_owned(),
    }
}

/// One machine: usual, of which nothing is known, hostile.
pub(crate) fn machine_details() -> [MachineDetail; 3] {
    let many: Vec<InstalledDriver> = (0..12)
        .map(|index| driver(&format!("dell{index:02}.sys"), "2.0"))
        .collect();
    let usual = MachineDetail {
        summary: machine("lt-0412"),
        agent: Some(agent("0.1.0", None)),
        cannot_write_dumps: None,
        experiment: Some(Uuid::nil()),
        drivers: vec![
            driver("acmecap.sys", "4.2.1.0"),
            driver("nwtunnel.sys", "11.0.4.118"),
        ],
        timeline: vec![
            crash("PROCESS_HAS_LOCKED_PAGES_0 | AcmeScan.exe"),
            TimelineEntry::DriversChanged {
                at: NOW,
                added: vec![driver("acmecap.sys", "4.2.1.0")],
                removed: vec![driver("acmecap.sys", "4.1.9.0"), driver("old.sys", "1.0")],
                changes: vec![
                    change("acmecap.sys", Some("4.1.9.0"), Some("4.2.1.0")),
                    change("old.sys", Some("1.0"), None),
                ],
            },
            TimelineEntry::DriversChanged {
                at: NOW,
                changes: many
                    .iter()
                    .map(|new| change(&new.name, None, new.version.as_deref()))
                    .collect(),
                added: many,
                removed: Vec::new(),
            },
        ],
    };
    let unknown = MachineSummary {
        crashes: 0,
        last_crash_at: None,
        attributes: MachineAttributes::default(),
        ..machine("lt-0413")
    };
    let bare = MachineDetail {
        summary: unknown,
        agent: None,
        cannot_write_dumps: None,
        experiment: None,
        drivers: Vec::new(),
        timeline: Vec::new(),
    };
    let text = hostile();
    let evil = MachineDetail {
        summary: machine(&text),
        agent: Some(agent(&text, Some(text.clone()))),
        cannot_write_dumps: Some(text.clone()),
        experiment: None,
        drivers: vec![driver(&text, &text)],
        timeline: vec![
            crash(&text),
            TimelineEntry::DriversChanged {
                at: NOW,
                added: vec![driver(&text, &text)],
                removed: vec![driver(&text, "<i>")],
                changes: vec![change(&text, Some("<i>"), Some(&text))],
            },
        ],
    };
    [usual, bare, evil]
}

/// The server's health: usual, idle, hostile.
pub(crate) fn healths() -> [health::Facts; 3] {
    let dump = |text: &str| health::FailedDump {
        id: Uuid::nil(),
        file_name: Some(text.to_owned()),
        format: Some(wire::dump::DumpFormat::KernelTriage),
        machine: Some(text.to_owned()),
        size_bytes: 262_144,
        attempts: 5,
        error: Some(format!(
            "driver list cut short: 11856 bytes needed at offset 0x1d3a8, 912 there ({text})"
        )),
        received_at: NOW,
    };
    let letter = |text: &str| health::DeadLetter {
        id: 7,
        kind: "verdict".to_owned(),
        key: text.to_owned(),
        attempts: 5,
        last_error: Some(text.to_owned()),
        created_at: NOW,
    };
    let usual = health::Facts {
        queued: 412,
        running: 16,
        failed: 2,
        oldest_seconds: Some(1_900),
        failed_dumps: vec![
            dump("112226-9375-01.dmp"),
            health::FailedDump {
                file_name: None,
                format: None,
                machine: None,
                error: None,
                ..dump("x")
            },
        ],
        dead_letters: vec![letter("118:91")],
        machines: 4_812,
        machines_without_presence: 37,
        machines_without_agent: 17,
        crashes_without_machine: 3,
        notice: Some(health::Notice::Requeued),
    };
    let text = hostile();
    let evil = health::Facts {
        queued: u64::MAX,
        oldest_seconds: Some(u64::MAX),
        failed_dumps: vec![dump(&text)],
        dead_letters: vec![letter(&text)],
        ..usual.clone()
    };
    [usual, health::Facts::default(), evil]
}
