//! The worker pool: dumps become crashes, and nothing that a dump or a child does stops it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::future::Future;
use std::time::Duration;

use store::blobs::Blobs;
use store::dumps::{self, Dump, DumpState};
use store::ingest::{Ingest, NewDump};
use store::jobs::{self, VerdictKey};
use store::wakeup::Notifier;
use store::{Clock, DumpId, Sha256, crashes, verdicts};
use tests::{Database, database, dump, program};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use worker::child::Analyser;
use worker::{ChildCommand, Config, Symbols};

struct Place {
    database: Database,
    _folder: tempfile::TempDir,
    blobs: Blobs,
    ingest: Ingest,
}

impl Place {
    async fn new() -> Place {
        let database = database().await;
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path(), Clock::System).await.unwrap();
        let notifier = Notifier::start(database.pool.clone());
        let ingest = Ingest::start(database.pool.clone(), blobs.clone(), Clock::System, notifier);
        Place {
            database,
            _folder: folder,
            blobs,
            ingest,
        }
    }

    async fn upload(&self, bytes: Vec<u8>) -> DumpId {
        let new = NewDump {
            sha256: Sha256::of(&bytes),
            bytes: bytes.into(),
            format: "kernel-triage",
            machine: Some("m1".to_owned()),
            file_name: None,
            annotations: None,
        };
        self.ingest.submit(new).await.unwrap().id
    }

    fn start(&self, config: Config) -> Pool {
        let stop = CancellationToken::new();
        let running = worker::run(
            config,
            self.database.pool.clone(),
            self.blobs.clone(),
            Symbols::none(),
            stop.clone(),
        );
        Pool {
            stop,
            running: tokio::spawn(running),
        }
    }

    async fn dump(&self, id: DumpId) -> Dump {
        let mut conn = self.database.pool.acquire().await.unwrap();
        dumps::find(&mut conn, id).await.unwrap().unwrap()
    }

    async fn settled(&self, id: DumpId) -> Dump {
        until(|| async {
            let dump = self.dump(id).await;
            matches!(dump.state, DumpState::Done | DumpState::Failed).then_some(dump)
        })
        .await
    }

    /// Why the one job that is there was not done, and how often it was tried.
    async fn last_error(&self) -> (String, i32) {
        until(|| async {
            sqlx::query_as("SELECT last_error, attempts FROM job WHERE last_error IS NOT NULL")
                .fetch_optional(&self.database.pool)
                .await
                .unwrap()
        })
        .await
    }
}

struct Pool {
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Pool {
    async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_mins(1), self.running)
            .await
            .expect("a pool that is told to stop stops")
            .unwrap();
    }
}

fn config() -> Config {
    let mut config = Config::new(ChildCommand {
        program: program(),
        arguments: vec!["analyze-child".into()],
    });
    config.poll = Duration::from_millis(50);
    config.verdict_delay = Duration::ZERO;
    config
}

/// A pool whose children are something else.
fn config_with_child(program: &str, arguments: &[&str]) -> Config {
    let mut config = config();
    config.child = ChildCommand {
        program: program.into(),
        arguments: arguments.iter().map(Into::into).collect(),
    };
    config
}

/// A pool whose children say that they are ready, take the first byte of a dump, and then do as `script` says.
fn config_with_script(script: &str) -> Config {
    let ready =
        r#"printf 'S\023\000\000\000\000\000\000\000{"unfiltered":null}' >&0; head -c 1 <&0 >/dev/null; "#;
    config_with_child("/bin/sh", &["-c", &format!("{ready}{script}")])
}

