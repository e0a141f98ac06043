//! Logs on standard error, and the recorder behind `/metrics`.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use axum::Router;
use axum::http::header;
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::{Command, LogArguments, LogFormat};

/// How often histograms give up what nobody has asked for.
const UPKEEP: Duration = Duration::from_secs(5);

/// A gauge that was not set for so long is dropped. The rarest are set every two minutes.
const GAUGE_IDLE: Duration = Duration::from_mins(10);

/// Upper ends of the buckets of durations: requests and jobs, in seconds.
const DURATIONS: [f64; 13] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// Upper ends of the buckets of waits, in seconds: jobs may wait for a day.
const WAITS: [f64; 11] = [
    0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0,
];

/// Sends log lines of `command` to standard error.
///
/// # Errors
///
/// When the filter cannot be read, in words.
pub(crate) fn init(arguments: &LogArguments, command: &Command) -> Result<()> {
    let filter = EnvFilter::try_new(arguments.filter(command)).context("cannot read the log filter")?;
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let result = match arguments.log_format {
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
        LogFormat::Text => {
            let compact = lines
                .with_ansi(io::stderr().is_terminal())
                .with_target(false)
                .compact();
            registry.with(compact).try_init()
        }
    };
    result.map_err(|error| anyhow!("cannot start logging: {error}"))
}

/// Installs the metrics recorder and keeps it tidy as long as the runtime runs.
///
/// Durations are histograms with fixed buckets, which Prometheus can add up over processes. A gauge that nobody sets any
/// more is dropped.
///
/// # Errors
///
/// When a recorder is installed already.
pub(crate) fn metrics() -> Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_duration_seconds".to_owned()), &DURATIONS)
        .and_then(|builder| {
            builder.set_buckets_for_metric(Matcher::Suffix("_wait_seconds".to_owned()), &WAITS)
        })
        .context("cannot set the buckets of histograms")?
        .idle_timeout(MetricKindMask::GAUGE, Some(GAUGE_IDLE))
        .install_recorder()
        .context("cannot install the metrics recorder")?;
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            ticks.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

/// Answers `/metrics`, and nothing else, at `address`, if there is one, until `stop`: for a process that serves nothing
/// besides.
///
/// # Errors
///
/// When it cannot listen there.
pub(crate) async fn listen(address: Option<SocketAddr>, stop: CancellationToken) -> Result<()> {
    let Some(address) = address else { return Ok(()) };
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address} for /metrics"))?;
    let recorder = metrics()?;
    worker::describe_metrics();
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    let render = move || async move { (kind, api::render_metrics(&recorder)) };
    let router = Router::new().route("/metrics", get(render));
    tracing::info!(address = %listener.local_addr()?, "serving /metrics");
    tokio::spawn(async move {
        let serving = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
        if let Err(error) = serving.await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "/metrics is no longer served"
            );
        }
    });
    Ok(())
}
