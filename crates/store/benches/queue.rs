//! How many trivial jobs a second are claimed and finished: `cargo bench -p store --bench queue`.
//!
//! Needs `DATABASE_URL`, a server on which it may make a database of its own; without it, it says so and ends. Each
//! figure is the middle one of three runs, each over fresh jobs. `fsync` and `synchronous_commit` are as the server has
//! them, and printed.

use std::str::FromStr;
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgPool};
use store::jobs::{self, JobFence, JobKind};

const JOBS: i64 = 20_000;

const RUNS: usize = 3;

const SETTINGS: [(usize, u32); 6] = [(1, 16), (4, 1), (4, 16), (8, 16), (4, 64), (8, 64)];

#[tokio::main]
async fn main() {
    let Ok(url) = std::env::var("DATABASE_URL") else {
        say("skipped: DATABASE_URL is not set");
        return;
    };
    let pool = fresh_database(&url).await;
    describe(&pool).await;
    say("workers × batch    jobs/s (of three runs: lowest, middle, highest)");
    for (workers, batch) in SETTINGS {
        // Single claims are slow; fewer of them tell as much.
        let jobs = if batch == 1 { JOBS / 10 } else { JOBS };
        let mut rates = Vec::new();
        for _ in 0..RUNS {
            fill(&pool, jobs).await;
            rates.push(drain(&pool, workers, batch, jobs).await);
        }
        rates.sort_by(f64::total_cmp);
        say(&format!(
            "{workers:>7} × {batch:<5}   {:>8.0} {:>8.0} {:>8.0}",
            rates[0], rates[1], rates[2]
        ));
    }
}

/// A migrated database that this run alone uses. It is left behind; the next run drops it.
async fn fresh_database(url: &str) -> PgPool {
    let server = PgConnectOptions::from_str(url).expect("DATABASE_URL is an address");
    let mut root = PgConnection::connect_with(&server)
        .await
        .expect("the server answers");
    for sql in [
        "DROP DATABASE IF EXISTS stopcode_bench_queue WITH (FORCE)",
        "CREATE DATABASE stopcode_bench_queue",
    ] {
        sqlx::query(sql)
            .execute(&mut root)
            .await
            .expect("a database can be made");
    }
    let pool = store::connect(
        server.database("stopcode_bench_queue").to_url_lossy().as_str(),
        16,
    )
    .await
    .expect("the database takes connections");
    store::migrate(&pool).await.expect("the migrations apply");
    pool
}

async fn describe(pool: &PgPool) {
    let version = setting(pool, "server_version").await;
    let fsync = setting(pool, "fsync").await;
    let commit = setting(pool, "synchronous_commit").await;
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    say(&format!(
        "Postgres {version}, fsync {fsync}, synchronous_commit {commit}, {processors} processors"
    ));
}

async fn setting(pool: &PgPool, name: &str) -> String {
    sqlx::query_scalar(AssertSqlSafe(format!("SHOW {name}")))
        .fetch_one(pool)
        .await
        .expect("the setting is known")
}

async fn fill(pool: &PgPool, jobs: i64) {
    sqlx::query(
        "INSERT INTO job (kind, key) SELECT 'analyze', gen_random_uuid() FROM generate_series(1, $1)",
    )
    .bind(jobs)
    .execute(pool)
    .await
    .expect("jobs can be made");
}

async fn drain(pool: &PgPool, workers: usize, batch: u32, jobs: i64) -> f64 {
    let begun = Instant::now();
    let working =
        (0..workers).map(|worker| tokio::spawn(work(pool.clone(), format!("bench-{worker}"), batch)));
    let mut done = 0;
    for worker in working.collect::<Vec<_>>() {
        done += worker.await.expect("no worker panics");
    }
    assert_eq!(done, jobs, "every job is done once");
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let done = done as f64;
    done / begun.elapsed().as_secs_f64()
}

/// Claims and finishes until nothing is queued.
async fn work(pool: PgPool, name: String, batch: u32) -> i64 {
    let mut done = 0;
    loop {
        let mut conn = pool.acquire().await.expect("a connection");
        let claimed = jobs::claim(&mut conn, &name, JobKind::Analyze, batch, Duration::from_mins(1))
            .await
            .expect("a claim");
        if claimed.is_empty() {
            return done;
        }
        let fences: Vec<JobFence> = claimed.iter().map(|job| job.fence).collect();
        let finished = jobs::finish(&mut conn, &name, &fences).await.expect("a finish");
        done += i64::try_from(finished.len()).expect("a batch is small");
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark speaks on standard output")]
fn say(line: &str) {
    println!("{line}");
}
