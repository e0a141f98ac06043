//! SIGTERM and SIGINT: the first asks, the second forces.

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Both signals, heard from the moment this is made.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Starts to listen.
    ///
    /// # Errors
    ///
    /// When the operating system refuses.
    pub(crate) fn listen() -> Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("cannot listen to signals")?,
            interrupt: signal(SignalKind::interrupt()).context("cannot listen to signals")?,
        })
    }

    /// Waits for a signal.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Waits until `stopping` is done. Whoever sends one more signal does not want to wait: then the process ends at
    /// once, and the kernel stops what hangs on it.
    pub(crate) async fn or_force<T>(&mut self, stopping: impl Future<Output = T>) -> T {
        tokio::select! {
            done = stopping => done,
            () = self.next() => {
                tracing::warn!("forced to stop");
                std::process::exit(1)
            }
        }
    }
}
