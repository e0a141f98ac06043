//! `stopcode serve`.
//!
//! Started in this order, stopped in the reverse one: socket, Postgres, pool and schema, blobs, ingest, workers, HTTP.
//! The socket is taken first so that a taken address is known before a database is started for nothing.
//!
//! A stop means: no new connections; uploads under way finish, for at most 30 seconds; at the same time workers claim
//! no more and give their leases back; then the pool closes and Postgres stops last. A second signal ends the process
//! at once; Postgres is then stopped by the kernel, and everything that was answered is on disk anyway.

pub(crate) mod announce;
pub(crate) mod running;
pub(crate) mod signals;

use std::process::ExitCode;

use anyhow::{Result, bail};

use self::running::{Ended, Running};
use self::signals::Signals;
use crate::cli::ServeArguments;
use crate::output;

/// Serves until a signal comes.
///
/// # Errors
///
/// When something does not start, or the database ends while it is needed.
pub(crate) async fn run(arguments: ServeArguments) -> Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let mut running = tokio::select! {
        running = Running::start(&arguments) => running?,
        () = signals.next() => bail!("stopped before the server was ready"),
    };
    output::print(&announce::text(&running).await?)?;
    let ended = tokio::select! {
        () = signals.next() => Ended::Asked,
        ended = running.ended() => ended,
    };
    tracing::info!("stopping: uploads under way finish first");
    signals.or_force(running.stop()).await;
    verdict(ended)
}

/// Whether the end was wanted.
fn verdict(ended: Ended) -> Result<ExitCode> {
    match ended {
        Ended::Asked => Ok(ExitCode::SUCCESS),
        Ended::Http => bail!("the HTTP service ended by itself"),
        Ended::Workers => bail!("the workers ended by themselves"),
        Ended::Postgres => {
            bail!("the embedded Postgres ended by itself; its log is postgres.log beside its data")
        }
    }
}
