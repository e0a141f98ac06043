//! Every figure that the project states, printed by one command: `cargo bench -p tests`.
//!
//! Absolute times follow the machine and whatever else it does; each line says what it was measured on, and the
//! ingest figure is a ratio of two servers measured in turn. Nothing here passes or fails. All is built before anything
//! is measured.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::env;
use std::hint::black_box;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::{Client, Server};

/// How many uploads the latency is taken from.
const UPLOADS: usize = 300;

fn main() {
    let database_benches =
        [("store", "queue"), ("api", "ingest")].map(|(package, bench)| (bench, built(package, bench)));
    describe_machine();
    parse();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(server_figures());
    runtime.block_on(database_figures(&database_benches));
}

/// The processor, its load, and the kernel.
fn describe_machine() {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let cpu = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or(": unknown");
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!(
        "machine      {cores} x {}",
        cpu.trim_start_matches([' ', '\t', ':'])
    );
    println!("kernel       {}", read("/proc/sys/kernel/osrelease").trim());
    println!("load         {}", read("/proc/loadavg").trim());
}

/// A real triage dump if there is a corpus, else a synthetic one.
fn sample() -> (Vec<u8>, &'static str) {
    match tests::corpus_file("dumps/kernel/triage_x64.dmp") {
        Some(bytes) => (bytes, "triage_x64.dmp"),
        None => (tests::dump(1), "a synthetic dump"),
    }
}

/// One pass over a dump with all its drivers.
fn parse() {
    let (bytes, name) = sample();
    let mut times: Vec<Duration> = (0..5000)
        .map(|_| {
            let started = Instant::now();
            let dump = kdump::Dump::parse(black_box(&bytes)).expect("a dump");
            black_box(dump.drivers().fold(0_u64, |sum, driver| sum ^ driver.base.0));
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    let [median, worst] = [times[times.len() / 2], times[times.len() * 99 / 100]];
    println!(
        "parse        {median:?} median, {worst:?} p99: {name}, {} bytes, all drivers",
        bytes.len()
    );
}

/// Memory of the idle server, and the time from an upload to its finished report.
async fn server_figures() {
    let server = Server::start().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!(
        "idle memory  {} resident, without Postgres and analysis children",
        resident(server.pid())
    );
    let (dump, name) = sample();
    let admin = server.admin();
    let mut times = Vec::with_capacity(UPLOADS);
    for number in 0..UPLOADS {
        times.push(upload_to_report(&admin, dump.clone(), number).await);
    }
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    println!(
        "report       {:?} median, {:?} p99, {:?} worst: upload to finished report, {UPLOADS} x {name}",
        at(50),
        at(99),
        at(100)
    );
    println!(
        "busy memory  {} resident after these uploads",
        resident(server.pid())
    );
}

/// Uploads a dump that no other has the bytes of, and waits for its report.
async fn upload_to_report(client: &Client, mut dump: Vec<u8>, number: usize) -> Duration {
    // The comment in the header is free text.
    dump[0xfb0..0xfb8].copy_from_slice(&(number as u64).to_le_bytes());
    let started = Instant::now();
    let uploaded = client.upload("bench", dump).await;
    let path = format!("/api/v1/dumps/{}", uploaded["id"].as_str().expect("an id"));
    while client.json(&path).await["state"] != "done" {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    started.elapsed()
}

/// Resident memory of a process as the kernel counts it.
fn resident(pid: u32) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or("unknown");
    line.trim().to_owned()
}

/// The program of another crate's benchmark.
///
/// It is built as from the shell: what cargo tells this program of its package would have the libraries compiled anew
/// whose build scripts look at such variables, each time and back again.
fn built(package: &str, bench: &str) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    for (name, _) in env::vars_os() {
        let of_this_package =
            |name: &str| name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_");
        if name.to_str().is_some_and(of_this_package) {
            cargo.env_remove(name);
        }
    }
    let output = cargo
        .args(["bench", "--quiet", "--no-run", "--message-format=json"])
        .args(["-p", package, "--bench", bench])
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    // A message a line; the one about the benchmark itself says where its program is.
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == bench)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("the benchmark is built")
}

/// The queue and the ingest, each by its crate's own benchmark, on a cluster of their own.
async fn database_figures(benches: &[(&str, PathBuf)]) {
    let database = tests::database().await;
    for (name, program) in benches {
        println!("--- {name}");
        let status = Command::new(program).env("DATABASE_URL", &database.url).status();
        if !status.is_ok_and(|status| status.success()) {
            println!("{name} did not run to its end");
        }
    }
}
