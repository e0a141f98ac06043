//! The program `stopcode`: command line, configuration, telemetry and the embedded Postgres.
//!
//! Everything lives in this library, so that the whole-system tests run the same program under a name of their own;
//! `main.rs` only calls [`main`].
//!
//! | Module | What it has |
//! |---|---|
//! | `cli` | the command line: flags, their environment names, their defaults |
//! | [`postgres`] | a private Postgres that lives and dies with this process |
//! | `database` | which database a command uses: given, embedded, or that of a running server |
//! | `serve` | the server: what is started in which order, and stopped in the reverse one |
//! | `analyze` | reports at one desk, without server or database |
//! | `demo`, `import`, `symbols`, `tokens`, `roles` | the other commands |
//! | `single_sign_on` | whom people sign in by, with the feature `oidc` |
//! | `in_process` | the API without a socket, for commands that write |
//! | `telemetry` | logs and metrics |

mod analyze;
mod cli;
mod database;
mod demo;
mod folders;
mod import;
mod in_process;
mod output;
pub mod postgres;
mod roles;
mod serve;
#[cfg(feature = "oidc")]
mod single_sign_on;
mod symbols;
mod telemetry;
mod tokens;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use self::cli::{Cli, Command};

/// Gives memory back after bursts of uploads, and is faster under many threads than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the program with the command line it was started with.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if matches!(cli.command, Command::AnalyzeChild) {
        // Before anything else: it limits itself, and must have nothing that it could leak.
        return match worker::child::serve_stdio() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            output::tell(&format!("stopcode: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    telemetry::init(&cli.log, &cli.command)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(dispatch(cli.command));
    // What still blocks in a thread must not hold up the end.
    runtime.shutdown_background();
    result
}

async fn dispatch(command: Command) -> Result<ExitCode> {
    match command {
        Command::Serve(arguments) => serve::run(*arguments).await,
        Command::Worker(arguments) => roles::work(arguments).await,
        Command::Migrate(arguments) => roles::migrate(arguments).await,
        Command::Token(arguments) => tokens::run(arguments).await,
        Command::Import(arguments) => import::run(arguments).await,
        Command::Symbols(arguments) => symbols::run(arguments).await,
        Command::Analyze(arguments) => {
            analyze::run(&arguments.paths, arguments.form(), &arguments.symbols).await
        }
        Command::Demo(arguments) => demo::run(arguments).await,
        Command::DatabaseUrl(arguments) => roles::database_url(&arguments),
        Command::AnalyzeChild => Ok(ExitCode::FAILURE),
    }
}
