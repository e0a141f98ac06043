//! `stopcode analyze`: what `!analyze` says of a dump, at one desk, without a server or a database.
//!
//! Takes dumps, folders of dumps and zips of dumps. Each dump is analysed in the same limited child process that the
//! server uses, because a dump from somebody else's machine is hostile input at a desk too.

mod collect;
mod engine;
mod layout;
mod summary;
mod text;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use wire::report::{Crash, CrashSource, Report};

use self::collect::{Found, Input};
use self::engine::Engine;
use self::summary::Summary;
use crate::cli::SymbolArguments;
use crate::output;

/// How the reports are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    Text,
    /// As `GET /api/v1/crashes/{id}` answers.
    Json,
}

/// Analyses everything in `paths` and prints it. The exit code is 1 if anything could not be read.
///
/// # Errors
///
/// When standard output cannot be written or no child process can be started.
pub(crate) async fn run(paths: &[PathBuf], form: Form, symbols: &SymbolArguments) -> Result<ExitCode> {
    let single = matches!(paths, [path] if !path.is_dir());
    let mut desk = Desk {
        engine: Engine::start(symbols)?,
        form,
        crashes: Vec::new(),
        summary: Summary::default(),
        several: !single,
    };
    for path in paths {
        for input in collect::inputs(path) {
            desk.take(input).await?;
        }
    }
    desk.finish()
}

/// The work under way.
struct Desk {
    engine: Engine,
    form: Form,
    crashes: Vec<Crash>,
    summary: Summary,
    several: bool,
}

impl Desk {
    /// One file: a dump, a zip of dumps, or something that could not be read.
    async fn take(&mut self, input: Input) -> Result<()> {
        match collect::open(&input) {
            Ok(Found::Dump(bytes)) => self.dump(&input.shown, bytes).await,
            Ok(Found::Archive(bytes)) => self.archive(&input.shown, &bytes).await,
            Err(reason) => {
                self.refuse(&input.shown, &reason);
                Ok(())
            }
        }
    }

    async fn archive(&mut self, shown: &str, bytes: &[u8]) -> Result<()> {
        self.several = true;
        let limits = analysis::archive::Limits::default();
        let archive = match analysis::archive::Archive::open(bytes, limits) {
            Ok(archive) => archive,
            Err(error) => {
                self.refuse(shown, &error.to_string());
                return Ok(());
            }
        };
        let mut count = 0;
        for entry in archive {
            count += 1;
            match entry {
                Ok(dump) => self.dump(&format!("{shown}: {}", dump.name), dump.bytes).await?,
                Err(error) => self.refuse(shown, &error.to_string()),
            }
        }
        if count == 0 {
            self.refuse(shown, "there is no crash dump in this archive");
        }
        Ok(())
    }

    async fn dump(&mut self, shown: &str, bytes: Vec<u8>) -> Result<()> {
        match self.engine.analyse(bytes).await {
            Ok(report) => {
                self.summary.add(&report);
                match self.form {
                    Form::Text => output::print(&text::render(shown, &report, output::emphasis()))?,
                    Form::Json => self.crashes.push(desk_crash(report)),
                }
            }
            Err(reason) => self.refuse(shown, &reason),
        }
        Ok(())
    }

    /// Says at once why a file is not in the report; the summary counts it.
    fn refuse(&mut self, shown: &str, reason: &str) {
        let shown = layout::clean(shown);
        let reason = layout::clean(reason);
        output::tell(&format!("{shown}: {reason}"));
        self.summary.refuse(format!("{shown}: {reason}"));
    }

    fn finish(self) -> Result<ExitCode> {
        match self.form {
            Form::Text if self.several => output::print(&self.summary.render(output::emphasis()))?,
            Form::Text => {}
            Form::Json if self.several => {
                output::print(&format!("{}\n", serde_json::to_string_pretty(&self.crashes)?))?;
            }
            Form::Json => {
                for crash in &self.crashes {
                    output::print(&format!("{}\n", serde_json::to_string_pretty(crash)?))?;
                }
            }
        }
        Ok(if self.summary.is_complete() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// A report as the API shows it, without what only a server knows.
fn desk_crash(report: Report) -> Crash {
    Crash {
        id: None,
        dump_id: None,
        machine: None,
        source: CrashSource::Dump,
        received_at: None,
        report,
    }
}
