//! Samples of drivers with their versions, and of hardware models.

use time::Duration;
use wire::driver::{DriverDetail, DriverVersion, DriverVersionModel, DriverVersionWeek, VersionCrashes};
use wire::model::{
    ModelBios, ModelBuild, ModelDetail, ModelStopCode, ModelSummary, ModelVersion, ModelWeek, StopCodeCrashes,
};
use wire::observed::{Observed, WeekObserved};

use super::{WINDOW, code, days_ago, hostile};
use crate::pages::{driver, models};

fn seen(machine_days: u64, crashing_machines: u64) -> Observed {
    #[expect(clippy::cast_precision_loss, reason = "sample numbers are small")]
    let rate = |machines: u64| machines as f64 * 1000.0 / machine_days as f64;
    let has_days = machine_days > 0;
    Observed {
        machine_days,
        crash_count: crashing_machines.saturating_mul(2),
        crashing_machines,
        crashes_per_1000_machine_days: has_days.then(|| rate(crashing_machines)),
        rate_low: has_days.then(|| rate(crashing_machines) * 0.6),
        rate_high: has_days.then(|| rate(crashing_machines) * 1.5 + rate(3)),
    }
}

fn version(version: Option<&str>, machines: u64, crashes: &[(u32, u64)]) -> DriverVersion {
    let crash = |(number, machines): &(u32, u64)| VersionCrashes {
        stop_code: code(*number),
        stop_code_name: "PROCESS_HAS_LOCKED_PAGES".to_owned(),
        machines: *machines,
    };
    let crashing = crashes
        .iter()
        .fold(0, |sum: u64, (_, machines)| sum.saturating_add(*machines));
    let seen = seen(machines * 64, crashing);
    DriverVersion {
        version: version.map(str::to_owned),
        code_ids: vec!["acmecap.sys/5f3a11c04a000".to_owned()],
        machines,
        machine_days: seen.machine_days,
        crash_count: seen.crash_count,
        crashing_machines: seen.crashing_machines,
        crashes_per_1000_machine_days: seen.crashes_per_1000_machine_days,
        rate_low: seen.rate_low,
        rate_high: seen.rate_high,
        first_seen: Some(days_ago(40)),
        last_seen: (machines > 0).then(|| days_ago(0)),
        crashes: crashes.iter().map(crash).collect(),
        rate_upper_bound: Some(0.033),
    }
}

/// The versions over the last weeks of the window and three models, a later version replacing an earlier one.
fn facts(driver: DriverDetail) -> driver::Facts {
    let count = i64::try_from(driver.versions.len()).unwrap().max(1);
    let mut weeks = Vec::new();
    let mut by_model = Vec::new();
    for (place, version) in (0..).zip(&driver.versions) {
        for week in 0..13 {
            let part = 64 - (week - 12 + place * 12 / count).abs() * 9;
            let days = version.machine_days / 640 * u64::try_from(part.max(0)).unwrap();
            weeks.push(DriverVersionWeek {
                version: version.version.clone(),
                seen: WeekObserved {
                    week: WINDOW.from + Duration::weeks(week),
                    seen: seen(days, version.crashing_machines / 13),
                },
            });
        }
        for (model, part) in [
            (Some("Latitude 7420"), 6),
            (Some("EliteBook 840 G8"), 3),
            (None, 1),
        ] {
            by_model.push(DriverVersionModel {
                manufacturer: model.map(|_| "Dell Inc.".to_owned()),
                model: model.map(str::to_owned),
                version: version.version.clone(),
                seen: seen(
                    version.machine_days / 10 * part,
                    version.crashing_machines / 10 * part,
                ),
            });
        }
    }
    driver::Facts {
        weeks,
        models: by_model,
        driver,
        order: driver::Order::default(),
        page: 1,
    }
}

/// One driver: usual, with a thousand versions, asked for one stop code, without versions, hostile.
pub(crate) fn driver_pages() -> [driver::Facts; 5] {
    let usual = DriverDetail {
        name: "acmecap.sys".to_owned(),
        company: Some("Acme Imaging GmbH".to_owned()),
        class: Some("Image".to_owned()),
        description: Some("Acme document capture filter".to_owned()),
        window: WINDOW,
        stop_code: None,
        seen: seen(130_240, 42),
        versions: vec![
            version(Some("4.2.2.0"), 12, &[]),
            version(Some("4.2.1.0"), 611, &[(0x76, 38), (0xd1, 3)]),
            version(Some("4.1.9.0"), 1_410, &[]),
            version(None, 2, &[(0x76, 1)]),
        ],
        weeks: (0..13)
            .map(|week| WeekObserved {
                week: WINDOW.from + Duration::weeks(week),
                seen: seen(9_000, u64::try_from(week).unwrap() / 3),
            })
            .collect(),
        safe_version: Some("4.1.9.0".to_owned()),
    };
    let many = DriverDetail {
        versions: (0..1_000)
            .rev()
            .map(|build| {
                let crashes: &[(u32, u64)] = if build == 412 { &[(0x76, 38)] } else { &[] };
                version(Some(&format!("10.0.{build}.1")), build % 37, crashes)
            })
            .collect(),
        safe_version: Some("10.0.36.1".to_owned()),
        ..usual.clone()
    };
    let only = DriverDetail {
        stop_code: Some(code(0x76)),
        ..usual.clone()
    };
    let bare = DriverDetail {
        company: None,
        class: None,
        description: None,
        versions: Vec::new(),
        weeks: Vec::new(),
        safe_version: None,
        ..usual.clone()
    };
    [
        facts(usual.clone()),
        facts(many),
        facts(only),
        facts(bare),
        hostile_driver(usual),
    ]
}

