//! The command line. A flag wins over its environment variable, which wins over the default.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use axum::http::HeaderValue;
use clap::{Args, Parser, Subcommand, ValueEnum};
use uuid::Uuid;

use crate::analyze::Form;
use crate::postgres;

/// Tells which driver version blue-screens a Windows fleet.
#[derive(Debug, Parser)]
#[command(name = "stopcode", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    /// How the program logs.
    #[command(flatten)]
    pub(crate) log: LogArguments,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How the program logs, on standard error.
#[derive(Debug, Clone, Args)]
pub(crate) struct LogArguments {
    /// The form of log lines; text on a terminal and elsewhere unless set
    #[arg(long, global = true, env = "STOPCODE_LOG_FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
    /// What is logged, e.g. `info` or `info,store=debug`; `info` for serve and worker, else `warn`, unless set
    #[arg(long, global = true, env = "STOPCODE_LOG")]
    log: Option<String>,
}

impl LogArguments {
    /// What is logged by `command`.
    pub(crate) fn filter(&self, command: &Command) -> &str {
        match (&self.log, command) {
            (Some(filter), _) => filter,
            // Postgres remarks on everything that exists already.
            (None, Command::Serve(_) | Command::Worker(_)) => "info,sqlx::postgres::notice=warn",
            (None, _) => "warn",
        }
    }
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server: API, pages and workers in one process
    Serve(Box<ServeArguments>),
    /// Run only the workers, beside a server with the same database and blobs
    Worker(WorkerArguments),
    /// Bring the database's schema up to date
    Migrate(DatabaseArguments),
    /// Make, list and revoke access tokens
    Token(TokenArguments),
    /// Import history: machines, inventories, presence and crashes, one JSON object a line
    Import(ImportArguments),
    /// Add symbol files: images, PDBs, Breakpad files
    Symbols(SymbolsArguments),
    /// Say what dumps tell, at a desk: no server, no database
    Analyze(AnalyzeArguments),
    /// Play an invented fleet against a fresh server and show its ranking
    Demo(DemoArguments),
    /// Print the address of the database that a running server has embedded
    #[command(hide = true)]
    DatabaseUrl(DatabaseArguments),
    /// Analyse dumps from standard input (started by workers)
    #[command(hide = true)]
    AnalyzeChild,
}

/// Which database. Global, so that they may stand behind `token create` as well.
#[derive(Debug, Clone, Args)]
pub(crate) struct DatabaseArguments {
    /// A Postgres to use; without it the server runs a private one in its data directory
    #[arg(long, global = true, env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: Option<String>,
    /// Where the server keeps its data
    #[arg(
        long,
        global = true,
        env = "STOPCODE_DATA_DIR",
        default_value = "./stopcode-data"
    )]
    pub(crate) data_dir: PathBuf,
    /// Where the programs of the private Postgres are; searched for unless set
    #[arg(long, global = true, env = "STOPCODE_PG_BIN")]
    pub(crate) pg_bin: Option<PathBuf>,
    /// The account that the private Postgres runs as when started by root
    #[arg(long, global = true, env = "STOPCODE_PG_USER")]
    pub(crate) pg_user: Option<String>,
    /// Most connections to the database
    #[arg(long, global = true, env = "STOPCODE_DATABASE_CONNECTIONS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub(crate) database_connections: u32,
}

impl DatabaseArguments {
    /// The given database, if one was given; an empty variable is as good as none.
    pub(crate) fn given_url(&self) -> Option<&str> {
        self.database_url.as_deref().filter(|url| !url.is_empty())
    }

    /// How the private Postgres is started.
    pub(crate) fn embedded(&self) -> postgres::Options {
        postgres::Options {
            data_dir: self.data_dir.clone(),
            pg_bin: self.pg_bin.clone(),
            pg_user: self.pg_user.clone(),
            settings: Vec::new(),
        }
    }
}

/// Where dumps and symbol files are kept. Global, for `symbols add`.
#[derive(Debug, Clone, Args)]
pub(crate) struct BlobArguments {
    /// The folder of the uploaded dumps and symbol files; `blobs` in the data directory unless set
    #[arg(long, global = true, env = "STOPCODE_BLOBS")]
    pub(crate) blobs: Option<String>,
}

