//! Symbol files: durable, replaced by key, and when one comes the crashes that missed it are analysed again, once.

use std::time::Duration as Span;

use store::blobs::Blobs;
use store::crashes::{self, AnalysedDump, BugCheck, Counted, Kind, NewCrash, Source};
use store::jobs::{self, Job, JobKind};
use store::signatures;
use store::symbols::{self, Added, FileState, Key, NewSymbolFile, SymbolKind};
use store::{Clock, DumpId, MachineId, PgConnection, Sha256, Window};
use tests::database;
use time::macros::{date, datetime};
use time::{Duration, OffsetDateTime};
use tokio_util::bytes::Bytes;
use uuid::Uuid;

const AT: OffsetDateTime = datetime!(2026-11-20 08:00 UTC);

const WINDOW: Window = Window {
    from: date!(2026 - 11 - 01),
    to: date!(2026 - 11 - 30),
};

fn key(name: &str) -> Key {
    Key {
        name: name.to_owned(),
        id: "C9C030003b000".to_owned(),
    }
}

fn file(name: &str, bytes: &[u8]) -> NewSymbolFile {
    NewSymbolFile {
        kind: SymbolKind::Image,
        key: key(name),
        file_name: name.to_owned(),
        sha256: Sha256::of(bytes),
        size_bytes: bytes.len() as u64,
        token: None,
    }
}

async fn add(conn: &mut PgConnection, file: &NewSymbolFile) -> Added {
    symbols::add(conn, file, AT).await.unwrap()
}

/// A crash of a dump of its own that missed these files.
async fn crash(conn: &mut PgConnection, machine: &str, missing: &[&str]) -> (DumpId, NewCrash) {
    let id = DumpId(Uuid::now_v7());
    sqlx::query(
        "INSERT INTO dump (id, sha256, size_bytes, format, received_at)
         VALUES ($1, sha256($1::text::bytea), 1, 'kernel-triage', now())",
    )
    .bind(id.0)
    .execute(&mut *conn)
    .await
    .unwrap();
    let crash = NewCrash {
        machine: MachineId::of(machine),
        dump: Some(AnalysedDump {
            id,
            attempts: 1,
            claimed_at: AT,
        }),
        source: Source::Dump,
        kind: Kind::Kernel,
        counted: Counted::Yes,
        crashed_at: Some(AT),
        received_at: AT,
        bug_check: Some(BugCheck {
            code: 0x7e,
            raw_code: 0x1000_007e,
            parameters: Vec::new(),
        }),
        uptime_seconds: None,
        process: None,
        os_build: None,
        signature: "OLD".to_owned(),
        signature_rules: 0,
        missing_symbols: missing.iter().map(|name| key(name)).collect(),
        images: Vec::new(),
        probable_driver: None,
        evidence: Vec::new(),
        report: serde_json::json!({"signature": "OLD"}).to_string(),
    };
    crashes::record(conn, &[&crash]).await.unwrap();
    (id, crash)
}

async fn claim(conn: &mut PgConnection, kind: JobKind) -> Vec<Job> {
    jobs::claim(conn, "w", kind, 100, Span::from_mins(1))
        .await
        .unwrap()
}

async fn queued(conn: &mut PgConnection, kind: JobKind) -> u64 {
    let counts = jobs::counts(conn).await.unwrap();
    counts
        .iter()
        .find(|count| count.kind == kind.as_str())
        .map_or(0, |count| count.queued)
}

async fn settle(conn: &mut PgConnection, added: Added, name: &str) -> Option<u64> {
    let key = key(name).canonical();
    symbols::settle_ready(conn, added.id(), SymbolKind::Image, &key, None)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_same_bytes_are_known_and_other_bytes_take_their_place() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let first = add(&mut conn, &file("a.sys", b"one")).await;
    assert!(matches!(first, Added::New(_)));
    assert_eq!(
        add(&mut conn, &file("A.SYS", b"one")).await,
        Added::Known(first.id())
    );
    let second = add(&mut conn, &file("a.sys", b"two")).await;
    assert!(matches!(second, Added::Replaced(id) if id != first.id()));
    assert_eq!(claim(&mut conn, JobKind::Symbol).await.len(), 2);
    // What was found out about the old bytes is not believed of the new ones.
    assert_eq!(settle(&mut conn, first, "a.sys").await, None);
    let current = symbols::find_by_key(&mut conn, SymbolKind::Image, "a.sys/c9c030003b000")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (current.sha256, current.state),
        (Sha256::of(b"two"), FileState::Queued)
    );
}

#[tokio::test]
async fn a_file_that_failed_is_read_again_when_it_is_uploaded_again() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let first = add(&mut conn, &file("a.sys", b"one")).await;
    symbols::settle_failed(&mut conn, first.id(), "it is no PE")
        .await
        .unwrap()
        .unwrap();
    let failed = symbols::find(&mut conn, first.id()).await.unwrap().unwrap();
    assert_eq!(failed.reason.as_deref(), Some("it is no PE"));
    let again = add(&mut conn, &file("a.sys", b"one")).await;
    assert!(matches!(again, Added::Replaced(_)));
    assert_eq!(queued(&mut conn, JobKind::Symbol).await, 2);
}

