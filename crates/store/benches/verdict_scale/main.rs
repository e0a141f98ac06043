//! A verdict's counts at the size of a large enterprise: 1,000,000 machines, 13 weeks, 4,000 driver versions.
//!
//! `DATABASE_URL=postgres://… cargo bench -p store --bench verdict_scale [-- --machines 20000] [--keep]` makes a
//! database of its own on that server, fills it by SQL, measures, and drops it again (about 10 GB meanwhile). Goals: a
//! week rolled up in under 30 s, a verdict's counts from closed weeks and the open one in well under 45 s, the process
//! under 1 GB, a stored verdict read in under 5 ms at the 99th percentile.

#![expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]

mod fill;

use std::error::Error;
use std::str::FromStr;
use std::time::Instant;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use store::exposure::{self, Counts};
use store::verdicts::{self, Verdict};
use store::{PgPool, Window};
use time::OffsetDateTime;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

/// How often a stored verdict is read.
const READS: usize = 2_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |flag: &str| arguments.iter().position(|argument| argument == flag);
    let machines = after("--machines").and_then(|place| arguments.get(place + 1)?.parse().ok());
    let url = std::env::var("DATABASE_URL").map_err(|_| "DATABASE_URL is not set")?;
    let server = PgConnectOptions::from_str(&url)?;
    let mut admin = PgConnection::connect_with(&server).await?;
    let name = "stopcode_bench_scale";
    let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    let keep = after("--keep").is_some();
    let is_there = keep
        && sqlx::query("SELECT FROM pg_database WHERE datname = $1")
            .bind(name)
            .fetch_optional(&mut admin)
            .await?
            .is_some();
    if !is_there {
        sqlx::raw_sql(AssertSqlSafe(drop.clone()))
            .execute(&mut admin)
            .await?;
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut admin)
            .await?;
    }
    let pool = store::connect(server.database(name).to_url_lossy().as_str(), 4).await?;
    if !is_there {
        store::migrate(&pool).await?;
        fill::fill(&pool, machines.unwrap_or(1_000_000)).await?;
    }
    let outcome = measure(&pool).await;
    pool.close().await;
    if !keep {
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut admin).await?;
    }
    outcome
}

async fn measure(pool: &PgPool) -> Result<(), Box<dyn Error>> {
    let mut conn = pool.acquire().await?;
    let server: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut *conn)
        .await?;
    let window = Window::ending(NOW.date(), 91);
    let stopwatch = Stopwatch::start(server);
    let weeks = exposure::roll_up_due(&mut conn, NOW).await?;
    stopwatch.report(&format!("rolling up {} weeks", weeks.len()));
    for _ in 0..2 {
        let stopwatch = Stopwatch::start(server);
        let counts = exposure::counts(&mut conn, 0x76, window).await?;
        stopwatch.report("counts from the closed weeks and the open one");
        describe(&counts);
        measure_suspects(&mut conn, server, window, &counts).await?;
    }
    measure_reading(&mut conn, window).await?;
    Ok(())
}

/// Wall time means little on a busy machine, so processor time is told as well.
struct Stopwatch {
    server: i32,
    start: Instant,
    here: u64,
    there: u64,
}

impl Stopwatch {
    fn start(server: i32) -> Self {
        Stopwatch {
            server,
            start: Instant::now(),
            here: cpu_ms("self"),
            there: cpu_ms(&server.to_string()),
        }
    }

    fn report(&self, what: &str) {
        println!(
            "{what}: {} ms (processor: {} ms here, {} ms in Postgres); peak memory here {} MB",
            self.start.elapsed().as_millis(),
            cpu_ms("self") - self.here,
            cpu_ms(&self.server.to_string()) - self.there,
            peak_mb(),
        );
    }
}

/// Processor time of a process on this machine, in steps of ten milliseconds; 0 if it runs elsewhere.
fn cpu_ms(process: &str) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let fields = after_name.split_whitespace().skip(11).take(2);
    10 * fields.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>()
}

fn describe(counts: &Counts) {
    let days: usize = counts
        .candidates
        .iter()
        .map(|candidate| candidate.machine_days.len())
        .sum();
    println!(
        "    {} strata, {} candidates with {days} entries, {} cases, {} site cells, {} machine-days",
        counts.strata.len(),
        counts.candidates.len(),
        counts.cases.len(),
        counts.peers.len(),
        counts.machine_days,
    );
}

/// What is read for the 50 suspects that are shown.
async fn measure_suspects(
    conn: &mut PgConnection,
    server: i32,
    window: Window,
    counts: &Counts,
) -> Result<(), Box<dyn Error>> {
    let versions = (1..=4_000).step_by(80);
    let shown: Vec<i32> = versions
        .filter(|version| counts.version(*version).is_some())
        .collect();
    let groups: Vec<Vec<i32>> = shown.iter().map(|version| vec![*version]).collect();
    let stopwatch = Stopwatch::start(server);
    let histories = exposure::histories(conn, 0x76, window, &groups).await?;
    let most = histories.iter().map(|history| history.machines).max();
    stopwatch.report(&format!(
        "machines that had {} versions ({} at most) and histories of {}",
        shown.len(),
        most.unwrap_or(0),
        exposure::HISTORIES,
    ));
    let stopwatch = Stopwatch::start(server);
    exposure::direct_evidence(conn, 0x76, window, &shown).await?;
    exposure::shared(conn, counts, 0x76).await?;
    stopwatch.report("direct evidence, and what crashing machines share");
    Ok(())
}

async fn measure_reading(conn: &mut PgConnection, window: Window) -> Result<(), Box<dyn Error>> {
    // As large as fifty suspects with all that is told of them.
    let suspects: Vec<String> = (0..50).map(|suspect| format!("{suspect:0>1500}")).collect();
    let verdict = Verdict {
        stop_code: 0x76,
        window_days: 91,
        window,
        computed_at: NOW,
        body: serde_json::json!({ "suspects": suspects }),
    };
    verdicts::put(conn, &verdict).await?;
    let mut times = Vec::with_capacity(READS);
    for _ in 0..READS {
        let start = Instant::now();
        verdicts::find(conn, 0x76, 91).await?;
        verdicts::is_stale(conn, 0x76, 91).await?;
        times.push(start.elapsed());
    }
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_micros();
    println!("reading a verdict: p50 {} µs, p99 {} µs", at(50), at(99));
    Ok(())
}

/// The most memory that this process ever had, in megabytes.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}