impl BlobArguments {
    /// The folder.
    ///
    /// # Errors
    ///
    /// When an object store is asked for.
    pub(crate) fn folder(&self, data_dir: &Path) -> Result<PathBuf> {
        match self.blobs.as_deref().filter(|place| !place.is_empty()) {
            None => Ok(data_dir.join("blobs")),
            Some(place) if place.contains("://") => {
                bail!("blobs can only be kept in a folder so far, not in {place}")
            }
            Some(place) => Ok(PathBuf::from(place)),
        }
    }
}

/// How the pool of workers is run.
#[derive(Debug, Clone, Args)]
pub(crate) struct PoolArguments {
    /// Dumps analysed at once, each in a process of its own; one a processor unless set
    #[arg(long, env = "STOPCODE_ANALYSERS", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) analysers: Option<u16>,
    /// Days for which the record of who did what is kept
    #[arg(long, env = "STOPCODE_AUDIT_DAYS", value_name = "DAYS", default_value_t = DEFAULT_AUDIT_DAYS, value_parser = clap::value_parser!(u16).range(30..))]
    pub(crate) audit_days: u16,
}

/// Days for which the record is kept, unless another number is given: two years.
const DEFAULT_AUDIT_DAYS: u16 = 730;

impl Default for PoolArguments {
    fn default() -> Self {
        PoolArguments {
            analysers: None,
            audit_days: DEFAULT_AUDIT_DAYS,
        }
    }
}

impl PoolArguments {
    /// Dumps analysed at once.
    pub(crate) fn analysers(&self) -> usize {
        self.analysers.map_or_else(
            || std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            usize::from,
        )
    }
}

/// Most MiB of compiled symbol files, unless another number is given.
const DEFAULT_SYMBOL_CACHE_MIB: u64 = 4096;

/// Seconds that a dump waits for symbol files, unless another number is given.
const DEFAULT_SYMBOL_PATIENCE: u64 = 20;

/// Where workers find symbol files, besides those that are uploaded.
#[derive(Debug, Clone, Args)]
pub(crate) struct SymbolArguments {
    /// A tree of symbol files in symstore layout, which is only read; may be given several times
    #[arg(
        long = "symbol-path",
        env = "STOPCODE_SYMBOL_PATH",
        value_name = "FOLDER",
        value_delimiter = ':'
    )]
    trees: Vec<PathBuf>,
    /// A symbol server, e.g. <https://msdl.microsoft.com/download/symbols>; may be given several times, asked in order
    #[arg(
        long = "symbol-server",
        env = "STOPCODE_SYMBOL_SERVERS",
        value_name = "URL",
        value_delimiter = ','
    )]
    servers: Vec<String>,
    /// Where compiled symbol files are kept; `symbol-cache` in the data directory unless set
    #[arg(long, env = "STOPCODE_SYMBOL_CACHE", value_name = "FOLDER")]
    symbol_cache: Option<PathBuf>,
    /// Most MiB of compiled symbol files
    #[arg(long, env = "STOPCODE_SYMBOL_CACHE_MIB", default_value_t = DEFAULT_SYMBOL_CACHE_MIB, value_parser = clap::value_parser!(u64).range(16..))]
    symbol_cache_mib: u64,
    /// Seconds that a dump waits for the symbol files it asks for; what comes later is used then
    #[arg(long, env = "STOPCODE_SYMBOL_PATIENCE", value_name = "SECONDS", default_value_t = DEFAULT_SYMBOL_PATIENCE, value_parser = clap::value_parser!(u64).range(1..=600))]
    symbol_patience: u64,
}

impl Default for SymbolArguments {
    fn default() -> Self {
        SymbolArguments {
            trees: Vec::new(),
            servers: Vec::new(),
            symbol_cache: None,
            symbol_cache_mib: DEFAULT_SYMBOL_CACHE_MIB,
            symbol_patience: DEFAULT_SYMBOL_PATIENCE,
        }
    }
}

impl SymbolArguments {
    /// How workers find symbol files, with their cache in `folder` unless another one was given.
    pub(crate) fn config(&self, folder: impl FnOnce() -> PathBuf) -> worker::SymbolConfig {
        let given = |text: &&String| !text.is_empty();
        worker::SymbolConfig {
            trees: self.trees.clone(),
            servers: self.servers.iter().filter(given).cloned().collect(),
            cache: self.symbol_cache.clone().unwrap_or_else(folder),
            cache_bytes: self.symbol_cache_mib.saturating_mul(1 << 20),
            patience: Duration::from_secs(self.symbol_patience),
            clock: store::Clock::System,
        }
    }

