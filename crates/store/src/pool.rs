//! The connection pool and the schema.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use crate::Error;

/// The schema, as the steps that lead to it.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// A pool of at most `max_connections` connections to the database at `url`.
///
/// A statement is cut off after 60 seconds, so that a forgotten one cannot hold locks for ever; a transaction that does
/// nothing for 60 seconds is ended for the same reason.
///
/// # Errors
///
/// [`Error::Database`] if `url` is no database or the database does not answer within ten seconds.
pub async fn connect(url: &str, max_connections: u32) -> Result<PgPool, Error> {
    let options = PgConnectOptions::from_str(url)?
        .application_name("stopcode")
        .options([
            ("statement_timeout", "60s"),
            ("idle_in_transaction_session_timeout", "60s"),
            ("timezone", "UTC"),
        ]);
    let pool = PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(Duration::from_secs(10))
        // A ping before each use would cost a round trip a statement; a dead connection shows as a transient error.
        .test_before_acquire(false)
        .connect_with(options)
        .await?;
    Ok(pool)
}

/// Brings the schema up to date.
///
/// Safe to call from several replicas at once: they take turns by an advisory lock (so not through a pooler that works
/// by transaction).
///
/// # Errors
///
/// [`Error::Migration`] if the database has a schema that this program does not know, or a step fails.
pub async fn migrate(pool: &PgPool) -> Result<(), Error> {
    MIGRATOR.run(pool).await?;
    Ok(())
}

/// Asks the database for nothing, to see that it answers.
///
/// # Errors
///
/// [`Error::Database`] if it does not.
pub async fn ping(pool: &PgPool) -> Result<(), Error> {
    sqlx::query!("SELECT 1 AS one").fetch_one(pool).await?;
    Ok(())
}
