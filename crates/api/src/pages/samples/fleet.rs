//! Samples of stop codes and their suspects.

use store::freshness::Freshness;
use wire::fleet::{FleetWeek, VerdictChange};
use wire::report::StopCodeClass;
use wire::stop_code::{DayCount, Share, StopCodeCount, StopCodeDetail};
use wire::suspects::{
    BeforeAfter, DirectEvidence, ObservedRate, PreviousVersion, Proof, Rollback, SafeVersion, SharedTrait,
    Suspect, SuspectDriver, SuspectScope, Suspects, TraitKind, VerdictWord,
};

use super::{NOW, WINDOW, code, days_ago, hostile};
use crate::pages::{overview, stop_code};

fn trend(per_day: u64, grows_at: i64) -> Vec<DayCount> {
    let day = |ago: i64| {
        let wave = u64::try_from((ago * 7 + ago * ago) % 5).unwrap_or(0);
        let extra = if ago < grows_at { 3 } else { 0 };
        DayCount {
            day: days_ago(ago),
            crashes: (per_day * wave).div_ceil(3) + extra * u64::from(wave > 1),
        }
    };
    (0..91).rev().map(day).filter(|day| day.crashes > 0).collect()
}

fn count(number: u32, name: &str, class: StopCodeClass, per_day: u64) -> StopCodeCount {
    let trend = trend(per_day, if number == 0x76 { 30 } else { 0 });
    let crashes = trend.iter().map(|day| day.crashes).sum();
    StopCodeCount {
        code: code(number),
        name: name.to_owned(),
        class,
        crashes,
        machines: crashes * 3 / 4,
        last_seen: days_ago(i64::from(number % 5)),
        new: number == 0xcb,
        trend,
    }
}

/// The stop codes of a usual fleet.
pub(crate) fn stop_codes() -> Vec<StopCodeCount> {
    vec![
        count(0x76, "PROCESS_HAS_LOCKED_PAGES", StopCodeClass::Driver, 2),
        count(0xd1, "DRIVER_IRQL_NOT_LESS_OR_EQUAL", StopCodeClass::Driver, 2),
        count(0x133, "DPC_WATCHDOG_VIOLATION", StopCodeClass::Watchdog, 1),
        count(0x9f, "DRIVER_POWER_STATE_FAILURE", StopCodeClass::Power, 1),
        count(0x1a, "MEMORY_MANAGEMENT", StopCodeClass::Memory, 1),
        count(0x116, "VIDEO_TDR_FAILURE", StopCodeClass::Graphics, 1),
        count(0x124, "WHEA_UNCORRECTABLE_ERROR", StopCodeClass::Hardware, 1),
        count(
            0xcb,
            "DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS",
            StopCodeClass::Driver,
            1,
        ),
    ]
}

fn suspect_driver(name: &str, version: Option<&str>, company: &str, class: &str) -> SuspectDriver {
    SuspectDriver {
        name: name.to_owned(),
        version: version.map(str::to_owned),
        company: Some(company.to_owned()),
        class: Some(class.to_owned()),
        code_ids: vec![format!("{name}/5f3a11c04a000")],
    }
}

fn suspect(
    rank: u32,
    drivers: Vec<SuspectDriver>,
    (ratio, low, high): (f64, f64, f64),
    crashing: u64,
) -> Suspect {
    Suspect {
        rank,
        scope: SuspectScope::Version,
        os_build: None,
        culprit: None,
        drivers,
        probability: None,
        in_credible_set: None,
        ic025: 2.4 - f64::from(rank),
        expected_machines: 4.4,
        rate_ratio: Some(ratio),
        rate_ratio_low: Some(low),
        rate_ratio_high: Some(high),
        crashing_machines: crashing,
        exposed_machines: 611,
        machine_days: 40_111,
        crashes_per_1000_machine_days: 0.95,
        previous_version: None,
        safe_version: None,
        before_after: None,
        rollback: None,
        direct_evidence: DirectEvidence::default(),
    }
}