    /// Whether any place to look was given.
    pub(crate) fn is_given(&self) -> bool {
        !self.trees.is_empty() || self.servers.iter().any(|server| !server.is_empty())
    }
}

/// What an operator can limit.
#[derive(Debug, Clone, Args)]
pub(crate) struct LimitArguments {
    /// Largest dump, as sent and inflated, in MiB
    #[arg(long, env = "STOPCODE_MAX_DUMP_MIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub(crate) max_dump_mib: u64,
    /// Largest symbol file, as sent and inflated, in MiB
    #[arg(long, env = "STOPCODE_MAX_SYMBOL_MIB", default_value_t = 512, value_parser = clap::value_parser!(u64).range(1..=512))]
    pub(crate) max_symbol_mib: u64,
    /// Bytes of uploads held in memory at once, in MiB; beyond it uploads are asked to come again
    #[arg(long, env = "STOPCODE_INFLIGHT_MIB", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    pub(crate) inflight_mib: u64,
    /// Have agents send the bodies of full memory dumps, up to the largest dump; otherwise they only tell of them
    #[arg(long, env = "STOPCODE_FULL_DUMPS")]
    pub(crate) full_dumps: bool,
    /// The address users reach the server at, if a proxy stands in front of it
    #[arg(long, env = "STOPCODE_PUBLIC_URL")]
    pub(crate) public_url: Option<String>,
    /// Requests a minute in which one token may read; 0 for any number
    #[arg(
        long,
        env = "STOPCODE_READS_PER_MINUTE",
        value_name = "REQUESTS",
        default_value_t = 6_000
    )]
    pub(crate) reads_per_minute: u32,
    /// Requests a minute in which one token may send; 0 for any number
    #[arg(
        long,
        env = "STOPCODE_SENDS_PER_MINUTE",
        value_name = "REQUESTS",
        default_value_t = 600_000
    )]
    pub(crate) sends_per_minute: u32,
    /// Wrong tokens that one address may show in a minute; 0 for any number
    #[arg(
        long,
        env = "STOPCODE_GUESSES_PER_MINUTE",
        value_name = "TOKENS",
        default_value_t = 100
    )]
    pub(crate) guesses_per_minute: u32,
    /// Proxies in front of the server, e.g. `127.0.0.1` or `10.0.0.0/8`: their `X-Forwarded-For` is believed
    #[arg(
        long = "trusted-proxy",
        env = "STOPCODE_TRUSTED_PROXIES",
        value_name = "NETWORK",
        value_delimiter = ','
    )]
    trusted_proxies: Vec<api::auth::Network>,
    /// Other sites whose scripts may use the API with a token, e.g. `https://grafana.example.com`; `*` for all
    #[arg(long = "cors-origin", env = "STOPCODE_CORS_ORIGINS", value_name = "ORIGIN", value_delimiter = ',', value_parser = origin)]
    cors_origins: Vec<HeaderValue>,
}

/// Reads an origin as browsers write it.
fn origin(text: &str) -> Result<HeaderValue, String> {
    let wrong = || "expected an origin such as https://grafana.example.com, without a path, or *".to_owned();
    let host = text
        .split_once("://")
        .filter(|(scheme, _)| matches!(*scheme, "http" | "https"));
    let is_origin = host.is_some_and(|(_, host)| {
        !host.is_empty() && !host.contains(['/', '*', '?', '#', '@']) && !host.contains(char::is_whitespace)
    });
    if text != "*" && !is_origin {
        return Err(wrong());
    }
    HeaderValue::from_str(&text.to_ascii_lowercase()).map_err(|_| wrong())
}

impl Default for LimitArguments {
    fn default() -> Self {
        let api::Settings {
            max_dump_bytes,
            max_symbol_bytes,
            inflight_bytes,
            wants_full_dumps,
            public_url,
            reads_per_minute,
            sends_per_minute,
            guesses_per_minute,
            trusted_proxies,
            cors_origins,
            ..
        } = api::Settings::default();
        LimitArguments {
            max_dump_mib: max_dump_bytes >> 20,
            max_symbol_mib: max_symbol_bytes >> 20,
            inflight_mib: inflight_bytes >> 20,
            full_dumps: wants_full_dumps,
            public_url,
            reads_per_minute,
            sends_per_minute,
            guesses_per_minute,
            trusted_proxies,
            cors_origins,
        }
    }
}

