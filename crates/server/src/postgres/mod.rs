//! A private Postgres, started from installed binaries, that lives and dies with this process.
//!
//! What is in here: finding the binaries, making the cluster, running `postgres` itself (not `pg_ctl`) and
//! stopping it. What is not: pools, migrations and SQL of the product.
//!
//! ```text
//! <data-dir>/postgres.lock        held by the one process that runs the cluster; says how to reach it
//! <data-dir>/postgres/            0700, owned by the account Postgres runs as
//!     data/                       the cluster (initdb writes it as data.incomplete, then it is renamed)
//!     .s.PGSQL.5432               the only way in: no TCP, no password, the directory is the lock
//!     postgres.log
//! ```
//!
//! Two facts shape it. Postgres refuses to run as root, so root hands the directory to `postgres`, `--pg-user` or
//! `nobody`; if that account cannot reach the data directory (a clone under `/root`), the cluster is put under
//! `/var/lib/stopcode`. And a Unix socket's path holds at most 107 bytes, so a deep data directory gets its socket
//! in a short private directory instead.

mod account;
mod binaries;
mod cluster;
mod lock;
mod place;
mod process;
mod temporary;

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result, ensure};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tokio::sync::watch;

use self::account::Account;
use self::binaries::Binaries;
use self::lock::DataDirLock;
use self::place::Place;
use self::process::{Launch, Running};
pub(crate) use self::temporary::TemporaryDirectory;

/// The role that owns everything in the cluster.
const ROLE: &str = "stopcode";

/// The database that the product uses.
const DATABASE: &str = "stopcode";

/// How to start the cluster.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The data directory of the server; the cluster goes into `postgres` below it. Made if missing.
    pub data_dir: PathBuf,
    /// Where `postgres` and `initdb` are; searched for if absent.
    pub pg_bin: Option<PathBuf>,
    /// The account that Postgres runs as when we are root; `postgres`, then `nobody`, if absent.
    pub pg_user: Option<String>,
    /// Further settings, as `name`, `value`; they win over ours. Tests set `fsync` to `off`.
    pub settings: Vec<(String, String)>,
}

/// A running private Postgres. Dropping it stops it.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    running: Running,
    place: Place,
    // Fields drop in this order: the server is gone before the lock is, and the files go last.
    _lock: DataDirLock,
    _temporary: Option<TemporaryDirectory>,
}

impl EmbeddedPostgres {
    /// Starts the cluster of `options.data_dir`, making it first if it is not there yet.
    ///
    /// Blocks until Postgres takes connections: a tenth of a second, two seconds the first time. It may be called
    /// from any thread; Postgres hangs on a thread of its own.
    ///
    /// # Errors
    ///
    /// In words that say what to do: no binaries, another server on this directory, a cluster of another major
    /// version, an account without a passwd entry, or what Postgres itself wrote before it gave up.
    pub fn start(options: &Options) -> Result<Self> {
        Self::start_in(options, None)
    }

    /// Starts a cluster in a new directory of its own that is removed when it stops: for tests and the demo.
    ///
    /// Directories that a killed process left behind are swept by the next call. `options.data_dir` is ignored.
    ///
    /// # Errors
    ///
    /// As [`EmbeddedPostgres::start`].
    pub fn start_temporary(options: &Options) -> Result<Self> {
        let directory = TemporaryDirectory::make()?;
        let options = Options {
            data_dir: directory.path().to_owned(),
            ..options.clone()
        };
        Self::start_in(&options, Some(directory))
    }

    fn start_in(options: &Options, temporary: Option<TemporaryDirectory>) -> Result<Self> {
        place::make_data_dir(&options.data_dir)?;
        let data_dir = options
            .data_dir
            .canonicalize()
            .with_context(|| format!("cannot resolve {}", options.data_dir.display()))?;
        let lock = DataDirLock::take(&data_dir)?;
        let account = Account::choose(options.pg_user.as_deref())?;
        let place = Place::prepare(&data_dir, &account)?;
        let binaries = Binaries::find(options.pg_bin.as_deref(), place.cluster_version()?)?;
        cluster::wait_for_orphans(&place)?;
        cluster::ensure(&place, &binaries, &account, &options.settings)?;
        let running = process::start(Launch::new(&place, &binaries, &account, &options.settings))?;
        lock.publish(&place.url(ROLE, DATABASE))?;
        tracing::info!(
            postgres.pid = running.pid(),
            postgres.version = binaries.major(),
            "the embedded Postgres is ready"
        );
        Ok(Self {
            running,
            place,
            _lock: lock,
            _temporary: temporary,
        })
    }

    /// The address of a cluster that another process runs in `data_dir`, or `None` if none does.
    ///
    /// # Errors
    ///
    /// When the lock file cannot be read.
    pub fn running_in(data_dir: &std::path::Path) -> Result<Option<String>> {
        lock::published(data_dir)
    }

    /// The address of the product's database, for `DATABASE_URL`. The database may have to be created first.
    pub fn url(&self) -> String {
        self.url_of(DATABASE)
    }

    /// The connect options of the product's database.
    ///
    /// # Panics
    ///
    /// Never: the address is our own.
    pub fn connect_options(&self) -> PgConnectOptions {
        PgConnectOptions::from_str(&self.url()).expect("the address is made by url_of")
    }

    /// Creates the database `name` if it is not there and gives its address.
    ///
    /// # Errors
    ///
    /// When `name` is not made of lower-case letters, digits and `_`, or Postgres refuses.
    pub async fn create_database(&self, name: &str) -> Result<String> {
        ensure!(
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'),
            "a database name is made of lower-case letters, digits and _"
        );
        let options = PgConnectOptions::from_str(&self.url_of("postgres"))?;
        let mut connection = options
            .connect()
            .await
            .context("cannot reach the embedded Postgres")?;
        create_database(&mut connection, name).await?;
        connection.close().await?;
        Ok(self.url_of(name))
    }

    /// Tells when Postgres has ended, wanted or not: the value becomes true.
    pub fn ended(&self) -> watch::Receiver<bool> {
        self.running.ended()
    }

    /// The process id of the postmaster.
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Stops Postgres: open transactions are rolled back, and everything is on disk when this returns.
    pub fn stop(self) {
        drop(self);
    }

    fn url_of(&self, database: &str) -> String {
        self.place.url(ROLE, database)
    }
}

/// Creates the database `name`, which is made of harmless characters, if it is not there.
async fn create_database(connection: &mut PgConnection, name: &str) -> Result<()> {
    let there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(name)
        .fetch_one(&mut *connection)
        .await?;
    if !there {
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE \"{name}\"")))
            .execute(connection)
            .await
            .with_context(|| format!("cannot create the database {name}"))?;
    }
    Ok(())
}