/// A ranking with this verdict.
pub(crate) fn suspects(verdict: VerdictWord) -> Suspects {
    let acme = suspect_driver("acmecap.sys", Some("4.2.1.0"), "Acme Imaging GmbH", "Image");
    let helper = suspect_driver("acmeusbh.sys", Some("4.2.0.3"), "Acme Imaging GmbH", "USB");
    let vpn = suspect_driver("nwtunnel.sys", Some("11.0.4.118"), "Northwall Networks", "Net");
    let print = suspect_driver("hlprnt64.sys", None, "Helio Print Systems", "Printer");
    let graphics = suspect_driver(
        "igvkmd64.sys",
        Some("31.0.101.5186"),
        "Intel Corporation",
        "Display",
    );
    let mut ranking = vec![
        suspect(1, vec![acme], (9.8, 5.1, 18.7), 38),
        suspect(2, vec![helper, vpn], (3.1, 1.4, 6.9), 21),
        suspect(3, vec![print], (1.4, 0.8, 2.2), 12),
        suspect(4, vec![graphics], (0.7, 0.3, 1.6), 5),
    ];
    ranking[0].previous_version = Some(PreviousVersion {
        version: "4.1.9.0".to_owned(),
        crashing_machines: 0,
        machine_days: 90_210,
        rate_upper_bound: 0.033,
    });
    ranking[0].safe_version = Some(SafeVersion {
        name: "acmecap.sys".to_owned(),
        version: "4.2.3.0".to_owned(),
        crashing_machines: 1,
        machine_days: 120_900,
        rate_upper_bound: 0.039,
    });
    ranking[0].before_after = Some(BeforeAfter {
        machines: 402,
        before: observed(1, 21_007),
        after: observed(27, 25_480),
        rate_ratio: Some(22.3),
        rate_ratio_low: Some(3.7),
        rate_ratio_high: Some(912.0),
    });
    ranking[0].rollback = Some(Rollback {
        machines: 61,
        before: observed(6, 3_900),
        rolled_back: observed(0, 2_044),
        kept: observed(9, 11_820),
    });
    ranking[0].direct_evidence = DirectEvidence {
        named_by_0xcb: 2,
        on_trusted_stack: 0,
        unloaded_at_crash: 4,
    };
    let inbox = |index: u32| {
        suspect_driver(
            &format!("inbox{index}.sys"),
            Some("10.0.22631.1"),
            "Microsoft",
            "System",
        )
    };
    ranking[3].drivers.extend((0..90).map(inbox));
    if verdict >= VerdictWord::SuspectSet {
        for (index, one) in ranking.iter_mut().enumerate() {
            one.probability = Some([0.97, 0.02, 0.004, 0.000_02][index]);
            one.in_credible_set = Some(index == 0);
            one.culprit = (index == 0).then_some(1);
        }
    }
    Suspects {
        stop_code: code(0x76),
        window: WINDOW,
        computed_at: NOW,
        stale: true,
        crashing_machines: 42,
        crashes: 57,
        machine_days: 412_345,
        crashes_without_exposure: 3,
        verdict,
        none_probability: (verdict >= VerdictWord::SuspectSet).then_some(0.03),
        confirmed_by: (verdict == VerdictWord::Confirmed).then_some(Proof::Rollback),
        suspects: ranking,
        shared: shared(),
    }
}

fn observed(crashing_machines: u64, machine_days: u64) -> ObservedRate {
    ObservedRate {
        crashing_machines,
        machine_days,
    }
}

fn shared() -> Vec<SharedTrait> {
    let one = |kind, value: &str, crashing_machines, share_of_crashing, share_of_fleet| SharedTrait {
        kind,
        value: value.to_owned(),
        crashing_machines,
        share_of_crashing,
        share_of_fleet,
    };
    vec![
        one(TraitKind::Model, "Latitude 7420", 18, 0.43, Some(0.31)),
        one(TraitKind::Model, "ThinkPad T14 Gen 3", 14, 0.33, Some(0.35)),
        one(TraitKind::OsBuild, "22631", 30, 0.71, Some(0.66)),
        one(TraitKind::Process, "acmecapsvc.exe", 22, 0.52, None),
        one(TraitKind::Site, "Lyon", 21, 0.5, Some(0.12)),
    ]
}