impl LimitArguments {
    /// The API's settings.
    pub(crate) fn settings(&self) -> api::Settings {
        api::Settings {
            max_dump_bytes: self.max_dump_mib << 20,
            max_symbol_bytes: self.max_symbol_mib << 20,
            inflight_bytes: self.inflight_mib.max(self.max_dump_mib) << 20,
            wants_full_dumps: self.full_dumps,
            public_url: self
                .public_url
                .as_ref()
                .map(|url| url.trim_end_matches('/').to_owned()),
            reads_per_minute: self.reads_per_minute,
            sends_per_minute: self.sends_per_minute,
            guesses_per_minute: self.guesses_per_minute,
            trusted_proxies: self.trusted_proxies.clone(),
            cors_origins: self.cors_origins.clone(),
            ..api::Settings::default()
        }
    }
}

/// `serve`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeArguments {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, env = "STOPCODE_LISTEN", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Leave the analysis to `stopcode worker` processes
    #[arg(long)]
    pub(crate) no_worker: bool,
    /// A token with all rights; without it the first start makes one and prints it
    #[arg(long, env = "STOPCODE_ADMIN_TOKEN", hide_env_values = true)]
    pub(crate) admin_token: Option<String>,
    /// Which database.
    #[command(flatten)]
    pub(crate) database: DatabaseArguments,
    /// Where dumps are kept.
    #[command(flatten)]
    pub(crate) blobs: BlobArguments,
    /// How the workers are run.
    #[command(flatten)]
    pub(crate) pool: PoolArguments,
    /// Where symbol files come from.
    #[command(flatten)]
    pub(crate) symbols: SymbolArguments,
    /// What is limited.
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
    /// Whom people sign in by.
    #[cfg(feature = "oidc")]
    #[command(flatten)]
    pub(crate) oidc: crate::single_sign_on::OidcArguments,
}

/// `worker`.
#[derive(Debug, Clone, Args)]
pub(crate) struct WorkerArguments {
    /// Where to serve this process's /metrics; nowhere unless set
    #[arg(long, env = "STOPCODE_METRICS_LISTEN")]
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Which database.
    #[command(flatten)]
    pub(crate) database: DatabaseArguments,
    /// Where dumps are kept.
    #[command(flatten)]
    pub(crate) blobs: BlobArguments,
    /// How the workers are run.
    #[command(flatten)]
    pub(crate) pool: PoolArguments,
    /// Where symbol files come from.
    #[command(flatten)]
    pub(crate) symbols: SymbolArguments,
}

/// `token`.
#[derive(Debug, Clone, Args)]
pub(crate) struct TokenArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: TokenCommand,
    /// Which database.
    #[command(flatten)]
    pub(crate) database: DatabaseArguments,
}

/// The commands of `token`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it, for the only time
    Create {
        /// What it may do: upload, agent, read, download, symbols or admin; may be given several times
        #[arg(long, required = true, value_parser = scope)]
        scope: Vec<wire::token::Scope>,
        /// The only machine it may write for
        #[arg(long)]
        machine: Option<String>,
        /// Days until it expires; never unless set
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
        expires: Option<u16>,
        /// What it is for
        #[arg(long, default_value = "made on the command line")]
        name: String,
    },
    /// List all tokens
    List,
    /// Make a token useless from now on
    Revoke {
        /// Its id, as `list` shows it
        id: Uuid,
        /// Of an enrolment token: end the tokens of the agents that it let in, too. They may enrol with another
        #[arg(long)]
        with_agents: bool,
    },
}

/// Reads a scope by its name.
fn scope(name: &str) -> Result<wire::token::Scope, String> {
    wire::token::Scope::from_name(name).ok_or_else(|| {
        let names: Vec<_> = wire::token::Scope::ALL
            .iter()
            .map(|scope| scope.as_str())
            .collect();
        format!("expected one of {}", names.join(", "))
    })
}

/// `import`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ImportArguments {
    /// The file, or `-` for standard input
    pub(crate) file: PathBuf,
    /// Go on at this line after a failure: earlier lines are only read for their ids
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) from_line: u64,
    /// Which database.
    #[command(flatten)]
    pub(crate) database: DatabaseArguments,
}

