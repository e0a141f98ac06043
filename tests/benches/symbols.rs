//! The figures of symbols and of the locked-up children, printed by one command:
//!
//! ```text
//! cargo bench -p tests --bench symbols
//! ```
//!
//! Each real dump is analysed by a child with the corpus's symbol tree: time from bytes to report and the child's peak
//! memory. Then the whole worker pool, with its database and two children, takes a queue of dumps; and the same user
//! dumps are read by rust-minidump's own program, in turns, if it is there (`cargo install minidump-stackwalk`).
//! Nothing here passes or fails.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run says so by ending")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use store::blobs::Blobs;
use store::ingest::{Ingest, NewDump};
use store::wakeup::Notifier;
use store::{Clock, Sha256};
use tokio_util::sync::CancellationToken;
use worker::child::Analyser;
use worker::{ChildCommand, Config, SymbolConfig, Symbols};

/// Analyses of one dump that the time is taken from.
const ROUNDS: usize = 200;

/// Dumps in the queue of the pool.
const QUEUED: u32 = 3000;

#[tokio::main]
async fn main() {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!("machine      {cores} processors, load {}", load.trim());
    let cache = tempfile::tempdir().unwrap();
    let symbols = symbols(cache.path());
    one_by_one(&symbols).await;
    pool(&symbols).await;
    beside_stackwalk(&symbols).await;
}

fn child() -> ChildCommand {
    ChildCommand {
        program: tests::program(),
        arguments: vec!["analyze-child".into()],
    }
}

fn analyser() -> Analyser {
    Analyser::new(child(), Duration::from_secs(30), u32::MAX)
}

/// The corpus's tree; without it, no symbols.
fn symbols(cache: &Path) -> Symbols {
    let Some(corpus) = tests::corpus() else {
        println!("no corpus: figures without symbols, on synthetic dumps only");
        return Symbols::none();
    };
    let config = SymbolConfig {
        trees: vec![corpus.join("symbols")],
        servers: Vec::new(),
        cache: cache.to_owned(),
        cache_bytes: 1 << 30,
        patience: Duration::from_secs(20),
        clock: Clock::System,
    };
    Symbols::open(&config, child(), None).unwrap()
}

/// The dumps of a folder of the corpus, by name.
fn dumps(folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let Some(corpus) = tests::corpus() else {
        return Vec::new();
    };
    let files = std::fs::read_dir(corpus.join("dumps").join(folder)).unwrap();
    let mut paths: Vec<PathBuf> = files.flatten().map(|file| file.path()).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect()
}

/// Time and memory of each dump by itself.
async fn one_by_one(symbols: &Symbols) {
    for folder in ["kernel", "user", "hostile"] {
        for (path, bytes) in dumps(folder) {
            let mut analyser = analyser();
            let mut times = Vec::with_capacity(ROUNDS);
            let bytes = bytes.into();
            for _ in 0..ROUNDS {
                let begun = Instant::now();
                let _ = analyser.analyse(&bytes, symbols).await;
                times.push(begun.elapsed());
            }
            times.sort_unstable();
            println!(
                "one dump     {:>9.2?} median, {:>9.2?} p99, child's peak {:>6} KiB: {}",
                times[ROUNDS / 2],
                times[ROUNDS * 99 / 100],
                peak_kib(analyser.child_id()),
                path.file_name().unwrap().display(),
            );
        }
    }
}

/// The most memory that a process ever had, as the kernel counts it.
fn peak_kib(pid: Option<u32>) -> String {
    let status = pid.and_then(|pid| std::fs::read_to_string(format!("/proc/{pid}/status")).ok());
    let status = status.unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or("?", str::trim).trim_end_matches(" kB").to_owned()
}

