//! Crashes are stored once, however and however often they are told of.

use store::crashes::{
    self, AnalysedDump, BugCheck, Confidence, Counted, Crash, Filter, Kind, NewCrash, NewEvidence, Recorded,
    Source,
};
use store::drivers::DumpImage;
use store::{DumpId, MachineId, PgConnection, machines};
use tests::database;
use time::macros::{date, datetime};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

const AT: OffsetDateTime = datetime!(2026-11-20 08:00 UTC);

/// A dump that is waiting, as ingest leaves it.
async fn dump(conn: &mut PgConnection) -> AnalysedDump {
    let id = DumpId(Uuid::now_v7());
    sqlx::query(
        "INSERT INTO dump (id, sha256, size_bytes, format, received_at)
         VALUES ($1, sha256($1::text::bytea), 1, 'kernel-triage', now())",
    )
    .bind(id.0)
    .execute(conn)
    .await
    .unwrap();
    AnalysedDump {
        id,
        attempts: 1,
        claimed_at: AT,
    }
}

fn crash(dump: Option<AnalysedDump>, crashed_at: OffsetDateTime) -> NewCrash {
    NewCrash {
        machine: MachineId::of("m1"),
        dump,
        source: if dump.is_some() {
            Source::Dump
        } else {
            Source::Event
        },
        kind: Kind::Kernel,
        counted: Counted::Yes,
        crashed_at: Some(crashed_at),
        received_at: AT + Duration::DAY,
        bug_check: Some(BugCheck {
            code: 0x76,
            raw_code: 0x1000_0076,
            parameters: vec![0, 0xffff_f804_8b58_334c, 0x26, 0],
        }),
        uptime_seconds: Some(60),
        process: Some("x.exe".to_owned()),
        os_build: Some(22631),
        signature: "PROCESS_HAS_LOCKED_PAGES".to_owned(),
        signature_rules: 0,
        missing_symbols: Vec::new(),
        images: Vec::new(),
        probable_driver: None,
        evidence: Vec::new(),
        report: serde_json::json!({"warnings": ["a\u{0}b"]}).to_string(),
    }
}

async fn record(conn: &mut PgConnection, crash: &NewCrash) -> Recorded {
    crashes::record(conn, &[crash]).await.unwrap()[0]
}

async fn all(conn: &mut PgConnection) -> Vec<crashes::CrashSummary> {
    crashes::list(conn, &Filter::default(), None, 100).await.unwrap()
}

async fn find(conn: &mut PgConnection, recorded: Recorded) -> Crash {
    crashes::find(conn, recorded.id).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_crash_is_read_back_as_it_was_told() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    machines::touch(&mut conn, "m1", AT).await.unwrap();
    let told = crash(Some(dump(&mut conn).await), AT);
    let recorded = record(&mut conn, &told).await;
    let found = find(&mut conn, recorded).await;
    assert_eq!(found.summary.bug_check, told.bug_check);
    assert_eq!(found.summary.machine.as_deref(), Some("m1"));
    assert_eq!(
        (found.summary.crashed_at, found.summary.source),
        (AT, Source::Dump)
    );
    assert_eq!(found.report["warnings"][0], "a\u{fffd}b");
}

#[tokio::test]
async fn analysing_a_dump_again_replaces_its_crash_under_the_same_id() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let dump = dump(&mut conn).await;
    let first = record(&mut conn, &crash(Some(dump), AT)).await;
    let mut better = crash(Some(dump), AT + Duration::HOUR);
    better.signature = "better".to_owned();
    let second = record(&mut conn, &better).await;
    assert_eq!(second.id, first.id);
    let all = all(&mut conn).await;
    assert_eq!((all.len(), all[0].signature.as_str()), (1, "better"));
}

#[tokio::test]
async fn of_two_dumps_recorded_together_only_one_takes_the_place_of_an_event() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let event = record(&mut conn, &crash(None, AT)).await;
    let first = crash(Some(dump(&mut conn).await), AT + Duration::minutes(2));
    let second = crash(Some(dump(&mut conn).await), AT + Duration::minutes(4));
    let recorded = crashes::record(&mut conn, &[&first, &second]).await.unwrap();
    assert_eq!(recorded[0].id, event.id);
    assert_ne!(recorded[1].id, event.id);
    let sources: Vec<Source> = all(&mut conn).await.iter().map(|crash| crash.source).collect();
    assert_eq!(sources, [Source::Dump, Source::Dump]);
}

