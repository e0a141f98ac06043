//! Experiments as the tables keep them, by a clock that the test moves; and rankings held against proofs.

use sqlx::PgConnection;
use store::agents::{self, CheckIn, LockedPages};
use store::crashes::{self, BugCheck, Counted, Kind, NewCrash, NewEvidence, Source};
use store::drivers::DumpImage;
use store::experiments::{self, AtRisk, ExperimentState, NewExperiment, Started};
use store::proofs::{self, Score};
use store::{ExperimentId, MachineId, audit, inventories};
use time::{Duration, OffsetDateTime};

use crate::{NOW, connection, crash_line, driver, inventory, version_id};

fn told(may_track_locked_pages: bool) -> CheckIn {
    CheckIn {
        agent_version: "0.1.0".to_owned(),
        days: vec![NOW.date()],
        started_at: None,
        may_track_locked_pages,
        locked_pages: None,
    }
}

/// A machine with version 3 of `a.sys` whose agent has just checked in.
async fn machine_at_risk(conn: &mut PgConnection, name: &str) {
    let at = NOW - Duration::days(9);
    let inventory = inventory(name, at, vec![driver("a.sys", 3)]);
    inventories::record(conn, &inventory, NOW).await.unwrap().unwrap();
    agents::check_in(conn, name, &told(true), NOW).await.unwrap();
}

async fn wish(conn: &mut PgConnection, machines: u32) -> NewExperiment {
    NewExperiment {
        stop_code: 0x76,
        driver_version_id: version_id(conn, "a.sys", "3.0").await,
        machines,
        until: NOW + Duration::days(14),
    }
}

async fn start(conn: &mut PgConnection, machines: u32) -> ExperimentId {
    let wish = wish(conn, machines).await;
    match experiments::start(conn, &wish, NOW).await.unwrap() {
        Started::Started(id) => id,
        refused => panic!("{refused:?}"),
    }
}

async fn is_asked(conn: &mut PgConnection, machine: &str, now: OffsetDateTime) -> bool {
    let asked = experiments::asked(conn, MachineId::of(machine), now).await;
    asked.unwrap().is_some()
}

/// A 0xCB of `machine` in which Windows named `a.sys`, version 3, as surely as `strength` says.
async fn left_locked_pages(conn: &mut PgConnection, machine: &str, at: OffsetDateTime, strength: f64) {
    let crash = NewCrash {
        machine: MachineId::of(machine),
        dump: None,
        source: Source::Dump,
        kind: Kind::Kernel,
        counted: Counted::Yes,
        crashed_at: Some(at),
        received_at: at,
        bug_check: Some(BugCheck {
            code: 0xcb,
            raw_code: 0xcb,
            parameters: vec![1, 0, 0, 4],
        }),
        uptime_seconds: None,
        process: None,
        os_build: None,
        signature: "DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS".to_owned(),
        signature_rules: 0,
        missing_symbols: Vec::new(),
        images: vec![DumpImage {
            base_name: "a.sys".to_owned(),
            code_id: Some("a.sys/000000031000".to_owned()),
        }],
        probable_driver: None,
        evidence: vec![NewEvidence {
            driver: "a.sys".to_owned(),
            kind: "named-by-windows",
            strength,
        }],
        report: "{}".to_owned(),
    };
    crashes::record(conn, &[&crash]).await.unwrap();
}

#[tokio::test]
async fn an_experiment_expires_and_its_setting_goes_even_if_nobody_looks_over_it() {
    let mut conn = connection().await;
    machine_at_risk(&mut conn, "m1").await;
    let id = start(&mut conn, 5).await;
    let before = NOW + Duration::days(14) - Duration::SECOND;
    let after = before + Duration::SECOND;

    assert!(
        experiments::look_over(&mut conn, before)
            .await
            .unwrap()
            .ended
            .is_empty()
    );
    assert!(is_asked(&mut conn, "m1", before).await);
    assert!(!is_asked(&mut conn, "m1", after).await);
    let found = experiments::look_over(&mut conn, after).await.unwrap();

    assert_eq!(found.ended, [(id, ExperimentState::Expired)]);
    let (experiment, machines) = experiments::find(&mut conn, id).await.unwrap().unwrap();
    assert_eq!(experiment.ended_at, Some(after));
    assert_eq!(machines[0].released_at, Some(after));
    let entries = audit::list(&mut conn, &audit::Filter::default(), None, 10)
        .await
        .unwrap();
    let recorded = entries.items.iter().find(|entry| entry.subject == id.to_string());
    assert_eq!(recorded.unwrap().action, "experiment.expired");
    assert!(
        experiments::look_over(&mut conn, after)
            .await
            .unwrap()
            .ended
            .is_empty()
    );
}