/// What `ask` comes to say, within half a minute.
async fn until<T, F: Future<Output = Option<T>>>(ask: impl Fn() -> F) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asking)
        .await
        .expect("it comes true within half a minute")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uploaded_dump_becomes_a_crash_and_a_verdict() {
    let place = Place::new().await;
    let pool = place.start(config());
    let id = place.upload(dump(1)).await;
    let dump = place.settled(id).await;
    assert_eq!(
        (dump.state, dump.attempts, dump.error),
        (DumpState::Done, 1, None)
    );
    let mut conn = place.database.pool.acquire().await.unwrap();
    let crash = crashes::find(&mut conn, dump.crash_id.unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(crash.summary.machine.as_deref(), Some("m1"));
    assert_eq!(crash.report["signature"], crash.summary.signature);
    let code = crash.summary.bug_check.unwrap().code;
    drop(conn);
    let verdict = until(|| async {
        let mut conn = place.database.pool.acquire().await.unwrap();
        verdicts::find(&mut conn, code, 91).await.unwrap()
    })
    .await;
    assert_eq!(verdict.body["verdict"], "too-little-data");
    pool.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_dumps_are_analysed_once_each_by_two_pools() {
    let place = Place::new().await;
    let mut ids = Vec::new();
    for seed in 0..40 {
        ids.push(place.upload(dump(seed)).await);
    }
    let mut recycling = config();
    recycling.dumps_per_child = 3;
    let pools = [place.start(recycling), place.start(config())];
    for id in ids {
        let dump = place.settled(id).await;
        assert_eq!((dump.state, dump.attempts), (DumpState::Done, 1));
    }
    for pool in pools {
        pool.stop().await;
    }
    let crashes: i64 = sqlx::query_scalar("SELECT count(*) FROM crash")
        .fetch_one(&place.database.pool)
        .await
        .unwrap();
    assert_eq!(crashes, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_dump_fails_at_once_with_a_sentence() {
    let place = Place::new().await;
    let pool = place.start(config());
    let mut cut_short = dump(1);
    cut_short.truncate(5000);
    for bytes in [b"PK\x03\x04".to_vec(), vec![0; 100_000], cut_short] {
        let id = place.upload(bytes).await;
        let dump = place.settled(id).await;
        assert_eq!((dump.state, dump.attempts), (DumpState::Failed, 1));
        assert!(dump.error.unwrap().split(' ').count() > 4);
    }
    let id = place.upload(dump(2)).await;
    assert_eq!(place.settled(id).await.state, DumpState::Done);
    pool.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_dies_costs_its_dump_one_attempt() {
    let place = Place::new().await;
    let pool = place.start(config_with_script("kill -9 $$"));
    place.upload(dump(1)).await;
    let (error, attempts) = place.last_error().await;
    assert!(error.contains("signal 9"), "{error}");
    assert_eq!(attempts, 1);
    pool.stop().await;
    let pool = place.start(config());
    let id = place.upload(dump(1)).await;
    let dump = place.settled(id).await;
    assert_eq!((dump.state, dump.attempts), (DumpState::Done, 2));
    pool.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_takes_too_long_is_killed() {
    let place = Place::new().await;
    let mut config = config_with_script("exec sleep 1000");
    config.analysis_timeout = Duration::from_secs(1);
    let pool = place.start(config);
    place.upload(dump(1)).await;
    let (error, _) = place.last_error().await;
    assert!(error.contains("longer than 1 s"), "{error}");
    pool.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_killed_three_children_is_given_up_with_the_reason() {
    let place = Place::new().await;
    let pool = place.start(config_with_script("kill -SEGV $$"));
    let id = place.upload(dump(1)).await;
    let dump = place.settled(id).await;
    assert_eq!((dump.state, dump.attempts), (DumpState::Failed, 3));
    let error = dump.error.unwrap();
    assert!(error.contains("signal 11"), "{error}");
    pool.stop().await;
    // Nobody tries it by himself again.
    let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM job WHERE state < 2")
        .fetch_one(&place.database.pool)
        .await
        .unwrap();
    assert_eq!(waiting, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_is_locked_up_before_it_sees_a_dump() {
    let mut child = Analyser::new(config().child, Duration::from_secs(10), 10);
    let cage = child.cage().await.unwrap();
    assert_eq!(cage.unfiltered, None, "this kernel has seccomp");
    let of_child =
        |file| std::fs::read_to_string(format!("/proc/{}/{file}", child.child_id().unwrap())).unwrap();
    let status = of_child("status");
    assert!(status.contains("Seccomp:\t2"), "{status}");
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    let limits = of_child("limits");
    let limit = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(limit("Max file size"), 0);
    assert_eq!(limit("Max core file size"), 0);
    assert!(limit("Max open files") <= 5);
    assert!((1 << 30..3 << 30).contains(&limit("Max address space")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_not_there_is_said_so() {
    let place = Place::new().await;
    let pool = place.start(config_with_child("/nonexistent", &[]));
    place.upload(dump(1)).await;
    let (error, _) = place.last_error().await;
    assert!(error.contains("could not be started"), "{error}");
    pool.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_stops_gives_back_what_it_had_not_begun() {
    let place = Place::new().await;
    for seed in 0..20 {
        place.upload(dump(seed)).await;
    }
    let mut config = config_with_script("exec sleep 1000");
    config.analysers = 1;
    config.analysis_timeout = Duration::from_secs(1);
    let pool = place.start(config);
    until(|| async {
        let running: i64 = sqlx::query_scalar("SELECT count(*) FROM job WHERE state = 1")
            .fetch_one(&place.database.pool)
            .await
            .unwrap();
        (running > 10).then_some(())
    })
    .await;
    pool.stop().await;
    // What was under way has come to its end and is to be tried again; nothing else lost an attempt.
    let (queued, tried): (i64, i64) = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE state = 0), count(*) FILTER (WHERE attempts > 0) FROM job WHERE kind = 'analyze'",
    )
    .fetch_one(&place.database.pool)
    .await
    .unwrap();
    assert_eq!(queued, 20);
    assert!(tried <= 3, "{tried}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_was_killed_loses_nothing() {
    let place = Place::new().await;
    let id = place.upload(dump(1)).await;
    let mut config_of_victim = config_with_script("exec sleep 1000");
    config_of_victim.lease = Duration::from_secs(1);
    let victim = place.start(config_of_victim);
    until(|| async { (place.dump(id).await.state == DumpState::Processing).then_some(()) }).await;
    victim.running.abort();
    assert!(victim.running.await.unwrap_err().is_cancelled());
    let pool = place.start(config());
    let dump = place.settled(id).await;
    assert_eq!((dump.state, dump.attempts), (DumpState::Done, 2));
    pool.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_job_without_any_crash_leaves_an_empty_verdict() {
    let place = Place::new().await;
    let pool = place.start(config());
    let key = VerdictKey {
        stop_code: 0x76,
        window_days: 91,
    };
    let mut conn = place.database.pool.acquire().await.unwrap();
    jobs::enqueue_verdict(&mut conn, key, Duration::ZERO)
        .await
        .unwrap();
    drop(conn);
    let verdict = until(|| async {
        let mut conn = place.database.pool.acquire().await.unwrap();
        verdicts::find(&mut conn, 0x76, 91).await.unwrap()
    })
    .await;
    assert_eq!(verdict.body["suspects"], serde_json::json!([]));
    pool.stop().await;
}