/// The queue of a server, as fast as two children empty it.
async fn pool(symbols: &Symbols) {
    let database = tests::database().await;
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(folder.path(), Clock::System).await.unwrap();
    let notifier = Notifier::start(database.pool.clone());
    let ingest = Ingest::start(database.pool.clone(), blobs.clone(), Clock::System, notifier);
    let real: Vec<Vec<u8>> = dumps("kernel")
        .into_iter()
        .map(|(_, bytes)| bytes)
        .filter(|bytes| bytes.get(0xf98) == Some(&4))
        .collect();
    let mut ids = tokio::task::JoinSet::new();
    for number in 0..QUEUED {
        let which = number as usize % (real.len() + 1);
        let mut bytes = real.get(which).cloned();
        let bytes = bytes.get_or_insert_with(|| tests::dump(u64::from(number)));
        // The comment in the header is free text.
        bytes[0xfb0..0xfb8].copy_from_slice(&u64::from(number).to_le_bytes());
        let new = NewDump {
            sha256: Sha256::of(bytes),
            bytes: bytes.clone().into(),
            format: "kernel-triage",
            machine: Some(format!("m{}", number % 500)),
            file_name: None,
            annotations: None,
        };
        let ingest = ingest.clone();
        ids.spawn(async move { ingest.submit(new).await.map(|_| ()).unwrap() });
        if ids.len() > 64 {
            ids.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(stored) = ids.join_next().await {
        stored.unwrap();
    }
    let mut config = Config::new(child());
    config.analysers = 2;
    let stop = CancellationToken::new();
    let begun = Instant::now();
    let running = tokio::spawn(worker::run(
        config,
        database.pool.clone(),
        blobs,
        symbols.clone(),
        stop.clone(),
    ));
    loop {
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM dump WHERE state = 'queued'")
            .fetch_one(&database.pool)
            .await
            .unwrap();
        if left == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let elapsed = begun.elapsed();
    println!(
        "pool         {:.0} dumps/s: {QUEUED} triage dumps, {} of them real, two children, database included",
        f64::from(QUEUED) / elapsed.as_secs_f64(),
        QUEUED as usize * real.len() / (real.len() + 1),
    );
    println!("memory       {}", family());
    stop.cancel();
    running.await.unwrap();
}

/// Peak memory of this process and of the children it has now.
fn family() -> String {
    let ours = format!("PPid:\t{}\n", std::process::id());
    let children = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let status = std::fs::read_to_string(entry.path().join("status")).ok()?;
        let line = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let is_child = status.contains(&ours) && line.contains("analyze-child");
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        is_child.then_some(pid)
    });
    let peaks: Vec<u64> = std::iter::once(std::process::id())
        .chain(children)
        .filter_map(|pid| peak_kib(Some(pid)).parse().ok())
        .collect();
    format!(
        "{} MiB peak of parent and {} children together",
        peaks.iter().sum::<u64>() >> 10,
        peaks.len().saturating_sub(1)
    )
}

/// The same user dumps, by our child and by rust-minidump's program, in turns.
async fn beside_stackwalk(symbols: &Symbols) {
    let Some(corpus) = tests::corpus() else {
        return;
    };
    let program = std::env::var_os("MINIDUMP_STACKWALK").unwrap_or_else(|| "minidump-stackwalk".into());
    let tree = corpus.join("symbols");
    let mut analyser = analyser();
    for name in [
        "minidump2.dmp",
        "windows_x86_write_av.dmp",
        "invalid-parameter.dmp",
    ] {
        let path = corpus.join("dumps/user").join(name);
        let bytes = std::fs::read(&path).unwrap().into();
        let _ = analyser.analyse(&bytes, symbols).await;
        let (mut ours, mut theirs) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..10 {
            let begun = Instant::now();
            for _ in 0..20 {
                analyser.analyse(&bytes, symbols).await.unwrap();
            }
            ours += begun.elapsed() / 20;
            let begun = Instant::now();
            let status = Command::new(&program)
                .args(["--json", "--symbols-path"])
                .arg(&tree)
                .arg(&path)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            if !status.is_ok_and(|status| status.success()) {
                println!(
                    "stackwalk    not there: cargo install minidump-stackwalk, or set MINIDUMP_STACKWALK"
                );
                return;
            }
            theirs += begun.elapsed();
        }
        println!(
            "stackwalk    {:.1} times as many dumps/s: {:.2?} against {:.2?}, {name}",
            theirs.as_secs_f64() / ours.as_secs_f64(),
            ours / 10,
            theirs / 10,
        );
    }
}
