//! The small commands around a server: `worker`, `migrate`, and the hidden `database-url`.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use analysis::signature::{Patterns, Rules};
use anyhow::{Context, Result, bail};
use sqlx::PgPool;
use store::Clock;
use store::blobs::Blobs;
use tokio_util::sync::CancellationToken;

use crate::cli::{DatabaseArguments, PoolArguments, SymbolArguments, WorkerArguments};
use crate::database::Database;
use crate::output;
use crate::postgres::EmbeddedPostgres;
use crate::serve::signals::Signals;
use crate::telemetry;

/// `stopcode worker`: analyses what a server beside it takes in.
///
/// # Errors
///
/// When there is no database to work on, or the blobs cannot be opened.
pub(crate) async fn work(arguments: WorkerArguments) -> Result<ExitCode> {
    let mut signals = Signals::listen()?;
    needs_database(&arguments.database)?;
    let folder = arguments.blobs.folder(&arguments.database.data_dir)?;
    let blobs = Blobs::open(folder, Clock::System)
        .await
        .context("cannot open the blobs")?;
    let database = Database::open_beside(&arguments.database).await?;
    let stop = CancellationToken::new();
    telemetry::listen(arguments.metrics_listen, stop.clone()).await?;
    let config = pool_config(&arguments.pool)?;
    let data_dir = &arguments.database.data_dir;
    let symbols = symbols(&arguments.symbols, data_dir, &config, &database.pool, &blobs)?;
    say_working(&config);
    let pool = tokio::spawn(worker::run(
        config,
        database.pool.clone(),
        blobs,
        symbols,
        stop.clone(),
    ));
    signals.next().await;
    tracing::info!("stopping: analyses under way come to their end");
    stop.cancel();
    signals.or_force(pool).await.context("the workers ended badly")?;
    database.close().await;
    Ok(ExitCode::SUCCESS)
}

fn say_working(config: &worker::Config) {
    tracing::info!(
        worker.name = config.name,
        worker.analysers = config.analysers,
        "working"
    );
}

/// A worker starts no database of its own: nothing would ever be in it.
fn needs_database(arguments: &DatabaseArguments) -> Result<()> {
    if arguments.given_url().is_none() && EmbeddedPostgres::running_in(&arguments.data_dir)?.is_none() {
        bail!(
            "no database to work on: set DATABASE_URL to that of the server, or start `stopcode serve --no-worker` \
             on {} first",
            arguments.data_dir.display()
        );
    }
    Ok(())
}

/// How a pool of workers is run.
///
/// # Errors
///
/// When the operating system does not tell which program is running.
pub(crate) fn pool_config(arguments: &PoolArguments) -> Result<worker::Config> {
    let child = worker::ChildCommand::of_this_program().context("cannot tell which program is running")?;
    let mut config = worker::Config::new(child);
    config.analysers = arguments.analysers();
    config.audit_kept = Duration::from_hours(24 * u64::from(arguments.audit_days));
    Ok(config)
}

/// Where a pool of workers finds symbol files.
///
/// # Errors
///
/// When the cache cannot be used, or an address is none.
pub(crate) fn symbols(
    arguments: &SymbolArguments,
    data_dir: &Path,
    config: &worker::Config,
    database: &PgPool,
    blobs: &Blobs,
) -> Result<worker::Symbols> {
    let uploads = Some((database.clone(), blobs.clone()));
    let places = arguments.config(|| data_dir.join("symbol-cache"));
    Ok(worker::Symbols::open(&places, config.child.clone(), uploads)?)
}

/// Says in a clause why JSON cannot be rules of signatures.
///
/// # Errors
///
/// The clause.
pub(crate) fn check_rules(rules: &serde_json::Value) -> Result<(), String> {
    let patterns: Patterns = serde_json::from_value(rules.clone()).map_err(|error| error.to_string())?;
    Rules::new(patterns).map(drop).map_err(|error| error.to_string())
}

/// `stopcode migrate`.
///
/// # Errors
///
/// As [`Database::open_beside`].
pub(crate) async fn migrate(arguments: DatabaseArguments) -> Result<ExitCode> {
    let database = Database::open_beside(&arguments).await?;
    database.close().await;
    output::tell("The schema is up to date.");
    Ok(ExitCode::SUCCESS)
}

/// `stopcode database-url`: for developers' tools, e.g. `cargo sqlx prepare`.
///
/// # Errors
///
/// When no server runs on the data directory.
pub(crate) fn database_url(arguments: &DatabaseArguments) -> Result<ExitCode> {
    let Some(url) = EmbeddedPostgres::running_in(&arguments.data_dir)? else {
        bail!("no server runs on {}", arguments.data_dir.display());
    };
    output::print(&format!("{url}\n"))?;
    Ok(ExitCode::SUCCESS)
}
