//! Logs on standard error, and the recorder behind `/metrics`.

use std::io::{self, IsTerminal};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::{Command, LogArguments, LogFormat};

/// How often histograms give up what nobody has asked for.
const UPKEEP: Duration = Duration::from_secs(5);

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
/// # Errors
///
/// When a recorder is installed already.
pub(crate) fn metrics() -> Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
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