#[tokio::test]
async fn a_file_that_comes_queues_each_dump_that_missed_it_once() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let (old, _) = crash(&mut conn, "m1", &["A.sys", "b.sys"]).await;
    crash(&mut conn, "m2", &["b.sys"]).await;
    let added = add(&mut conn, &file("a.sys", b"one")).await;
    assert_eq!(settle(&mut conn, added, "a.sys").await, Some(1));
    // A second file that the same dump missed comes while that one waits.
    let other = add(&mut conn, &file("b.sys", b"two")).await;
    assert_eq!(settle(&mut conn, other, "b.sys").await, Some(1));
    let jobs = claim(&mut conn, JobKind::Reanalyze).await;
    assert_eq!(jobs.len(), 2);
    assert_eq!(jobs[0].dump(), Some(old));
    // One that is being analysed may have missed the newest file, so it may be queued again.
    assert_eq!(settle(&mut conn, other, "b.sys").await, Some(2));
}

#[tokio::test]
async fn a_crash_recorded_after_its_file_came_is_analysed_once_more_and_not_for_ever() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let added = add(&mut conn, &file("a.sys", b"one")).await;
    settle(&mut conn, added, "a.sys").await;
    // It was claimed before the file was ready.
    let (dump, mut analysed) = crash(&mut conn, "m1", &["a.sys"]).await;
    assert_eq!(queued(&mut conn, JobKind::Reanalyze).await, 1);
    sqlx::query("UPDATE job SET run_after = now()")
        .execute(&mut *conn)
        .await
        .unwrap();
    let job = claim(&mut conn, JobKind::Reanalyze).await.remove(0);
    assert_eq!(job.dump(), Some(dump));
    // The second analysis misses it too: the file is of no use to it.
    analysed.dump = Some(AnalysedDump {
        id: dump,
        attempts: 1,
        claimed_at: job.claimed_at + Duration::seconds(11),
    });
    crashes::record(&mut conn, &[&analysed]).await.unwrap();
    assert_eq!(queued(&mut conn, JobKind::Reanalyze).await, 0);
}

/// A file becomes ready while a crash that misses it is recorded and not committed yet.
#[tokio::test]
async fn a_crash_and_its_file_at_the_same_moment_find_each_other() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let added = add(&mut conn, &file("a.sys", b"one")).await;
    let mut recording = pool.begin().await.unwrap();
    crash(&mut recording, "m1", &["a.sys"]).await;
    let settling = tokio::spawn(async move {
        let mut transaction = pool.begin().await.unwrap();
        let queued = settle(&mut transaction, added, "a.sys").await;
        transaction.commit().await.unwrap();
        queued
    });
    tokio::time::sleep(Span::from_millis(100)).await;
    assert!(!settling.is_finished());
    recording.commit().await.unwrap();
    assert_eq!(settling.await.unwrap(), Some(1));
}

#[tokio::test]
async fn missing_files_are_ranked_by_the_crashes_they_would_help() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    crash(&mut conn, "m1", &["a.sys", "b.sys"]).await;
    crash(&mut conn, "m2", &["a.sys", "b.sys"]).await;
    crash(&mut conn, "m3", &["B.sys", "c.sys"]).await;
    let first = symbols::missing(&mut conn, WINDOW, None, 1).await.unwrap();
    let [most] = first.items.as_slice() else {
        panic!("{first:?}");
    };
    assert_eq!(most.path, "b.sys/C9C030003b000/b.sys");
    assert_eq!((most.crashes, most.machines, most.crashes_ever), (3, 3, 3));
    assert_eq!((most.stop_codes[0].code, most.stop_codes[0].crashes), (0x7e, 3));
    let rest = symbols::missing(&mut conn, WINDOW, first.next, 10).await.unwrap();
    let names: Vec<&str> = rest.items.iter().map(|ranked| ranked.name.as_str()).collect();
    assert_eq!(names, ["a.sys", "c.sys"]);
    // Outside of the window they still count as ever missed.
    let before = Window {
        from: date!(2026 - 10 - 01),
        to: date!(2026 - 10 - 31),
    };
    let before = symbols::missing(&mut conn, before, None, 1).await.unwrap();
    assert_eq!((before.items[0].crashes, before.items[0].crashes_ever), (0, 3));
}