fn hostile_suspects() -> Suspects {
    let mut suspects = suspects(VerdictWord::Associated);
    for one in &mut suspects.suspects {
        for driver in &mut one.drivers {
            driver.name = hostile();
            driver.version = Some(hostile());
            driver.company = Some(hostile());
            driver.class = Some(hostile());
        }
        one.rate_ratio_high = Some(f64::INFINITY);
        one.ic025 = f64::NAN;
        one.machine_days = u64::MAX;
        one.previous_version = Some(PreviousVersion {
            version: hostile(),
            crashing_machines: u64::MAX,
            machine_days: 0,
            rate_upper_bound: f64::MAX,
        });
    }
    suspects
}

/// The overview of a usual fleet, an empty one and a hostile one.
pub(crate) fn overviews() -> [overview::Facts; 3] {
    [usual_overview(), empty_overview(), hostile_overview()]
}

fn usual_overview() -> overview::Facts {
    overview::Facts {
        window: WINDOW,
        window_days: 91,
        machines_seen: 4_812,
        machine_days: 412_345,
        now: overview::Span {
            crashes: 734,
            machines: 391,
        },
        before: overview::Span {
            crashes: 655,
            machines: 350,
        },
        stop_codes: stop_codes(),
        verdicts: vec![suspects(VerdictWord::Associated)],
        weeks: weeks(),
        changes: changes(),
        regressions: vec![overview::Regression {
            driver: "acmecap.sys".to_owned(),
            version: Some("4.2.1.0".to_owned()),
            stop_code: code(0x76),
            stop_code_name: "PROCESS_HAS_LOCKED_PAGES".to_owned(),
            verdict: VerdictWord::LikelyCause,
            suspected_at: NOW,
            first_seen: days_ago(30),
        }],
        freshness: Freshness {
            dump_at: Some(NOW),
            inventory_at: Some(NOW),
            presence_on: Some(days_ago(5)),
            agent_at: None,
            oldest_verdict_at: Some(NOW),
            newest_verdict_at: Some(NOW),
        },
        now_at: NOW,
        new_versions: vec![overview::NewVersion {
            driver: "acmecap.sys".to_owned(),
            version: Some("4.2.2.0".to_owned()),
            company: Some("Acme Imaging GmbH".to_owned()),
            first_seen: days_ago(2),
        }],
        new_signatures: vec![overview::NewSignature {
            signature: "PROCESS_HAS_LOCKED_PAGES_0 | nwtunnel.sys+0x1c20".to_owned(),
            crashes: 2,
            first_seen: days_ago(1),
        }],
        address: "http://127.0.0.1:8080".to_owned(),
    }
}

fn changes() -> Vec<VerdictChange> {
    vec![
        VerdictChange {
            stop_code: code(0x76),
            name: "PROCESS_HAS_LOCKED_PAGES".to_owned(),
            changed_at: NOW,
            verdict_before: Some(VerdictWord::TooLittleData),
            verdict: VerdictWord::LikelyCause,
            suspect: Some("acmecap.sys 4.2.1.0".to_owned()),
        },
        VerdictChange {
            stop_code: code(0x9f),
            name: "DRIVER_POWER_STATE_FAILURE".to_owned(),
            changed_at: NOW,
            verdict_before: None,
            verdict: VerdictWord::NoDriverExplainsThis,
            suspect: None,
        },
    ]
}

fn empty_overview() -> overview::Facts {
    let mut empty = usual_overview();
    empty.stop_codes.clear();
    empty.weeks.clear();
    empty.changes.clear();
    empty.regressions.clear();
    empty.freshness = Freshness::default();
    empty.verdicts.clear();
    empty.new_versions.clear();
    empty.new_signatures.clear();
    (empty.machines_seen, empty.machine_days) = (0, 0);
    (empty.now, empty.before) = (overview::Span::default(), overview::Span::default());
    empty
}

