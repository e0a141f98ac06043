//! Analyses one dump after the other in a limited child process.

use std::path::PathBuf;

use anyhow::{Context, Result};
use wire::report::Report;
use worker::Symbols;
use worker::child::{Analyser, ChildCommand};

use crate::cli::SymbolArguments;

/// How long a dump may take.
const TIME_LIMIT: std::time::Duration = std::time::Duration::from_secs(30);

/// Dumps after which the child is replaced.
const DUMPS_PER_CHILD: u32 = 300;

/// A place for a child process.
#[derive(Debug)]
pub(super) struct Engine {
    analyser: Analyser,
    symbols: Symbols,
}

impl Engine {
    /// Finds out how to start the child.
    ///
    /// # Errors
    ///
    /// When the operating system does not tell which program is running, or symbol files cannot be had.
    pub(super) fn start(symbols: &SymbolArguments) -> Result<Self> {
        let command = ChildCommand::of_this_program().context("cannot tell which program is running")?;
        let symbols = if symbols.is_given() {
            Symbols::open(&symbols.config(cache), command.clone(), None)?
        } else {
            Symbols::none()
        };
        Ok(Self {
            symbols,
            analyser: Analyser::new(command, TIME_LIMIT, DUMPS_PER_CHILD),
        })
    }

    /// The report of one dump, or a sentence that says why there is none.
    pub(super) async fn analyse(&mut self, bytes: Vec<u8>) -> Result<Report, String> {
        self.analyser
            .analyse(&bytes.into(), &self.symbols)
            .await
            .map_err(|failure| failure.to_string())
    }
}

/// Where a desk keeps compiled symbol files: with the user's other caches, or else among the temporary files.
fn cache() -> PathBuf {
    let folder = |variable| {
        std::env::var_os(variable)
            .filter(|folder| !folder.is_empty())
            .map(PathBuf::from)
    };
    let caches = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
    caches.unwrap_or_else(std::env::temp_dir).join("stopcode/symbols")
}
