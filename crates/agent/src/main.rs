//! The program `stopcode-agent`: reads flags, environment and file, and calls the library.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use agent::{Agent, Config, Secret, Settings, Stop, SystemClock, log, service};
use anyhow::{Context, Result, ensure};
use clap::{Args, Parser, Subcommand};
use tracing::Level;

/// Sends a Windows machine's crash dumps, driver inventory and bug checks to a Stopcode server.
#[derive(Debug, Parser)]
#[command(name = "stopcode-agent", version)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Work until stopped: as a Windows service, or in the foreground.
    Run,
    /// Do all there is to do, once. The exit status is 0 when nothing is left to be sent.
    Once,
    /// Print what waits, what was sent, and what is in the way.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Install and start the Windows service; needs an administrator.
    Install,
    /// Stop and remove the Windows service, and undo what the agent set.
    Uninstall,
    /// Take the inventory without sending it.
    Inventory {
        /// Print it as JSON.
        #[arg(long, required = true)]
        print: bool,
    },
}

#[derive(Debug, Args)]
struct Options {
    /// The configuration file [default: agent.toml in %ProgramData%\Stopcode, or /etc/stopcode-agent.toml].
    #[arg(long, global = true, env = "STOPCODE_CONFIG")]
    config: Option<PathBuf>,
    /// The server, e.g. `https://stopcode.corp.example`.
    #[arg(long, global = true, env = "STOPCODE_SERVER")]
    server: Option<String>,
    /// An enrolment token, or the machine's own. Better in the environment or the file: others can see flags.
    #[arg(long, global = true, env = "STOPCODE_TOKEN", hide_env_values = true)]
    token: Option<Secret>,
    /// A Windows tree other than the machine's own.
    #[arg(long, global = true, env = "STOPCODE_ROOT")]
    root: Option<PathBuf>,
    /// Where state, token, spool and log are kept.
    #[arg(long, global = true, env = "STOPCODE_STATE_DIR")]
    state_dir: Option<PathBuf>,
    /// The machine's id [default: its `MachineGuid`].
    #[arg(long, global = true, env = "STOPCODE_MACHINE")]
    machine: Option<String>,
    /// An HTTP proxy.
    #[arg(long, global = true)]
    proxy: Option<String>,
    /// Certificates (PEM) to trust in place of the built-in ones.
    #[arg(long, global = true)]
    ca_file: Option<PathBuf>,
    /// The most bytes a second that uploads take.
    #[arg(long, global = true)]
    bandwidth_bytes_per_second: Option<u64>,
    /// The longest random wait at the start of `run`, in seconds.
    #[arg(long, global = true)]
    jitter_seconds: Option<u64>,
    /// Let the server have `TrackLockedPages` set on this machine.
    #[arg(long, global = true)]
    allow_track_locked_pages: bool,
    /// Log more: once for debugging, twice for all.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

impl Options {
    fn level(&self) -> Level {
        match self.verbose {
            0 => Level::INFO,
            1 => Level::DEBUG,
            _ => Level::TRACE,
        }
    }

    /// Flags and environment, then the file, then the defaults. Only a file that was named must be there.
    fn read(&self) -> Result<Config> {
        let file = match &self.config {
            Some(path) => Settings::read(path)?,
            None if agent::default_file().exists() => Settings::read(&agent::default_file())?,
            None => Settings::default(),
        };
        let flags = Settings {
            server: self.server.clone().filter(|server| !server.is_empty()),
            token: self.token.clone(),
            root: self.root.clone(),
            state_dir: self.state_dir.clone(),
            machine: self.machine.clone(),
            proxy: self.proxy.clone(),
            ca_file: self.ca_file.clone(),
            bandwidth_bytes_per_second: self.bandwidth_bytes_per_second,
            jitter_seconds: self.jitter_seconds,
            allow_track_locked_pages: self.allow_track_locked_pages.then_some(true),
            ..Settings::default()
        };
        flags.or(file).complete()
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let level = arguments.options.level();
    match act(&arguments) {
        Ok(code) => code,
        Err(error) => {
            log::to_standard_error(level);
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn act(arguments: &Arguments) -> Result<ExitCode> {
    let options = &arguments.options;
    let level = options.level();
    match &arguments.command {
        Command::Run => run(options)?,
        Command::Once => return once(options),
        Command::Status { json } => {
            let status = agent::status(&options.read()?)?;
            print(&if *json {
                serde_json::to_string_pretty(&status)?
            } else {
                status.to_string()
            })?;
        }
        Command::Install => {
            install(options)?;
            print("the service is installed and started")?;
        }
        Command::Uninstall => {
            log::to_standard_error(level);
            service::uninstall()?;
            let config = options.read()?;
            agent::leave(&config, agent::machine_of(&config)?.as_ref());
            print("the service is removed; its state, spool and log are still there")?;
        }
        Command::Inventory { print: _ } => {
            log::to_standard_error(level);
            let config = options.read()?;
            let machine = agent::machine_of(&config)?;
            let inventory = agent::inventory_of(&config, machine.as_ref());
            print(&serde_json::to_string_pretty(&inventory)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn once(options: &Options) -> Result<ExitCode> {
    log::to_standard_error(options.level());
    let outcome = start(options, Stop::default())?.once();
    print(&format!(
        "{} dumps sent, {} pending, {} events sent",
        outcome.dumps_sent,
        outcome.dumps_pending + outcome.dumps_unsettled,
        outcome.events_sent
    ))?;
    let is_done = outcome.dumps_pending + outcome.dumps_unsettled == 0 && outcome.trouble.is_none();
    Ok(if is_done {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Installs the service. It will see the file and nothing else of what this command was told.
fn install(options: &Options) -> Result<()> {
    let file = options.config.clone().unwrap_or_else(agent::default_file);
    let file = std::path::absolute(file).context("cannot tell where the configuration is")?;
    let config = Settings::read(&file)?.complete()?;
    ensure!(
        config.server.is_some() && config.token.is_some(),
        "name `server` and `token` in {}: a service does not see this command's flags and environment",
        file.display()
    );
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    service::install(&program, Some(&file))
}

/// Runs as a service if Windows started this process as one, else in the foreground.
fn run(options: &Options) -> Result<()> {
    let config = options.read()?;
    let level = options.level();
    let stop = Stop::default();
    let as_service = {
        let (config, stop) = (config.clone(), stop.clone());
        Box::new(move || {
            let _ = std::fs::create_dir_all(&config.state_dir); // without it there is no log, and `new` fails too
            log::to_file(level, &config.state_dir);
            match start_with(config.clone(), stop.clone()) {
                Ok(mut agent) => agent.run(),
                Err(error) => tracing::error!("the agent cannot start: {error:#}"),
            }
        })
    };
    if service::run_as_service(stop.clone(), as_service) {
        return Ok(());
    }
    log::to_standard_error(level);
    start_with(config, stop)?.run();
    Ok(())
}

fn start(options: &Options, stop: Stop) -> Result<Agent> {
    start_with(options.read()?, stop)
}

fn start_with(config: Config, stop: Stop) -> Result<Agent> {
    let machine = agent::machine_of(&config)?;
    Agent::new(config, machine, Arc::new(SystemClock::new(stop)))
}

fn print(text: &str) -> Result<()> {
    writeln!(io::stdout(), "{text}").context("cannot write to standard output")
}
