//! Which database a command uses.

use anyhow::{Context, Result};
use sqlx::PgPool;
use store::Clock;
use time::Duration;

use crate::cli::DatabaseArguments;
use crate::postgres::EmbeddedPostgres;

/// How far behind and ahead of today crash partitions are made at a start; workers go on from there.
const PARTITIONS_BEHIND: Duration = Duration::days(400);
const PARTITIONS_AHEAD: Duration = Duration::days(62);

/// A migrated database with a pool, and the Postgres behind it if that is ours.
#[derive(Debug)]
pub(crate) struct Database {
    /// Connections to it.
    pub(crate) pool: PgPool,
    /// The Postgres that we run for it.
    pub(crate) embedded: Option<EmbeddedPostgres>,
}

impl Database {
    /// The given database, or the one embedded in the data directory, which nobody else may be running.
    ///
    /// # Errors
    ///
    /// When Postgres does not start, does not answer, or the schema cannot be brought up to date.
    pub(crate) async fn open(arguments: &DatabaseArguments) -> Result<Self> {
        if let Some(url) = arguments.given_url() {
            return Self::connect(arguments, url, None).await;
        }
        let options = arguments.embedded();
        let embedded = tokio::task::spawn_blocking(move || EmbeddedPostgres::start(&options))
            .await
            .context("the start of Postgres was cut short")??;
        let url = embedded.create_database("stopcode").await?;
        Self::connect(arguments, &url, Some(embedded)).await
    }

    /// As [`Database::open`], but a server that runs on the data directory shares its embedded one.
    ///
    /// # Errors
    ///
    /// As [`Database::open`].
    pub(crate) async fn open_beside(arguments: &DatabaseArguments) -> Result<Self> {
        if arguments.given_url().is_none()
            && let Some(url) = EmbeddedPostgres::running_in(&arguments.data_dir)?
        {
            return Self::connect(arguments, &url, None).await;
        }
        Self::open(arguments).await
    }

    async fn connect(
        arguments: &DatabaseArguments,
        url: &str,
        embedded: Option<EmbeddedPostgres>,
    ) -> Result<Self> {
        let pool = store::connect(url, arguments.database_connections)
            .await
            .context("cannot reach the database")?;
        migrate(&pool).await?;
        Ok(Self { pool, embedded })
    }

    /// Closes the connections, then stops the Postgres that is ours.
    pub(crate) async fn close(self) {
        self.pool.close().await;
        if let Some(embedded) = self.embedded {
            // Joins a thread; the runtime must stay free meanwhile.
            let _stopped = tokio::task::spawn_blocking(move || embedded.stop()).await;
        }
    }
}

/// Brings schema, partitions and dictionaries up to date. Several processes may do it at once.
async fn migrate(pool: &PgPool) -> Result<()> {
    store::migrate(pool)
        .await
        .context("cannot bring the database's schema up to date")?;
    let today = Clock::System.now().date();
    let mut connection = pool.acquire().await.context("cannot reach the database")?;
    store::crashes::ensure_partitions(
        &mut connection,
        today - PARTITIONS_BEHIND,
        today + PARTITIONS_AHEAD,
    )
    .await
    .context("cannot make the crash partitions")?;
    drop(connection);
    worker::seed_dictionaries(pool)
        .await
        .context("cannot write the dictionary of stop codes")
}