#[tokio::test]
async fn a_file_is_missing_until_it_is_ready() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    crash(&mut conn, "m1", &["a.sys"]).await;
    let added = add(&mut conn, &file("a.sys", b"one")).await;
    let missing = symbols::missing(&mut conn, WINDOW, None, 10).await.unwrap();
    assert_eq!(missing.items[0].uploaded, Some(FileState::Queued));
    settle(&mut conn, added, "a.sys").await;
    let missing = symbols::missing(&mut conn, WINDOW, None, 10).await.unwrap();
    assert!(missing.items.is_empty());
    let wanted = [
        (SymbolKind::Image, key("a.sys").canonical()),
        (SymbolKind::Debug, key("a.sys").canonical()),
    ];
    let ready = symbols::ready(&mut conn, &wanted).await.unwrap();
    assert_eq!(ready.len(), 1);
    symbols::delete(&mut conn, added.id()).await.unwrap().unwrap();
    assert!(symbols::ready(&mut conn, &wanted).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_symbol_job_that_is_given_up_fails_its_file_and_requeueing_it_revives_it() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let added = add(&mut conn, &file("a.sys", b"one")).await;
    let job = claim(&mut conn, JobKind::Symbol).await.remove(0);
    assert_eq!(job.symbol_file(), Some(added.id()));
    assert!(
        jobs::fail(&mut conn, "w", job.fence, "its reader was killed")
            .await
            .unwrap()
    );
    let failed = symbols::find(&mut conn, added.id()).await.unwrap().unwrap();
    assert_eq!(failed.state, FileState::Failed);
    jobs::requeue(&mut conn, job.fence.id).await.unwrap().unwrap();
    let revived = symbols::find(&mut conn, added.id()).await.unwrap().unwrap();
    assert_eq!((revived.state, revived.reason), (FileState::Queued, None));
}

#[tokio::test]
async fn a_reanalysis_that_is_given_up_fails_its_dump() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let (dump, _) = crash(&mut conn, "m1", &["a.sys"]).await;
    symbols::reanalyze(&mut conn, &[key("a.sys").canonical()])
        .await
        .unwrap();
    let job = claim(&mut conn, JobKind::Reanalyze).await.remove(0);
    let found = store::dumps::find(&mut conn, dump).await.unwrap().unwrap();
    assert_eq!(found.state, store::dumps::DumpState::Processing);
    assert!(
        jobs::fail(&mut conn, "w", job.fence, "its reader was killed")
            .await
            .unwrap()
    );
    let found = store::dumps::find(&mut conn, dump).await.unwrap().unwrap();
    assert_eq!(found.state, store::dumps::DumpState::Failed);
}

#[tokio::test]
async fn a_blob_written_piece_by_piece_is_like_any_other_and_one_that_is_given_up_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(folder.path(), Clock::System).await.unwrap();
    let mut writer = blobs.begin().await.unwrap();
    for piece in ["abc", "", "def"] {
        writer = writer.append(Bytes::from(piece)).await.unwrap();
    }
    let stored = writer.finish().await.unwrap();
    assert_eq!(stored, (Sha256::of(b"abcdef"), 6));
    assert_eq!(blobs.get(stored.0).await.unwrap().unwrap(), "abcdef");
    let writer = blobs.begin().await.unwrap();
    drop(writer.append(Bytes::from("xyz")).await.unwrap());
    let left = std::fs::read_dir(folder.path().join("tmp")).unwrap().count();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn the_sweep_keeps_blobs_of_symbol_files() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    // So far ahead that every blob is old.
    let clock = Clock::fixed(Clock::System.now() + Duration::days(3));
    let blobs = Blobs::open(folder.path(), clock).await.unwrap();
    for bytes in ["kept", "orphan"] {
        blobs
            .put(Sha256::of(bytes.as_bytes()), Bytes::from(bytes))
            .await
            .unwrap();
    }
    let added = add(&mut conn, &file("a.sys", b"kept")).await;
    assert_eq!(blobs.sweep_orphans(&pool).await.unwrap(), 1);
    assert!(blobs.exists(Sha256::of(b"kept")).await.unwrap());
    symbols::delete(&mut conn, added.id()).await.unwrap();
    assert_eq!(blobs.sweep_orphans(&pool).await.unwrap(), 1);
}

#[tokio::test]
async fn new_rules_are_counted_and_group_what_is_stored() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    crash(&mut conn, "m1", &[]).await;
    assert_eq!(signatures::rules(&mut conn).await.unwrap(), None);
    let rules = serde_json::json!({"skip": ["x"]});
    for _ in 0..2 {
        let stored = signatures::put_rules(&mut conn, rules.clone(), AT).await.unwrap();
        assert_eq!(stored.version, 1);
    }
    assert_eq!(queued(&mut conn, JobKind::Regroup).await, 1);
    let outdated = signatures::outdated(&mut conn, 1, None, 10).await.unwrap();
    assert_eq!(outdated[0].report["signature"], "OLD");
    let made = [(outdated[0].place, "NEW".to_owned())];
    assert_eq!(signatures::regroup(&mut conn, 1, &made).await.unwrap(), 1);
    assert!(
        signatures::outdated(&mut conn, 1, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let found = crashes::find(&mut conn, outdated[0].place.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.summary.signature, "NEW");
    assert_eq!(found.report["signature"], "NEW");
}
