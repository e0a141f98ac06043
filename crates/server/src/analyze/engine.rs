//! Analyses one dump after the other in a limited child process.

use anyhow::{Context, Result};
use wire::report::Report;
use worker::child::{Analyser, ChildCommand};

/// How long a dump may take.
const TIME_LIMIT: std::time::Duration = std::time::Duration::from_secs(30);

/// Dumps after which the child is replaced.
const DUMPS_PER_CHILD: u32 = 300;

/// A place for a child process.
#[derive(Debug)]
pub(super) struct Engine {
    analyser: Analyser,
}

impl Engine {
    /// Finds out how to start the child.
    ///
    /// # Errors
    ///
    /// When the operating system does not tell which program is running.
    pub(super) fn start() -> Result<Self> {
        let command = ChildCommand::of_this_program().context("cannot tell which program is running")?;
        Ok(Self {
            analyser: Analyser::new(command, TIME_LIMIT, DUMPS_PER_CHILD),
        })
    }

    /// The report of one dump, or a sentence that says why there is none.
    pub(super) async fn analyse(&mut self, bytes: Vec<u8>) -> Result<Report, String> {
        self.analyser
            .analyse(&bytes.into())
            .await
            .map_err(|failure| failure.to_string())
    }
}
