//! What a verdict shows of its suspects besides the statistics.

use store::exposure::{FacetKind, Rate, counts, histories, shared};
use store::import::{CrashLine, Line, Session};
use time::macros::datetime;

use super::exposure::{WINDOW, fleet};
use super::{connection, crash_line, import, version_id};

fn rate(cases: u64, machine_days: u64) -> Rate {
    Rate { cases, machine_days }
}

/// `m1` had `a.sys` 1 for a week, then 2; `m2` kept 1.
#[tokio::test]
async fn a_machine_that_changed_versions_is_its_own_control() {
    let mut conn = connection().await;
    fleet(&mut conn, vec![]).await;
    let a1 = version_id(&mut conn, "a.sys", "1.0").await;
    let a2 = version_id(&mut conn, "a.sys", "2.0").await;
    let told = histories(&mut conn, 0x76, WINDOW, &[vec![a1], vec![a2]])
        .await
        .unwrap();
    assert_eq!((told[0].machines, told[1].machines), (2, 1));
    assert_eq!(told[0].switchers.machines, 0);
    assert_eq!(told[1].switchers.machines, 1);
    assert_eq!(told[1].switchers.before, rate(0, 7));
    assert_eq!(told[1].switchers.after, rate(0, 7));
    assert_eq!(told[0].rollback.machines, 1);
    assert_eq!(told[0].rollback.before, rate(0, 7));
    assert_eq!(told[0].rollback.rolled_back, rate(0, 7));
    assert_eq!(told[0].rollback.kept, rate(0, 7));
}

#[tokio::test]
async fn a_machine_that_crashes_after_the_change_is_counted_until_then() {
    let mut conn = connection().await;
    let crashes = vec![
        crash_line("m1", datetime!(2026-11-11 10:00 UTC)),
        crash_line("m2", datetime!(2026-11-10 10:00 UTC)),
    ];
    fleet(&mut conn, crashes).await;
    let a1 = version_id(&mut conn, "a.sys", "1.0").await;
    let a2 = version_id(&mut conn, "a.sys", "2.0").await;
    let told = histories(&mut conn, 0x76, WINDOW, &[vec![a1], vec![a2]])
        .await
        .unwrap();
    assert_eq!(told[1].switchers.before, rate(0, 7));
    assert_eq!(told[1].switchers.after, rate(1, 3));
    assert_eq!(told[0].rollback.rolled_back, rate(1, 3));
    assert_eq!(told[0].rollback.kept, rate(1, 2));
}

/// It was rolled back because it crashed: that it crashes less afterwards says nothing.
#[tokio::test]
async fn a_machine_that_crashed_shortly_before_it_left_a_version_is_no_rollback() {
    let mut conn = connection().await;
    let crash = crash_line("m1", datetime!(2026-11-06 10:00 UTC));
    fleet(&mut conn, vec![crash]).await;
    let a1 = version_id(&mut conn, "a.sys", "1.0").await;
    let told = histories(&mut conn, 0x76, WINDOW, &[vec![a1]]).await.unwrap();
    assert_eq!(told[0].rollback.machines, 0);
    assert_eq!(told[0].machines, 2);
}

#[tokio::test]
async fn crashing_machines_are_compared_with_the_fleet() {
    let mut conn = connection().await;
    let crashes = vec![
        crash_line("m1", datetime!(2026-11-15 10:00 UTC)),
        crash_line("m2", datetime!(2026-11-15 10:00 UTC)),
    ];
    fleet(&mut conn, crashes).await;
    let counts = counts(&mut conn, 0x76, WINDOW).await.unwrap();
    let facets = shared(&mut conn, &counts, 0x76).await.unwrap();
    let model = facets
        .iter()
        .find(|facet| facet.kind == FacetKind::Model)
        .unwrap();
    assert_eq!((model.value.as_str(), model.crashing_machines), ("Latitude", 2));
    assert!((model.share - 1.0).abs() < 1e-12);
    assert!((model.fleet_share.unwrap() - 28.0 / 42.0).abs() < 1e-12);
    let process = facets
        .iter()
        .find(|facet| facet.kind == FacetKind::Process)
        .unwrap();
    assert_eq!(
        (process.value.as_str(), process.fleet_share),
        ("backup.exe", None)
    );
}

#[tokio::test]
async fn the_stack_of_an_imported_crash_names_what_the_machine_had() {
    let mut conn = connection().await;
    let crash = |machine: &str, stack: &[&str]| {
        Line::Crash(CrashLine {
            machine: machine.to_owned(),
            at: datetime!(2026-11-11 10:00 UTC),
            stop_code: 0x76,
            parameters: Vec::new(),
            process: None,
            stack_modules: stack.iter().map(|&module| module.to_owned()).collect(),
        })
    };
    let crashes = vec![
        crash("m1", &["ntoskrnl.exe", "A.SYS"]),
        crash("m2", &["ntoskrnl.exe"]),
        crash("m3", &[]),
    ];
    fleet(&mut conn, crashes).await;
    let a2 = version_id(&mut conn, "a.sys", "2.0").await;
    let counts = counts(&mut conn, 0x76, WINDOW).await.unwrap();
    let place = counts.version(a2).and_then(|place| u32::try_from(place).ok());
    let mut named: Vec<Option<Vec<u32>>> = counts.cases.iter().map(|case| case.named.clone()).collect();
    named.sort();
    assert_eq!(named, [None, Some(vec![]), Some(vec![place.unwrap()])]);
    // Asked of another stop code, the same dumps are what names elsewhere.
    let other = store::exposure::counts(&mut conn, 0xd1, WINDOW).await.unwrap();
    let naming = other.candidates[other.version(a2).unwrap()].named_elsewhere;
    assert_eq!((naming.named, naming.dumps), (1, 1));
    // Importing it again adds nothing.
    let again = import(&mut conn, &mut Session::default(), vec![crash("m1", &["a.sys"])]).await;
    assert_eq!(again.accepted, 1);
}
