//! The program `stopcode-fleet`: plays a synthetic fleet against a server, or puts load on it.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use fleet::{LoadConfig, PlayConfig, Progress};
use time::{Date, OffsetDateTime};

/// Plays a synthetic fleet against a Stopcode server.
#[derive(Debug, Parser)]
#[command(name = "stopcode-fleet", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send a quarter of a year of an invented company and check that the planted driver version is found.
    Play(PlayArguments),
    /// Send as many dumps as the server takes and print how long the answers need.
    Load(LoadArguments),
}

#[derive(Debug, Args)]
struct Target {
    /// The server.
    #[arg(long, env = "STOPCODE_SERVER", default_value = "http://127.0.0.1:8080")]
    server: String,
    /// A token; `play` needs the scopes upload and read, `load` needs upload.
    #[arg(long, env = "STOPCODE_TOKEN", hide_env_values = true)]
    token: String,
}

#[derive(Debug, Args)]
struct PlayArguments {
    #[command(flatten)]
    target: Target,
    /// Number of machines.
    #[arg(long, default_value_t = PlayConfig::DEFAULT_MACHINES, value_parser = clap::value_parser!(u32).range(50..))]
    machines: u32,
    /// The same seed gives the same fleet.
    #[arg(long, default_value_t = PlayConfig::DEFAULT_SEED)]
    seed: u64,
    /// Length of the history.
    #[arg(long, default_value_t = PlayConfig::DEFAULT_WEEKS, value_parser = clap::value_parser!(u32).range(4..=52))]
    weeks: u32,
}

#[derive(Debug, Args)]
struct LoadArguments {
    #[command(flatten)]
    target: Target,
    /// Uploads at the same time.
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// Bytes of each dump.
    #[arg(long, default_value_t = 262_144)]
    size: usize,
    /// How long to send.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().command {
        Command::Play(arguments) => play(arguments).await,
        Command::Load(arguments) => load(arguments).await,
    }
}

/// Exit status 0 if the planted version is first, 1 if it is not.
async fn play(arguments: PlayArguments) -> anyhow::Result<ExitCode> {
    let config = PlayConfig {
        base_url: arguments.target.server,
        token: arguments.target.token,
        machines: arguments.machines,
        seed: arguments.seed,
        weeks: arguments.weeks,
        end_date: today(),
        progress: Progress::Bar,
    };
    let outcome = fleet::play(&config).await?;
    fleet::print_ranking(&outcome);
    Ok(if outcome.found() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn load(arguments: LoadArguments) -> anyhow::Result<ExitCode> {
    let config = LoadConfig {
        base_url: arguments.target.server,
        token: arguments.target.token,
        clients: arguments.clients.max(1),
        size_bytes: arguments.size,
        duration: Duration::from_secs(arguments.seconds),
    };
    fleet::print_load(&fleet::load(&config).await?);
    Ok(ExitCode::SUCCESS)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the edge of the program: a played history ends before the day on which it is played"
)]
fn today() -> Date {
    OffsetDateTime::now_utc().date()
}
