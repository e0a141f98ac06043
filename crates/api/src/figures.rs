//! The figures at `/metrics` that are counted in the database, on a timer and never by a scrape.
//!
//! Two rounds: the queue, which is short and changes fast, and everything else. Every server over one database tells
//! the same of them. A gauge that is not set again is dropped by the recorder after some minutes, so that a database that is
//! away, or a stop code that is no longer among the most frequent, is absent and not stale. Labels are our own words,
//! and stop codes of the dictionary.

use std::collections::HashMap;
use std::time::Duration;

use store::figures::{self, CrashFigures, MachineFigures, StateCount, SymbolFigures, VerdictFigures};
use store::jobs::{self, JobKind, QueueCount};
use store::{Clock, Error, PgPool, Window};
use time::OffsetDateTime;
use wire::StopCodeNumber;

use crate::handlers::events::VERDICT_DAYS;

/// How often the queue is counted.
const QUEUE_EVERY: Duration = Duration::from_secs(10);

/// How often everything else is counted.
const FLEET_EVERY: Duration = Duration::from_mins(2);

/// Crash rates are those of so many days.
const RATE_DAYS: u16 = 28;

const DUMP_STATES: [&str; 3] = ["queued", "done", "failed"];
const FILE_STATES: [&str; 3] = ["queued", "ready", "failed"];
const VERDICTS: [&str; 6] = [
    "too-little-data",
    "no-driver-explains-this",
    "associated",
    "suspect-set",
    "likely-cause",
    "confirmed",
];

/// Says what the figures are.
pub(crate) fn describe_metrics() {
    for (name, help) in [
        (
            "stopcode_figures_timestamp_seconds",
            "When the figures of the database were counted last, by round.",
        ),
        ("stopcode_queue_jobs", "Jobs in the queue, by kind and state."),
        (
            "stopcode_queue_oldest_age_seconds",
            "How long the oldest waiting job of a kind has waited; 0 without one.",
        ),
        ("stopcode_dumps", "Dumps, by state."),
        ("stopcode_machines", "Machines known."),
        (
            "stopcode_machines_telling",
            "Machines that told their presence, inventory or crash-control settings.",
        ),
        (
            "stopcode_machines_heard",
            "Machines heard of within a day or a week.",
        ),
        (
            "stopcode_fleet_machine_days",
            "Days on which machines were on in the last 28 days, summed over the machines.",
        ),
        (
            "stopcode_fleet_crashes",
            "Crashes that count in the last 28 days, by stop code.",
        ),
        (
            "stopcode_fleet_crashes_per_1000_machine_days",
            "Crashes per 1,000 machine-days in the last 28 days, by stop code.",
        ),
        (
            "stopcode_fleet_crashes_missing_symbols",
            "Crashes of the last 28 days that miss a symbol file.",
        ),
        (
            "stopcode_verdicts",
            "Stop codes, by the word of their verdict over 91 days.",
        ),
        (
            "stopcode_verdict_oldest_timestamp_seconds",
            "When the oldest of these verdicts was computed.",
        ),
        ("stopcode_symbol_files", "Uploaded symbol files, by state."),
        (
            "stopcode_symbol_files_missing",
            "Symbol files that some crash misses and that nobody uploaded.",
        ),
        (
            "stopcode_alert_deliveries_waiting",
            "Deliveries of alerts that were neither taken nor given up yet.",
        ),
    ] {
        metrics::describe_gauge!(name, help);
    }
}

/// Counts for as long as it runs.
pub async fn keep_figures(pool: PgPool, clock: Clock) {
    tokio::join!(
        repeat(QUEUE_EVERY, || count_queue(&pool, &clock)),
        repeat(FLEET_EVERY, || count_fleet(&pool, &clock)),
    );
}

async fn repeat<F: Future<Output = Result<(), Error>>>(every: Duration, count: impl Fn() -> F) {
    loop {
        if let Err(error) = count().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the figures for /metrics cannot be counted"
            );
        }
        // A pause and not a beat: a slow database gets more rest.
        tokio::time::sleep(every).await;
    }
}

async fn count_queue(pool: &PgPool, clock: &Clock) -> Result<(), Error> {
    let mut conn = pool.acquire().await?;
    let counts = jobs::counts(&mut conn).await?;
    let now = clock.now();
    tell_queue(&counts, now);
    told("queue", now);
    Ok(())
}

