//! Sends a fleet to a server and waits for its answer.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use synth::fleet::{Fleet, FleetConfig};
use time::Date;
use wire::suspects::Suspects;

use crate::client::Client;
use crate::outcome::{Outcome, Planted};
use crate::{agents, describe, dumps, history};

/// Uploads under way at the same time.
const CONCURRENT_UPLOADS: usize = 6;
/// Machines whose agents report on their own at the same time.
const CONCURRENT_AGENTS: usize = 4;
/// One machine in so many reports as an agent does, up to [`MOST_AGENTS`].
const AGENT_IN: usize = 20;
const MOST_AGENTS: usize = 25;
/// How long to ask for a verdict that counts every crash, in seconds.
const VERDICT_SECONDS: u32 = 90;
/// After how many seconds without newer data a verdict is taken although it does not count every crash.
const SETTLED_SECONDS: u32 = 10;

/// Which fleet to play, and where.
#[derive(Debug, Clone)]
pub struct PlayConfig {
    /// The server, e.g. `http://127.0.0.1:8080`.
    pub base_url: String,
    /// A token with the scopes `upload` and `read`.
    pub token: String,
    /// Number of machines.
    pub machines: u32,
    /// Seed of the fleet.
    pub seed: u64,
    /// Length of the history.
    pub weeks: u32,
    /// Today. The history ends with the day before, so that nothing in it lies in the future.
    pub end_date: Date,
    /// How progress is shown.
    pub progress: Progress,
}

impl PlayConfig {
    /// Machines of a demonstration: it takes about a minute on two slow cores.
    pub const DEFAULT_MACHINES: u32 = 2_000;
    /// Seed of a demonstration.
    pub const DEFAULT_SEED: u64 = 5;
    /// A quarter of a year, which is the window that a server ranks by default.
    pub const DEFAULT_WEEKS: u32 = 13;
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// A bar on standard error.
    Bar,
    /// Not at all.
    Silent,
}

impl Progress {
    pub(crate) fn bar(self, what: &'static str, length: usize) -> ProgressBar {
        if self == Progress::Silent {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{prefix:>24} [{bar:32}] {pos}/{len} {elapsed}")
            .expect("the template names known keys only")
            .progress_chars("=> ");
        ProgressBar::new(length as u64)
            .with_style(style)
            .with_prefix(what)
    }
}

/// Plays a fleet and returns what the server made of it.
///
/// # Errors
///
/// The server cannot be reached, refuses something, or does not process the dumps in time.
pub async fn play(config: &PlayConfig) -> anyhow::Result<Outcome> {
    let client = Client::new(&config.base_url, &config.token)?;
    let fleet = Arc::new(invent(config));
    send_history(&client, &fleet, config.progress).await?;
    let uploaded = send_dumps(&client, &fleet, config.progress).await?;
    let failed = wait_for_all(&client, &uploaded, config.progress).await?;
    let suspects = ask(&client, &fleet, failed, config.progress).await?;
    let planted = planted(&fleet).context("the fleet has no culprit to look for")?;
    let culprit_rank = planted.rank_in(&suspects);
    Ok(Outcome {
        planted,
        suspects,
        culprit_rank,
        uploaded: uploaded.len(),
        failed,
    })
}

fn invent(config: &PlayConfig) -> Fleet {
    let yesterday = config.end_date.previous_day().unwrap_or(config.end_date);
    Fleet::invent(&FleetConfig::demo(
        config.machines,
        config.seed,
        config.weeks,
        describe::day(yesterday),
    ))
}

fn planted(fleet: &Fleet) -> Option<Planted> {
    let culprit = fleet.culprit?;
    Some(Planted {
        driver: fleet.catalog.family_of(culprit).name.to_lowercase(),
        version: fleet.catalog.version(culprit).version.clone(),
    })
}

/// The first machines report like agents; the others come by import.
async fn send_history(client: &Client, fleet: &Arc<Fleet>, progress: Progress) -> anyhow::Result<()> {
    let by_agent = (fleet.machines.len() / AGENT_IN).clamp(1, MOST_AGENTS);
    let bar = progress.bar("inventories and presence", fleet.machines.len());
    for group in groups(by_agent.min(fleet.machines.len())..fleet.machines.len()) {
        let length = group.len() as u64;
        history::import(client, fleet, group).await?;
        bar.inc(length);
    }
    stream::iter(fleet.machines.iter().take(by_agent))
        .map(|machine| agents::report(client, fleet, machine))
        .buffer_unordered(CONCURRENT_AGENTS)
        .try_for_each(async |()| {
            bar.inc(1);
            Ok(())
        })
        .await?;
    bar.finish();
    Ok(())
}

/// The range cut into groups of at most [`history::GROUP`] machines.
fn groups(machines: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = machines.end;
    machines
        .step_by(history::GROUP)
        .map(move |start| start..(start + history::GROUP).min(end))
}

/// Uploads all dumps and returns their ids.
async fn send_dumps(client: &Client, fleet: &Arc<Fleet>, progress: Progress) -> anyhow::Result<Vec<String>> {
    let bar = progress.bar("crash dumps", fleet.crashes.len());
    let ids = stream::iter(0..fleet.crashes.len())
        .map(|crash| dumps::upload(client, fleet, crash))
        .buffer_unordered(CONCURRENT_UPLOADS)
        .inspect_ok(|_| bar.inc(1))
        .try_collect()
        .await?;
    bar.finish();
    Ok(ids)
}

/// Waits for every dump and returns how many could not be analysed.
async fn wait_for_all(client: &Client, ids: &[String], progress: Progress) -> anyhow::Result<usize> {
    let bar = progress.bar("analysed", ids.len());
    let mut failed = 0;
    for id in ids {
        if !dumps::wait(client, id).await? {
            failed += 1;
        }
        bar.inc(1);
    }
    bar.finish();
    Ok(failed)
}

/// Asks for the ranking until it counts all crashes, or has not changed for a while.
async fn ask(client: &Client, fleet: &Fleet, failed: usize, progress: Progress) -> anyhow::Result<Suspects> {
    const PATH: &str = "/api/v1/stop-codes/0x76/suspects";
    let bar = progress.bar("verdict", 1);
    let mut suspects: Suspects = client.get(PATH).await?;
    let mut settled = 0;
    for _ in 0..VERDICT_SECONDS {
        let counted = suspects.crashes + suspects.crashes_without_exposure;
        settled = if suspects.stale { 0 } else { settled + 1 };
        let complete = counted + failed as u64 >= locked_pages_since(fleet, suspects.window.from);
        if settled > 0 && complete || settled > SETTLED_SECONDS {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        suspects = client.get(PATH).await?;
    }
    bar.inc(1);
    bar.finish();
    Ok(suspects)
}

/// The fleet's 0x76 crashes from a day on.
fn locked_pages_since(fleet: &Fleet, first: Date) -> u64 {
    let first = describe::day(first).unix_start();
    let crashes = fleet.crashes.iter();
    crashes
        .filter(|crash| crash.kind.is_locked_pages() && crash.at_unix >= first)
        .count() as u64
}