#[tokio::test]
async fn crashes_recorded_together_keep_what_is_their_own() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let mut told = Vec::new();
    for number in 0..3_u8 {
        let mut crash = crash(Some(dump(&mut conn).await), AT);
        crash.machine = machines::touch(&mut conn, &format!("group-{number}"), AT)
            .await
            .unwrap();
        crash.signature = format!("signature {number}");
        crash.report = serde_json::json!({ "number": number }).to_string();
        if let Some(bug_check) = &mut crash.bug_check {
            bug_check.parameters.truncate(usize::from(number));
        }
        told.push(crash);
    }
    let recorded = crashes::record(&mut conn, &told.iter().collect::<Vec<_>>())
        .await
        .unwrap();
    for ((told, recorded), number) in told.iter().zip(recorded).zip(0..) {
        let found = find(&mut conn, recorded).await;
        assert_eq!(found.report["number"], number);
        assert_eq!(found.summary.signature, told.signature);
        assert_eq!(found.summary.bug_check, told.bug_check);
        assert_eq!(found.summary.machine, Some(format!("group-{number}")));
    }
}

#[tokio::test]
async fn an_event_and_the_dump_of_the_same_crash_are_one_crash() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let event = record(&mut conn, &crash(None, AT)).await;
    let dump = dump(&mut conn).await;
    let with_dump = record(&mut conn, &crash(Some(dump), AT + Duration::minutes(9))).await;
    assert_eq!(with_dump.id, event.id);
    let again = record(&mut conn, &crash(None, AT + Duration::minutes(5))).await;
    assert_eq!((again.id, again.changed), (event.id, false));
    let all = all(&mut conn).await;
    assert_eq!((all.len(), all[0].source), (1, Source::Dump));
}

#[tokio::test]
async fn crashes_far_apart_of_other_machines_or_with_two_dumps_are_several() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let dumps = [dump(&mut conn).await, dump(&mut conn).await];
    record(&mut conn, &crash(Some(dumps[0]), AT)).await;
    record(&mut conn, &crash(Some(dumps[1]), AT + Duration::MINUTE)).await;
    record(&mut conn, &crash(None, AT + Duration::HOUR)).await;
    let mut other = crash(None, AT);
    other.machine = MachineId::of("m2");
    record(&mut conn, &other).await;
    assert_eq!(all(&mut conn).await.len(), 4);
}

#[tokio::test]
async fn an_absurd_time_gives_way_to_the_time_of_receipt() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let recorded = record(&mut conn, &crash(None, datetime!(1601-01-01 00:00 UTC))).await;
    assert_eq!(recorded.crashed_at, AT + Duration::DAY);
}

#[tokio::test]
async fn a_crash_points_at_the_versions_of_the_images_it_had_loaded() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let mut told = crash(Some(dump(&mut conn).await), AT);
    told.images = vec![DumpImage {
        base_name: "AcmeCap.sys".to_owned(),
        code_id: Some("acmecap.sys/0000001a2000".to_owned()),
    }];
    told.probable_driver = Some(("AcmeCap.sys".to_owned(), Confidence::High));
    told.evidence = [0.9, 0.4]
        .map(|strength| NewEvidence {
            driver: "acmecap.sys".to_owned(),
            kind: "parameter",
            strength,
        })
        .to_vec();
    for _ in 0..2 {
        record(&mut conn, &told).await;
    }
    let (set, version): (i64, i32) =
        sqlx::query_as("SELECT driver_set_id, probable_driver_version_id FROM crash")
            .fetch_one(&mut *conn)
            .await
            .unwrap();
    assert_eq!(
        store::driver_sets::members(&mut conn, set).await.unwrap(),
        Some(vec![version])
    );
    let strengths: Vec<f32> = sqlx::query_scalar("SELECT strength FROM crash_evidence")
        .fetch_all(&mut *conn)
        .await
        .unwrap();
    assert_eq!(strengths, [0.9]);
}

#[tokio::test]
async fn making_a_months_partition_moves_its_crashes_into_it() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let recorded = record(&mut conn, &crash(None, AT)).await;
    let (from, to) = (date!(2026 - 10 - 31), date!(2026 - 11 - 01));
    assert_eq!(crashes::ensure_partitions(&mut conn, from, to).await.unwrap(), 4);
    assert_eq!(crashes::ensure_partitions(&mut conn, from, to).await.unwrap(), 0);
    let partition: String = sqlx::query_scalar("SELECT tableoid::regclass::text FROM crash")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(partition, "crash_202611");
    assert_eq!(find(&mut conn, recorded).await.summary.id, recorded.id);
}

#[tokio::test]
async fn pages_of_a_list_follow_each_other_without_gap_or_overlap() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    for hour in 0..5 {
        let mut one = crash(None, AT - Duration::hours(hour));
        one.process = (hour != 2).then(|| "x.exe".to_owned());
        record(&mut conn, &one).await;
    }
    let filter = Filter {
        stop_code: Some(0x76),
        process: Some("x.exe".to_owned()),
        ..Filter::default()
    };
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = crashes::list(&mut conn, &filter, cursor, 3).await.unwrap();
        let Some(last) = page.last() else {
            break;
        };
        cursor = Some(last.cursor());
        seen.extend(page.iter().map(|crash| (AT - crash.crashed_at).whole_hours()));
    }
    assert_eq!(seen, [0, 1, 3, 4]);
}
