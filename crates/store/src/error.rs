//! What can go wrong between the program and what it keeps.

use std::io;
use std::sync::Arc;

/// Why the store could not do as asked. "Not there" is not an error: functions answer `Ok(None)`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Postgres refused, or was not there.
    #[error("database query failed")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("database migration failed")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The disk refused.
    #[error("cannot {action} in the blob store")]
    Blob {
        /// What was tried: `write a blob`, `list blobs`, …
        action: &'static str,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A row holds a value that this version does not know.
    #[error("unreadable value in {table}.{column}")]
    Row {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// A value does not fit the column it is meant for.
    #[error("value out of range for {what}")]
    OutOfRange {
        /// Which value.
        what: &'static str,
    },
    /// What was committed together failed together.
    #[error("the group it was committed with failed")]
    Group(#[source] Arc<Error>),
    /// The task that commits dumps has ended: the server is stopping.
    #[error("no more dumps are taken")]
    Closed,
    /// The system gave no random numbers.
    #[error("no random numbers from the operating system")]
    NoRandomness,
}

impl Error {
    /// Whether the same call may well succeed later: the database or the disk was away, full or busy.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Database(sqlx::Error::Database(error)) => {
                // Classes 22 and 23 are about the data itself, 42 about the statement.
                !error
                    .code()
                    .is_some_and(|code| ["22", "23", "42"].iter().any(|class| code.starts_with(class)))
            }
            Error::Database(error) => matches!(
                error,
                sqlx::Error::Io(_)
                    | sqlx::Error::Tls(_)
                    | sqlx::Error::Protocol(_)
                    | sqlx::Error::PoolTimedOut
                    | sqlx::Error::PoolClosed
                    | sqlx::Error::WorkerCrashed
            ),
            Error::Blob { .. } | Error::Closed | Error::NoRandomness => true,
            Error::Group(error) => error.is_transient(),
            Error::Migration(_) | Error::Row { .. } | Error::OutOfRange { .. } => false,
        }
    }
}

/// Turns an error of the disk into ours.
pub(crate) fn blob(action: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Blob { action, source }
}
