//! Sends as many dumps as a server takes, and measures how long each answer needs.
//!
//! Every client prepares one dump and changes eight bytes before each upload, the time of the crash, so that no two uploads
//! are the same bytes and almost none of the machine's work is spent on this side.

use std::time::{Duration, Instant};

use anyhow::ensure;
use reqwest::{Method, StatusCode};
use synth::dump::Blob;
use synth::scenarios::{self, Scene};

use crate::client::Client;

/// Where a 64-bit dump has the time of the crash.
const SYSTEM_TIME: std::ops::Range<usize> = 0xFA8..0xFB0;
/// Ten minutes in 100 ns: further apart than one crash is from its own event log entry.
const STEP: u64 = 6_000_000_000;
/// A tag that no debugger knows, for the bytes that bring a dump to its size.
const PADDING_TAG: [u8; 16] = *b"synthetic-paddin";

/// What load to put on which server.
#[derive(Debug, Clone)]
pub struct LoadConfig {
    /// The server.
    pub base_url: String,
    /// A token with the scope `upload`.
    pub token: String,
    /// Uploads at the same time.
    pub clients: usize,
    /// Bytes of each dump.
    pub size_bytes: usize,
    /// How long.
    pub duration: Duration,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadReport {
    /// Uploads that the server took.
    pub accepted: usize,
    /// Uploads that it put off with 429 or 503.
    pub put_off: usize,
    /// Uploads with any other answer, or none.
    pub failed: usize,
    /// Bytes of each dump.
    pub size_bytes: usize,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Times from request to answer of accepted uploads, shortest first.
    latencies: Vec<Duration>,
}

impl LoadReport {
    /// Accepted uploads a second.
    pub fn uploads_per_second(&self) -> f64 {
        to_f64(self.accepted) / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }

    /// The time that this share of the accepted uploads took at most; zero if there was none.
    pub fn latency(&self, per_mille: usize) -> Duration {
        let index = (self.latencies.len() * per_mille).div_ceil(1000).max(1) - 1;
        self.latencies.get(index).copied().unwrap_or_default()
    }

    /// The report in one line for people.
    pub fn summary(&self) -> String {
        let per_second = self.uploads_per_second();
        let megabytes = per_second * to_f64(self.size_bytes) / 1e6;
        let [p50, p90, p99, max] = [500, 900, 990, 1000].map(|share| self.latency(share).as_secs_f64() * 1e3);
        format!(
            "{} uploads in {:.1} s: {per_second:.1} uploads/s, {megabytes:.1} MB/s; \
             latency ms p50 {p50:.1} p90 {p90:.1} p99 {p99:.1} max {max:.1}; {} put off, {} failed",
            self.accepted,
            self.elapsed.as_secs_f64(),
            self.put_off,
            self.failed,
        )
    }
}

/// Counts far below 2⁵³.
fn to_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

/// What one client saw.
#[derive(Debug, Default)]
struct Seen {
    latencies: Vec<Duration>,
    put_off: usize,
    failed: usize,
}

/// Puts load on a server for a while.
///
/// # Errors
///
/// The token or the address cannot be used, or not one upload was taken.
pub async fn load(config: &LoadConfig) -> anyhow::Result<LoadReport> {
    let client = Client::new(&config.base_url, &config.token)?;
    let start = Instant::now();
    let end = start + config.duration;
    let tasks: Vec<_> = (0..config.clients)
        .map(|number| {
            let dump = prepared(number, config.size_bytes);
            tokio::spawn(send_until(client.clone(), number, dump, end))
        })
        .collect();
    let mut all = Seen::default();
    for task in tasks {
        let seen = task.await?;
        all.latencies.extend(seen.latencies);
        all.put_off += seen.put_off;
        all.failed += seen.failed;
    }
    all.latencies.sort_unstable();
    ensure!(!all.latencies.is_empty(), "the server took no upload");
    Ok(LoadReport {
        accepted: all.latencies.len(),
        put_off: all.put_off,
        failed: all.failed,
        size_bytes: config.size_bytes,
        elapsed: start.elapsed(),
        latencies: all.latencies,
    })
}

/// A 0x76 dump of about the wanted size, or the smallest there is.
fn prepared(client: usize, size_bytes: usize) -> Vec<u8> {
    let scene = Scene::sample(client as u64);
    let mut description = scenarios::locked_pages_at_exit(&scene);
    let missing = size_bytes.saturating_sub(description.to_bytes().len());
    description.blobs.push(Blob {
        tag: PADDING_TAG,
        data: (0..missing).map(|index| padding(client, index)).collect(),
    });
    description.to_bytes()
}

/// Bytes that do not compress well and differ between clients.
fn padding(client: usize, index: usize) -> u8 {
    let mixed = (index + 31 * client).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed.to_le_bytes()[5]
}

async fn send_until(client: Client, number: usize, mut dump: Vec<u8>, end: Instant) -> Seen {
    let path = format!("/api/v1/dumps?machine=load-{number}");
    let mut seen = Seen::default();
    while Instant::now() < end {
        step_back(&mut dump);
        let request = client.request(Method::POST, &path).body(dump.clone());
        let sent = Instant::now();
        match request.send().await.map(|response| response.status()) {
            Ok(StatusCode::CREATED | StatusCode::OK) => seen.latencies.push(sent.elapsed()),
            Ok(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
                seen.put_off += 1;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Ok(_) | Err(_) => {
                seen.failed += 1;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
    seen
}

/// Moves the time of the crash ten minutes back.
fn step_back(dump: &mut [u8]) {
    let mut time = [0; 8];
    time.copy_from_slice(&dump[SYSTEM_TIME]);
    let earlier = u64::from_le_bytes(time).saturating_sub(STEP);
    dump[SYSTEM_TIME].copy_from_slice(&earlier.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LoadReport, prepared, step_back};

    #[test]
    fn percentiles_are_those_of_the_sorted_times() {
        let report = LoadReport {
            accepted: 100,
            put_off: 0,
            failed: 0,
            size_bytes: 1000,
            elapsed: Duration::from_secs(10),
            latencies: (1..=100).map(Duration::from_millis).collect(),
        };
        assert_eq!(report.latency(500), Duration::from_millis(50));
        assert_eq!(report.latency(990), Duration::from_millis(99));
        assert_eq!(report.latency(1000), Duration::from_millis(100));
        assert!((report.uploads_per_second() - 10.0).abs() < 1e-9);
    }

    #[test]
    fn a_prepared_dump_has_the_wanted_size_give_or_take_a_header() {
        let dump = prepared(3, 262_144);
        assert!((262_144..262_144 + 64).contains(&dump.len()), "{}", dump.len());
    }

    #[test]
    fn no_two_uploads_are_the_same_bytes() {
        let mut dump = prepared(0, 200_000);
        let before = dump.clone();
        step_back(&mut dump);
        assert_ne!(dump, before);
        assert_ne!(prepared(0, 200_000), prepared(1, 200_000));
    }
}