fn hostile_overview() -> overview::Facts {
    let mut evil = usual_overview();
    evil.verdicts = vec![hostile_suspects()];
    evil.address = hostile();
    evil.now = overview::Span {
        crashes: u64::MAX,
        machines: u64::MAX,
    };
    for count in &mut evil.stop_codes {
        count.name = hostile();
        count.crashes = u64::MAX;
        count.trend.iter_mut().for_each(|day| day.crashes = u64::MAX);
    }
    for week in &mut evil.weeks {
        (week.machines, week.crash_free_machines) = (u64::MAX, 0);
        (week.crashes, week.crashes_per_1000_machine_days) = (u64::MAX, f64::INFINITY);
    }
    evil.changes[0].name = hostile();
    evil.changes[0].suspect = Some(hostile());
    evil.regressions[0].driver = hostile();
    evil.regressions[0].version = Some(hostile());
    evil.regressions[0].stop_code_name = hostile();
    evil.new_versions[0].driver = hostile();
    evil.new_versions[0].version = Some(hostile());
    evil.new_versions[0].company = Some(hostile());
    evil.new_signatures[0].signature = hostile();
    evil
}

fn weeks() -> Vec<FleetWeek> {
    let week = |ago: i64| FleetWeek {
        week: days_ago(ago * 7 + 6),
        machines: 4_700,
        crash_free_machines: 4_700 - 40 - u64::try_from(12 - ago).unwrap_or(0),
        machine_days: 31_700,
        crashes: 60,
        crashes_per_1000_machine_days: 60.0 / 31.7,
    };
    (0..13).rev().map(week).collect()
}

fn share(value: &str, crashes: u64) -> Share {
    Share {
        value: Some(value.to_owned()),
        crashes,
        machines: crashes * 3 / 4,
    }
}

fn detail() -> StopCodeDetail {
    let meanings = [
        "0: the process ends with locked pages; 1: a driver unlocks pages that are not locked",
        "process object",
        "number of locked pages",
        "driver stacks if tracking is on, else 0",
    ];
    StopCodeDetail {
        count: stop_codes().remove(0),
        parameter_meanings: meanings.map(|text| Some(text.to_owned())).to_vec(),
        guidance: vec![
            "Update the first suspect on a few machines, or put its previous version back, and watch their rate.".to_owned(),
            "Look at drivers that were added or updated shortly before the first crash: USB, printer and scanner, graphics, network, storage and security software are the usual families.".to_owned(),
            "Set TrackLockedPages on a few machines at risk: the next leak stops them with 0xCB, which names the driver.".to_owned(),
            "Check system files: run `sfc /scannow`, then `DISM /Online /Cleanup-Image /RestoreHealth`.".to_owned(),
        ],
        by_model: vec![share("Latitude 7420", 21), share("EliteBook 840 G9", 14), share("ThinkPad T14 Gen 3", 9), Share { value: None, crashes: 4, machines: 4 }],
        by_os_build: vec![share("22631", 31), share("26100", 17)],
        by_process: vec![share("AcmeScan.exe", 33), share("svchost.exe", 9), share("OUTLOOK.EXE", 6)],
    }
}

/// The page of one stop code: with each verdict, without a ranking, and hostile.
pub(crate) fn stop_code_pages() -> Vec<stop_code::Facts> {
    let facts = |suspects| stop_code::Facts {
        detail: detail(),
        window: WINDOW,
        suspects,
    };
    let words = [
        VerdictWord::Associated,
        VerdictWord::TooLittleData,
        VerdictWord::NoDriverExplainsThis,
        VerdictWord::SuspectSet,
        VerdictWord::LikelyCause,
        VerdictWord::Confirmed,
    ];
    let mut all: Vec<stop_code::Facts> = words
        .into_iter()
        .map(|word| facts(Some(suspects(word))))
        .collect();
    all.push(facts(None));
    let mut bare = facts(Some(Suspects {
        suspects: Vec::new(),
        ..suspects(VerdictWord::TooLittleData)
    }));
    bare.detail.guidance.clear();
    bare.detail.parameter_meanings = vec![None; 4];
    bare.detail.by_model.clear();
    bare.detail.count.trend.clear();
    all.push(bare);
    let mut evil = facts(Some(hostile_suspects()));
    evil.detail.count.name = hostile();
    evil.detail.guidance = vec![hostile()];
    evil.detail.parameter_meanings = vec![Some(hostile()); 4];
    evil.detail.by_process = (0..40)
        .map(|_| Share {
            value: Some(hostile()),
            crashes: u64::MAX,
            machines: u64::MAX,
        })
        .collect();
    all.push(evil);
    all
}