#[tokio::test]
async fn machines_that_crash_most_come_first_and_unheard_agents_are_left_out() {
    let mut conn = connection().await;
    for name in ["m1", "m2", "m3"] {
        machine_at_risk(&mut conn, name).await;
    }
    let mut session = store::import::Session::default();
    let crashed = vec![crash_line("m3", NOW - Duration::days(2))];
    crate::import(&mut conn, &mut session, crashed).await;
    let mut days = told(true);
    days.days = (1..5).map(|ago| (NOW - Duration::days(ago)).date()).collect();
    agents::check_in(&mut conn, "m2", &days, NOW).await.unwrap();

    let id = start(&mut conn, 2).await;

    let (_, machines) = experiments::find(&mut conn, id).await.unwrap().unwrap();
    let taken: Vec<&str> = machines.iter().map(|machine| machine.machine.as_str()).collect();
    assert_eq!(taken, ["m2", "m3"]);
    // Of another fleet, four days later, no agent was heard lately.
    let mut conn = connection().await;
    machine_at_risk(&mut conn, "m1").await;
    let wish = wish(&mut conn, 5).await;
    let later = experiments::start(&mut conn, &wish, NOW + Duration::days(4))
        .await
        .unwrap();
    let at_risk = AtRisk {
        machines: 1,
        ..AtRisk::default()
    };
    assert_eq!(later, Started::NoMachine(at_risk));
}

#[tokio::test]
async fn what_agents_tell_is_noted_only_while_it_matters() {
    let mut conn = connection().await;
    machine_at_risk(&mut conn, "m1").await;
    let id = start(&mut conn, 1).await;
    let machine = async |conn: &mut PgConnection| {
        let (_, mut machines) = experiments::find(conn, id).await.unwrap().unwrap();
        machines.remove(0)
    };
    let mut set = told(true);
    set.locked_pages = Some(LockedPages {
        set: true,
        in_force_since: None,
        trouble: Some("x".repeat(900)),
    });
    agents::check_in(&mut conn, "m1", &set, NOW + Duration::HOUR)
        .await
        .unwrap();
    let noted = machine(&mut conn).await;
    assert_eq!(noted.set_at, Some(NOW + Duration::HOUR));
    assert_eq!(noted.trouble.unwrap().len(), 500);

    agents::check_in(&mut conn, "m1", &told(false), NOW + Duration::DAY)
        .await
        .unwrap();

    let noted = machine(&mut conn).await;
    assert!(noted.opted_out);
    assert_eq!(noted.released_at, Some(NOW + Duration::DAY));
    assert_eq!(noted.removed_at, Some(NOW + Duration::DAY));
    assert!(!is_asked(&mut conn, "m1", NOW + Duration::DAY).await);
    // It may be taken again, and what it tells then is of the new experiment.
    agents::check_in(&mut conn, "m1", &set, NOW + Duration::days(2))
        .await
        .unwrap();
    assert_eq!(machine(&mut conn).await.removed_at, Some(NOW + Duration::DAY));
}

#[tokio::test]
async fn a_proof_is_held_against_the_ranking_before_it() {
    let mut conn = connection().await;
    machine_at_risk(&mut conn, "m1").await;
    let guilty = version_id(&mut conn, "a.sys", "3.0").await;
    let hours = |hours| NOW - Duration::hours(hours);
    let score = async |conn: &mut PgConnection| {
        experiments::look_over(conn, NOW).await.unwrap();
        proofs::score(conn).await.unwrap()
    };
    // Nobody was accused; then somebody else; then the right one, among two that cannot be told apart; then nobody.
    left_locked_pages(&mut conn, "m1", hours(9), 0.95).await;
    for (since, accused) in [
        (8, vec![guilty + 1]),
        (6, vec![guilty + 1, guilty]),
        (4, vec![]),
        (3, vec![]),
    ] {
        proofs::note_first_suspect(&mut conn, 0x76, &accused, hours(since))
            .await
            .unwrap();
    }
    left_locked_pages(&mut conn, "m1", hours(7), 0.95).await;
    left_locked_pages(&mut conn, "m1", hours(5), 0.95).await;
    left_locked_pages(&mut conn, "m1", hours(2), 0.95).await;
    // Only a layer of Windows was named: no proof.
    left_locked_pages(&mut conn, "m1", hours(1), 0.6).await;

    let found = Score {
        proofs: 4,
        judged: 2,
        right: 1,
    };
    assert_eq!(score(&mut conn).await, found);
    assert_eq!(score(&mut conn).await, found);
    let changes: i64 = sqlx::query_scalar("SELECT count(*) FROM first_suspect")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(changes, 3);
}

#[tokio::test]
async fn a_0xcb_from_before_the_experiment_does_not_decide_it() {
    let mut conn = connection().await;
    machine_at_risk(&mut conn, "m1").await;
    let id = start(&mut conn, 1).await;
    left_locked_pages(&mut conn, "m1", NOW - Duration::HOUR, 0.95).await;

    let found = experiments::look_over(&mut conn, NOW + Duration::HOUR)
        .await
        .unwrap();
    assert_eq!((found.new_proofs, found.ended.len()), (1, 0));

    left_locked_pages(&mut conn, "m1", NOW + Duration::HOUR, 0.95).await;
    let found = experiments::look_over(&mut conn, NOW + Duration::HOUR)
        .await
        .unwrap();
    assert_eq!(found.ended, [(id, ExperimentState::Confirmed)]);
}
