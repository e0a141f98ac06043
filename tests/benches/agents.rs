//! Ten thousand agents against one server, printed by one command:
//!
//! ```text
//! cargo bench -p tests --bench agents
//! ```
//!
//! The agents are simulated as far as the wire goes: each has a token, a driver set, days, and dumps that it keeps until
//! it was told that they are stored; each tries again, with backoff and full jitter, after whatever went wrong. They
//! enrol, send their inventory, and check in; then one in ten crashes within a minute, while server, database and
//! agents are killed at random moments. In the end every dump is looked for. `AGENTS=1000` plays a smaller fleet.
//!
//! Server, Postgres and the agents share the machine. Nothing here passes or fails by time; a lost dump ends it.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]
#![expect(
    clippy::disallowed_methods,
    reason = "the server takes no other day for today, and no two runs are to be alike"
)]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run says so by ending")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;
use tests::Server;
use time::{Date, OffsetDateTime};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Requests under way at once: more would measure the simulation.
const AT_ONCE: usize = 64;

/// How long the crashes of the incident take to happen.
const INCIDENT: Duration = Duration::from_mins(1);

/// Distinct sets of drivers in the fleet, and drivers in each.
const DRIVER_SETS: u64 = 200;
const DRIVERS: u64 = 150;

/// The longest wait before an agent tries again.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The fleet's connection to the server, and what happened on it.
struct Fleet {
    http: reqwest::Client,
    base: String,
    enrolment_token: String,
    line: Semaphore,
    retried: AtomicU64,
    refused: AtomicU64,
    chance: Mutex<ChaCha8Rng>,
}

/// One agent as the server knows it.
#[derive(Clone)]
struct Agent {
    number: u64,
    token: String,
}

impl Agent {
    fn machine(&self) -> String {
        machine(self.number)
    }
}

fn machine(number: u64) -> String {
    format!("desk-{number:05}")
}

impl Fleet {
    fn random_part(&self, whole: Duration) -> Duration {
        whole.mul_f64(self.chance.lock().unwrap().random_range(0.0..1.0))
    }

    fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.base);
        self.http
            .request(method, url)
            .bearer_auth(token)
            .timeout(Duration::from_secs(30))
    }

    /// Sends until the server has taken it or refused it for good, as an agent does.
    async fn insist(&self, request: impl Fn() -> RequestBuilder) -> (StatusCode, Value) {
        let mut wait = Duration::from_millis(250);
        loop {
            let place = self.line.acquire().await.unwrap();
            let sent = request().send().await;
            let told_to_wait = match sent {
                Ok(answer) if is_final(answer.status()) => {
                    let status = answer.status();
                    if let Ok(body) = answer.bytes().await {
                        let body = serde_json::from_slice(&body).unwrap_or_default();
                        return (status, body);
                    }
                    None
                }
                Ok(answer) => retry_after(&answer),
                Err(_) => None,
            };
            drop(place);
            self.retried.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(told_to_wait.unwrap_or_else(|| self.random_part(wait))).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// As [`Fleet::insist`], for what no server may refuse.
    async fn must(&self, request: impl Fn() -> RequestBuilder) -> Value {
        let (status, body) = self.insist(request).await;
        if !status.is_success() {
            self.refused.fetch_add(1, Ordering::Relaxed);
            println!("refused      {status}: {body}");
        }
        body
    }

    async fn enrol(&self, number: u64) -> Agent {
        let path = format!("/api/v1/machines/{}/enrolment", machine(number));
        let body = json!({"agent_version": "0.1.0"});
        let answer = self
            .must(|| {
                self.request(Method::POST, &path, &self.enrolment_token)
                    .json(&body)
            })
            .await;
        Agent {
            number,
            token: answer["token"].as_str().unwrap_or_default().to_owned(),
        }
    }

    /// The whole inventory, as after the installation; answers the hash of its drivers.
    async fn send_inventory(&self, agent: &Agent) -> String {
        let path = format!("/api/v1/machines/{}/inventory", agent.machine());
        let body = inventory(agent.number);
        let answer = self
            .must(|| self.request(Method::PUT, &path, &agent.token).json(&body))
            .await;
        answer["driver_set"].as_str().unwrap_or_default().to_owned()
    }

    async fn check_in(&self, agent: &Agent, day: Date) {
        let path = format!("/api/v1/machines/{}/check-in", agent.machine());
        let body = json!({"agent_version": "0.1.0", "days": [day.to_string()]});
        self.must(|| self.request(Method::POST, &path, &agent.token).json(&body))
            .await;
    }

    /// Uploads a dump until the server says that it is stored; answers its id.
    async fn upload(&self, agent: &Agent, dump: &[u8]) -> String {
        let path = format!("/api/v1/dumps?machine={}", agent.machine());
        let packed = zstd::encode_all(dump, 3).unwrap();
        let answer = self
            .must(|| {
                self.request(Method::POST, &path, &agent.token)
                    .header("content-encoding", "zstd")
                    .body(packed.clone())
            })
            .await;
        answer["dumps"][0]["id"].as_str().unwrap_or_default().to_owned()
    }
}

/// Whether trying again would change nothing.
fn is_final(status: StatusCode) -> bool {
    !status.is_server_error()
        && status != StatusCode::TOO_MANY_REQUESTS
        && status != StatusCode::REQUEST_TIMEOUT
}

fn retry_after(answer: &reqwest::Response) -> Option<Duration> {
    let seconds = answer.headers().get("retry-after")?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// What a machine of this number has: one of some hundred sets of drivers.
fn inventory(number: u64) -> Value {
    let set = number % DRIVER_SETS;
    let drivers: Vec<Value> = (0..DRIVERS)
        .map(|driver| {
            // The sets differ in the versions of a few drivers.
            let version = if driver % 50 == set % 50 { set / 50 + 2 } else { 1 };
            json!({
                "name": format!("drv{driver:03}.sys"),
                "version": format!("{version}.0.0.0"),
                "time_date_stamp": format!("{:#x}", 0x6000_0000 + driver * 16 + version),
                "size_of_image": 0x1_0000,
                "company": "Acme",
            })
        })
        .collect();
    json!({
        "host_name": machine(number), "manufacturer": "Acme", "model": format!("Desk {}", number % 12),
        "os_build": 22631, "architecture": "x86_64", "drivers": drivers,
    })
}

/// Runs the same for many agents, [`AT_ONCE`] requests at a time; answers what each gave, by its number.
async fn all<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    numbers: impl Iterator<Item = u64>,
    run: impl Fn(u64) -> F,
) -> BTreeMap<u64, T> {
    let mut tasks = JoinSet::new();
    for number in numbers {
        let running = run(number);
        tasks.spawn(async move { (number, running.await) });
    }
    tasks.join_all().await.into_iter().collect()
}

fn say(what: &str, requests: u64, begun: Instant, fleet: &Fleet) {
    println!(
        "{what:<12} {requests} agents in {:.1} s, {:.0} a second, {} requests tried again",
        begun.elapsed().as_secs_f64(),
        f64::from(u32::try_from(requests).unwrap()) / begun.elapsed().as_secs_f64(),
        fleet.retried.swap(0, Ordering::Relaxed),
    );
}

async fn database(server: &Server) -> PgPool {
    let url = server::postgres::EmbeddedPostgres::running_in(&server.data_dir())
        .unwrap()
        .unwrap();
    PgPool::connect(&url).await.unwrap()
}

/// Kills one process of Postgres hard: all of it recovers from its log, as after a crash.
async fn crash_database(server: &Server) {
    let pool = database(server).await;
    let pid: i32 = sqlx::query_scalar(
        "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL LIMIT 1",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    let killed = std::process::Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .status();
    assert!(killed.unwrap().success());
}

/// One in ten crashes, at a random moment of a minute, and uploads; every tenth of those agents is killed over it once
/// and starts again with what it has on its disk.
async fn incident(fleet: &Arc<Fleet>, agents: &[Agent]) -> (Vec<(u64, String)>, f64) {
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for agent in agents.iter().step_by(10).cloned() {
        let fleet = Arc::clone(fleet);
        tasks.spawn(async move {
            tokio::time::sleep(fleet.random_part(INCIDENT)).await;
            let dump = tests::dump(1_000_000 + agent.number);
            if agent.number % 100 == 0 {
                let life = fleet.random_part(Duration::from_millis(200));
                let _killed = tokio::time::timeout(life, fleet.upload(&agent, &dump)).await;
            }
            (agent.number, fleet.upload(&agent, &dump).await)
        });
    }
    let stored = tasks.join_all().await;
    (stored, begun.elapsed().as_secs_f64())
}

/// Kills the server twice and the database once while `incident` goes on.
async fn faults(fleet: &Fleet, mut server: Server) -> Server {
    for fault in ["server", "database", "server"] {
        tokio::time::sleep(Duration::from_secs(5) + fleet.random_part(Duration::from_secs(12))).await;
        println!("killed       {fault}");
        if fault == "server" {
            server = server.restart_in_place_after_kill().await;
        } else {
            crash_database(&server).await;
        }
    }
    server
}

/// Ends the benchmark if a dump that an agent was told is stored is not there, or is there twice.
async fn look_for_dumps(server: &Server, stored: &[(u64, String)]) {
    let admin = server.admin();
    for (number, id) in stored {
        let dump = admin.finished_dump(id).await;
        assert_eq!(dump["machine"], machine(*number), "{dump}");
        assert_eq!(dump["state"], "done", "{dump}");
    }
    let pool = database(server).await;
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM dump")
        .fetch_one(&pool)
        .await
        .unwrap();
    let crashes: i64 = sqlx::query_scalar("SELECT count(*) FROM crash")
        .fetch_one(&pool)
        .await
        .unwrap();
    println!(
        "found        {} dumps were said to be stored; {rows} dumps and {crashes} crashes are there",
        stored.len()
    );
    assert_eq!((rows, crashes), (i64::try_from(stored.len()).unwrap(), rows));
}

#[tokio::main]
async fn main() {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("machine      {cores} processors, load {}", load.trim());
    let count: u64 = std::env::var("AGENTS").map_or(10_000, |text| text.parse().unwrap());
    let server = Server::start().await;
    let fleet = Arc::new(Fleet {
        http: tests::http(),
        base: server.base(),
        enrolment_token: server.admin().token("upload").await,
        line: Semaphore::new(AT_ONCE),
        retried: AtomicU64::new(0),
        refused: AtomicU64::new(0),
        chance: Mutex::new(ChaCha8Rng::seed_from_u64(
            OffsetDateTime::now_utc().unix_timestamp().unsigned_abs(),
        )),
    });
    let today = OffsetDateTime::now_utc().date();

    let begun = Instant::now();
    let agents = all(0..count, |number| {
        let fleet = Arc::clone(&fleet);
        async move { fleet.enrol(number).await }
    })
    .await;
    let agents: Vec<Agent> = agents.into_values().collect();
    say("enrolment", count, begun, &fleet);

    let begun = Instant::now();
    let sets = all(0..count, |number| {
        let (fleet, agent) = (
            Arc::clone(&fleet),
            agents[usize::try_from(number).unwrap()].clone(),
        );
        async move { fleet.send_inventory(&agent).await }
    })
    .await;
    say("inventory", count, begun, &fleet);
    let mut distinct: Vec<&String> = sets.values().collect();
    distinct.sort();
    distinct.dedup();
    println!(
        "             {} distinct sets of {DRIVERS} drivers",
        distinct.len()
    );

    let begun = Instant::now();
    all(0..count, |number| {
        let (fleet, agent) = (
            Arc::clone(&fleet),
            agents[usize::try_from(number).unwrap()].clone(),
        );
        async move { fleet.check_in(&agent, today).await }
    })
    .await;
    say("silent day", count, begun, &fleet);

    let (faulted, (stored, seconds)) = tokio::join!(faults(&fleet, server), incident(&fleet, &agents));
    println!(
        "incident     {} dumps stored in {seconds:.1} s, {} requests tried again",
        stored.len(),
        fleet.retried.load(Ordering::Relaxed),
    );
    look_for_dumps(&faulted, &stored).await;
    println!(
        "refused      {} requests for good",
        fleet.refused.load(Ordering::Relaxed)
    );
}