/// `symbols`.
#[derive(Debug, Clone, Args)]
pub(crate) struct SymbolsArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: SymbolsCommand,
    /// Which database.
    #[command(flatten)]
    pub(crate) database: DatabaseArguments,
    /// Where their bytes are kept.
    #[command(flatten)]
    pub(crate) blobs: BlobArguments,
}

/// The commands of `symbols`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum SymbolsCommand {
    /// Add files, folders, symbol store trees, and zips of such trees; what missed them is analysed again
    Add {
        /// The files and folders
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
}

/// `analyze`.
#[derive(Debug, Clone, Args)]
pub(crate) struct AnalyzeArguments {
    /// Dumps, folders of dumps, zips of dumps
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Print JSON as `GET /api/v1/crashes/{id}` answers: an object for one dump, an array for several
    #[arg(long)]
    json: bool,
    /// Where symbol files come from.
    #[command(flatten)]
    pub(crate) symbols: SymbolArguments,
}

impl AnalyzeArguments {
    /// How the reports are shown.
    pub(crate) fn form(&self) -> Form {
        if self.json { Form::Json } else { Form::Text }
    }
}

/// `demo`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DemoArguments {
    /// Machines of the invented fleet
    #[arg(long, default_value_t = fleet::PlayConfig::DEFAULT_MACHINES, value_parser = clap::value_parser!(u32).range(50..=200_000))]
    pub(crate) machines: u32,
    /// The same seed gives the same fleet
    #[arg(long, default_value_t = fleet::PlayConfig::DEFAULT_SEED)]
    pub(crate) seed: u64,
    /// End after the ranking: status 0 if the planted driver is first
    #[arg(long)]
    pub(crate) once: bool,
    /// The address to listen on; 127.0.0.1:8080 unless set, or a free port if that is taken
    #[arg(long, env = "STOPCODE_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// Where to keep the data; a temporary directory unless set
    #[arg(long)]
    pub(crate) data_dir: Option<PathBuf>,
    /// Where the programs of the private Postgres are; searched for unless set
    #[arg(long, env = "STOPCODE_PG_BIN")]
    pub(crate) pg_bin: Option<PathBuf>,
    /// The account that the private Postgres runs as when started by root
    #[arg(long, env = "STOPCODE_PG_USER")]
    pub(crate) pg_user: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_of_the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_token_needs_a_scope_that_exists() {
        assert!(Cli::try_parse_from(["stopcode", "token", "create"]).is_err());
        let error = Cli::try_parse_from(["stopcode", "token", "create", "--scope", "root"]).unwrap_err();
        assert!(
            error.to_string().contains("expected one of upload, agent"),
            "{error}"
        );
        assert!(
            Cli::try_parse_from([
                "stopcode",
                "token",
                "create",
                "--scope",
                "read",
                "--expires",
                "30"
            ])
            .is_ok()
        );
    }

    #[test]
    fn the_data_directory_may_stand_behind_any_command() {
        let arguments = [
            "stopcode",
            "token",
            "create",
            "--scope",
            "read",
            "--data-dir",
            "/data",
        ];
        assert!(Cli::try_parse_from(arguments).is_ok());
        assert!(Cli::try_parse_from(["stopcode", "serve", "--data-dir", "/data"]).is_ok());
    }

    #[test]
    fn an_origin_is_what_browsers_send_and_no_address() {
        assert!(origin("https://grafana.example.com").is_ok());
        assert!(origin("http://127.0.0.1:3000").is_ok());
        for wrong in [
            "",
            "grafana.example.com",
            "https://a.example/",
            "https://*.example.com",
            "null",
            "https://a b",
        ] {
            assert!(origin(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn blobs_stay_beside_the_data_unless_a_folder_is_named() {
        let place = |blobs: Option<&str>| {
            BlobArguments {
                blobs: blobs.map(str::to_owned),
            }
            .folder(Path::new("/data"))
        };
        assert_eq!(place(None).unwrap(), Path::new("/data/blobs"));
        assert_eq!(place(Some("/mnt/dumps")).unwrap(), Path::new("/mnt/dumps"));
        assert!(place(Some("s3://bucket")).is_err());
    }
}
