use std::collections::HashMap;

use store::MachineId;
use store::exposure::{Candidate, Case, Feature, History, Naming, Origin, Rate, Rollback, Stratum};
use time::macros::{date, datetime};

use attribution::verdict::verdict;
use store::drivers::VersionDescription;

use super::super::input;
use super::*;

fn version(id: i32, name: &str, text: &str) -> VersionDescription {
    VersionDescription {
        driver_version_id: id,
        driver_id: 7,
        name: name.to_owned(),
        version: Some(text.to_owned()),
        company: Some("Acme".to_owned()),
        class: None,
        code_ids: vec![format!("{name}/0000000{id}1000")],
        first_seen_on: date!(2026 - 11 - 01),
    }
}

/// Ten machines crashed with 4.2.1.0, on 1,000 of 10,000 machine-days; 4.10 was older than it only as a text.
fn counts() -> Counts {
    Counts {
        window: store::Window::ending(date!(2026 - 11 - 22), 91),
        strata: vec![Stratum {
            model_id: None,
            week: date!(2026 - 11 - 16),
            machine_days: 10_000,
        }],
        candidates: [(1, 1000), (2, 4000), (3, 100)]
            .map(|(version, days)| Candidate {
                feature: Feature::Driver {
                    version,
                    driver: 7,
                    order: Some([0, 2, 1, 3][usize::try_from(version).unwrap()]),
                },
                origin: Origin::ThirdParty,
                changed_recently: false,
                machine_days: vec![(0, days)],
                named_elsewhere: Naming::default(),
            })
            .to_vec(),
        peers: Vec::new(),
        cases: (0..10)
            .map(|machine| Case {
                machine: MachineId::of(&machine.to_string()),
                crashed_at: datetime!(2026-11-18 00:00 UTC),
                stratum: 0,
                peers: None,
                candidates: vec![0],
                named: None,
            })
            .collect(),
        crashes: 12,
        crashes_without_exposure: 1,
        machine_days: 10_000,
    }
}

fn context() -> Context {
    let versions = [
        version(1, "acmecap.sys", "4.2.1.0"),
        version(2, "acmecap.sys", "4.1.9.0"),
        version(3, "acmecap.sys", "4.10.0.0"),
    ];
    Context {
        descriptions: HashMap::from([(1, versions[0].clone())]),
        siblings: HashMap::from([(7, versions.to_vec())]),
        histories: HashMap::from([(
            1,
            History {
                machines: 60,
                ..History::default()
            },
        )]),
        shared: Vec::new(),
        direct_evidence: HashMap::new(),
    }
}

#[test]
fn the_suspect_is_shown_with_the_version_before_it() {
    let counts = counts();
    let judged = verdict(&input::of(&counts));
    let answer = suspects(
        0x76,
        datetime!(2026-11-22 12:00 UTC),
        &counts,
        &judged,
        &context(),
    );
    // Ten crashes on a tenth of the days are no chance, and too few for one name to be the likely cause.
    assert_eq!(answer.verdict, VerdictWord::SuspectSet);
    assert!(answer.none_probability.unwrap() < 0.5);
    assert_eq!((answer.crashing_machines, answer.crashes), (10, 12));
    let first = &answer.suspects[0];
    assert_eq!(
        (first.rank, first.exposed_machines, first.machine_days),
        (1, 60, 1000)
    );
    assert!((first.crashes_per_1000_machine_days - 10.0).abs() < 1e-12);
    let previous = first.previous_version.as_ref().unwrap();
    assert_eq!(
        (previous.version.as_str(), previous.machine_days),
        ("4.1.9.0", 4000)
    );
    // 4.10.0.0 is newer, but 100 machine-days without a crash may hide 30 per 1,000.
    let safe = first.safe_version.as_ref().unwrap();
    assert_eq!((safe.version.as_str(), safe.crashing_machines), ("4.1.9.0", 0));
}

#[test]
fn a_dump_in_which_windows_names_it_confirms_a_suspect() {
    let counts = counts();
    let judged = verdict(&input::of(&counts));
    let mut context = context();
    let named = store::exposure::DirectEvidence {
        named_by_windows: 1,
        ..Default::default()
    };
    context.direct_evidence.insert(1, named);
    let answer = suspects(0x76, datetime!(2026-11-22 12:00 UTC), &counts, &judged, &context);
    assert_eq!(answer.verdict, VerdictWord::Confirmed);
    assert_eq!(answer.confirmed_by, Some(Proof::NamedByWindows));
}

/// A run of versions is one driver's doing; two drivers that go together are not proven by what names one of them.
#[test]
fn a_dump_that_names_one_of_a_run_of_versions_confirms_the_run_but_not_drivers_that_look_alike() {
    let counts = counts();
    let mut judged = verdict(&input::of(&counts));
    judged.suspects[0].members = vec![0, 2];
    let mut context = context();
    let named = store::exposure::DirectEvidence {
        named_by_windows: 1,
        ..Default::default()
    };
    context.direct_evidence.insert(3, named);
    let word = |judged: &Verdict| {
        let now = datetime!(2026-11-22 12:00 UTC);
        suspects(0x76, now, &counts, judged, &context).verdict
    };
    assert_eq!(word(&judged), VerdictWord::SuspectSet);
    judged.suspects[0].scope = verdict::Scope::AtLeast { driver: 7, order: 2 };
    assert_eq!(word(&judged), VerdictWord::Confirmed);
}

/// Thirty machines left it and twenty kept it; `crashes_since` of the thirty crashed afterwards.
fn rollback(crashes_since: u64) -> History {
    let rate = |cases, machine_days| Rate { cases, machine_days };
    History {
        machines: 60,
        rollback: Rollback {
            machines: 30,
            before: rate(12, 3_000),
            rolled_back: rate(crashes_since, 3_000),
            kept: rate(15, 3_000),
        },
        ..History::default()
    }
}

#[test]
fn a_rate_that_fell_where_it_was_taken_back_confirms_a_suspect() {
    let counts = counts();
    let judged = verdict(&input::of(&counts));
    let words = [1, 11].map(|crashes_since| {
        let mut context = context();
        context.histories.insert(1, rollback(crashes_since));
        let now = datetime!(2026-11-22 12:00 UTC);
        suspects(0x76, now, &counts, &judged, &context).verdict
    });
    assert_eq!(words, [VerdictWord::Confirmed, VerdictWord::SuspectSet]);
}

#[test]
fn no_counts_give_an_answer_without_suspects() {
    let counts = Counts {
        strata: Vec::new(),
        candidates: Vec::new(),
        cases: Vec::new(),
        machine_days: 0,
        ..counts()
    };
    let judged = verdict(&input::of(&counts));
    let answer = suspects(
        0x76,
        datetime!(2026-11-22 12:00 UTC),
        &counts,
        &judged,
        &Context::default(),
    );
    assert_eq!(answer.verdict, VerdictWord::TooLittleData);
    assert!(answer.suspects.is_empty());
}