async fn count_fleet(pool: &PgPool, clock: &Clock) -> Result<(), Error> {
    let now = clock.now();
    let mut conn = pool.acquire().await?;
    tell_states(
        "stopcode_dumps",
        "state",
        &DUMP_STATES,
        &figures::dumps(&mut conn).await?,
    );
    tell_machines(&figures::machines(&mut conn, now).await?);
    let window = Window::ending(now.date(), RATE_DAYS);
    tell_crashes(&figures::crashes(&mut conn, window).await?);
    tell_verdicts(&figures::verdicts(&mut conn, VERDICT_DAYS).await?);
    tell_symbols(&figures::symbols(&mut conn).await?);
    let waiting = figures::alert_deliveries_waiting(&mut conn).await?;
    metrics::gauge!("stopcode_alert_deliveries_waiting").set(number(waiting));
    told("fleet", now);
    Ok(())
}

fn tell_queue(counts: &[QueueCount], now: OffsetDateTime) {
    for kind in JobKind::ALL {
        let count = counts.iter().find(|count| count.kind == kind.as_str());
        let states = [
            ("queued", count.map_or(0, |count| count.queued)),
            ("running", count.map_or(0, |count| count.running)),
            ("failed", count.map_or(0, |count| count.failed)),
        ];
        for (state, jobs) in states {
            metrics::gauge!("stopcode_queue_jobs", "kind" => kind.as_str(), "state" => state)
                .set(number(jobs));
        }
        let oldest = count.and_then(|count| count.oldest_queued_at);
        let age = oldest.map_or(0.0, |at| (now - at).as_seconds_f64().max(0.0));
        metrics::gauge!("stopcode_queue_oldest_age_seconds", "kind" => kind.as_str()).set(age);
    }
}

fn tell_machines(machines: &MachineFigures) {
    metrics::gauge!("stopcode_machines").set(number(machines.known));
    for (what, count) in [
        ("presence", machines.with_presence),
        ("inventory", machines.with_inventory),
        ("crash-control", machines.with_crash_control),
    ] {
        metrics::gauge!("stopcode_machines_telling", "what" => what).set(number(count));
    }
    for (within, count) in [("1d", machines.heard_in_a_day), ("7d", machines.heard_in_a_week)] {
        metrics::gauge!("stopcode_machines_heard", "within" => within).set(number(count));
    }
}

/// Without machine-days there is no rate, and none is told.
fn tell_crashes(crashes: &CrashFigures) {
    metrics::gauge!("stopcode_fleet_machine_days").set(number(crashes.machine_days));
    metrics::gauge!("stopcode_fleet_crashes_missing_symbols").set(number(crashes.missing_symbols));
    for figure in &crashes.stop_codes {
        let code = figure.stop_code.map_or_else(
            || "other".to_owned(),
            |code| StopCodeNumber::from_raw(code).to_string(),
        );
        metrics::gauge!("stopcode_fleet_crashes", "stop_code" => code.clone()).set(number(figure.crashes));
        if let Some(rate) = crashes.rate(figure) {
            metrics::gauge!("stopcode_fleet_crashes_per_1000_machine_days", "stop_code" => code).set(rate);
        }
    }
}

fn tell_verdicts(verdicts: &VerdictFigures) {
    tell_states("stopcode_verdicts", "verdict", &VERDICTS, &verdicts.verdicts);
    if let Some(at) = verdicts.oldest_computed_at {
        metrics::gauge!("stopcode_verdict_oldest_timestamp_seconds").set(timestamp(at));
    }
}

fn tell_symbols(symbols: &SymbolFigures) {
    tell_states("stopcode_symbol_files", "state", &FILE_STATES, &symbols.files);
    metrics::gauge!("stopcode_symbol_files_missing").set(number(symbols.missing));
}

/// One gauge a known state, 0 where there is none of it.
fn tell_states(name: &'static str, label: &'static str, known: &[&'static str], counts: &[StateCount]) {
    let counts: HashMap<&str, u64> = counts
        .iter()
        .map(|count| (count.state.as_str(), count.count))
        .collect();
    for state in known {
        let count = counts.get(state).copied().unwrap_or(0);
        metrics::gauge!(name, label => *state).set(number(count));
    }
}

fn told(round: &'static str, now: OffsetDateTime) {
    metrics::gauge!("stopcode_figures_timestamp_seconds", "round" => round).set(timestamp(now));
}

fn timestamp(at: OffsetDateTime) -> f64 {
    (at - OffsetDateTime::UNIX_EPOCH).as_seconds_f64()
}

#[expect(clippy::cast_precision_loss, reason = "a gauge above 2^53 need not be exact")]
fn number(count: u64) -> f64 {
    count as f64
}
