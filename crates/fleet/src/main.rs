//! The program `stopcode-fleet`: plays a synthetic fleet against a server, puts load on it, or judges verdicts.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, Parser, Subcommand};
use fleet::evaluate::{self, EvaluateConfig, Evidence, Scenario, Seeds};
use fleet::{Form, LoadConfig, PlayConfig, Progress};
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
    /// Judge verdicts on many fleets whose culprit is known; needs no server.
    Evaluate(EvaluateArguments),
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
struct EvaluateArguments {
    /// Fleets of each scenario.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..10_000))]
    runs: u32,
    /// Only this scenario; may be given several times.
    #[arg(long)]
    scenario: Vec<String>,
    /// Machines of every fleet, instead of each scenario's own number.
    #[arg(long, value_parser = clap::value_parser!(u32).range(50..))]
    machines: Option<u32>,
    /// What verdicts see: counts, dumps, sites, dumps+sites; may be given several times. All but sites by default.
    #[arg(long)]
    evidence: Vec<String>,
    /// The first seed, instead of the development seeds'.
    #[arg(long)]
    seed: Option<u64>,
    /// Use the seeds that no work on the method touches; for the released table.
    #[arg(long, conflicts_with = "seed")]
    hold_out: bool,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
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
        Command::Evaluate(arguments) => evaluate(&arguments),
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

/// Exit status 0 if every figure that was run is reached, 1 if one is not.
fn evaluate(arguments: &EvaluateArguments) -> anyhow::Result<ExitCode> {
    let seeds = match arguments.seed {
        Some(first) => Seeds { first },
        None if arguments.hold_out => Seeds::HOLD_OUT,
        None => Seeds::DEVELOPMENT,
    };
    let evidence = if arguments.evidence.is_empty() {
        Evidence::USUAL.to_vec()
    } else {
        let name_of = |evidence: &Evidence| evidence.name();
        chosen("evidence", &arguments.evidence, Evidence::ALL.to_vec(), name_of)?
    };
    let evaluation = evaluate::evaluate(&EvaluateConfig {
        scenarios: chosen("scenario", &arguments.scenario, Scenario::all(), |scenario| {
            scenario.name
        })?,
        runs: arguments.runs,
        seeds,
        machines: arguments.machines,
        evidence,
        threads: arguments.threads,
        progress: Progress::Bar,
    });
    let form = if arguments.json { Form::Json } else { Form::Tables };
    fleet::print_evaluation(&evaluation, form)?;
    let missed = evaluation.gates().iter().any(|gate| gate.passed() == Some(false));
    Ok(if missed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The items with these names, all if none is named.
fn chosen<T>(
    what: &str,
    names: &[String],
    all: Vec<T>,
    name_of: impl Fn(&T) -> &'static str,
) -> anyhow::Result<Vec<T>> {
    let known: Vec<&str> = all.iter().map(&name_of).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("no {what} is called {unknown}; there are {}", known.join(", "));
    }
    let wanted = |item: &T| names.is_empty() || names.iter().any(|name| name == name_of(item));
    Ok(all.into_iter().filter(wanted).collect())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the edge of the program: a played history ends before the day on which it is played"
)]
fn today() -> Date {
    OffsetDateTime::now_utc().date()
}
