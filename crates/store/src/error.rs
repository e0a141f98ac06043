//! What can go wrong in here.

/// Why a call of this crate failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database refused or could not be reached.
    #[error("the database call failed")]
    Database(#[from] sqlx::Error),
}