fn hostile_driver(usual: DriverDetail) -> driver::Facts {
    let endless = Observed {
        machine_days: u64::MAX,
        crash_count: u64::MAX,
        crashing_machines: u64::MAX,
        crashes_per_1000_machine_days: Some(f64::MAX),
        rate_low: Some(0.0),
        rate_high: Some(f64::MAX),
    };
    let mut evil = DriverDetail {
        name: hostile(),
        company: Some(hostile()),
        description: Some(hostile()),
        safe_version: Some(hostile()),
        ..usual
    };
    evil.versions = vec![version(
        Some(&hostile()),
        9,
        &[(u32::MAX, u64::MAX), (1, u64::MAX)],
    )];
    evil.versions[0].code_ids = vec![hostile()];
    let week = WeekObserved {
        week: WINDOW.from,
        seen: endless,
    };
    evil.weeks = vec![week];
    driver::Facts {
        weeks: vec![DriverVersionWeek {
            version: Some(hostile()),
            seen: week,
        }],
        models: vec![DriverVersionModel {
            manufacturer: Some(hostile()),
            model: Some(hostile()),
            version: Some(hostile()),
            seen: endless,
        }],
        driver: evil,
        order: driver::Order::Rate,
        page: usize::MAX,
    }
}

fn summary(model: &str, machines: u64, crashing: u64) -> ModelSummary {
    ModelSummary {
        manufacturer: "Dell Inc.".to_owned(),
        model: model.to_owned(),
        machines,
        seen: seen(machines * 64, crashing),
        stop_codes: vec![ModelStopCode {
            stop_code: code(0x76),
            stop_code_name: "PROCESS_HAS_LOCKED_PAGES".to_owned(),
            crash_count: crashing * 2,
            crashing_machines: crashing,
        }],
    }
}

/// Lists of models: usual, empty, hostile.
pub(crate) fn model_lists() -> [models::ListFacts; 3] {
    let usual = models::ListFacts {
        models: vec![
            summary("Latitude 7420", 1_812, 37),
            ModelSummary {
                stop_codes: Vec::new(),
                ..summary("Latitude 5520", 0, 0)
            },
        ],
        first: 100,
        all: 900,
        next: Some(200),
    };
    let evil = models::ListFacts {
        models: vec![ModelSummary {
            manufacturer: hostile(),
            ..summary(&hostile(), 3, 1)
        }],
        ..usual.clone()
    };
    [usual, models::ListFacts::default(), evil]
}

/// One model: usual, of which nothing was seen, hostile.
pub(crate) fn model_details() -> [ModelDetail; 3] {
    let part = |driver: &str| ModelVersion {
        driver: driver.to_owned(),
        version: Some(driver.replace("acmecap.sys", "4.2.1.0")),
        company: Some(driver.replace("acmecap.sys", "Acme Imaging GmbH")),
        share: 0.94,
        seen: seen(12_000, 14),
    };
    let bios = |version: Option<&str>| ModelBios {
        bios_version: version.map(str::to_owned),
        machines: 812,
        crashing_machines: 17,
    };
    let usual = ModelDetail {
        summary: summary("Latitude 7420", 1_812, 37),
        window: WINDOW,
        weeks: (0..13)
            .map(|week| ModelWeek {
                week: WINDOW.from + Duration::weeks(week),
                seen: seen(12_000, u64::try_from(week).unwrap() / 2),
                stop_codes: vec![StopCodeCrashes {
                    stop_code: code(0x76),
                    crash_count: u64::try_from(week).unwrap(),
                }],
            })
            .collect(),
        versions: vec![part("acmecap.sys")],
        os_builds: vec![ModelBuild {
            os_build: 22_631,
            seen: seen(90_000, 30),
        }],
        bios_versions: vec![bios(Some("1.31.0")), bios(None)],
    };
    let bare = ModelDetail {
        summary: ModelSummary {
            manufacturer: String::new(),
            stop_codes: Vec::new(),
            ..summary("Latitude 5520", 0, 0)
        },
        weeks: Vec::new(),
        versions: Vec::new(),
        os_builds: Vec::new(),
        bios_versions: Vec::new(),
        ..usual.clone()
    };
    let text = hostile();
    let evil = ModelDetail {
        summary: ModelSummary {
            manufacturer: text.clone(),
            ..summary(&text, 3, 1)
        },
        versions: vec![part(&text)],
        bios_versions: vec![bios(Some(&text))],
        ..usual.clone()
    };
    [usual, bare, evil]
}
