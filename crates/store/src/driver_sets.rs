//! Combinations of driver versions, stored once by their hash.
//!
//! A million machines with 200 drivers each are never stored as rows: a machine, an inventory, a crash and a day of
//! presence point at a set. A set is packed into bytes, four big-endian bytes an id, ascending; its hash is the
//! SHA-256 of these bytes. Set 0 is empty and means that the drivers are not known.

use std::fmt;
use std::str::FromStr;

use sqlx::PgConnection;

use crate::Error;

/// The id of the empty set, which means: not known.
pub const UNKNOWN: i64 = 0;

/// The hash of a driver set, in hex what agents send in place of an unchanged inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DriverSetHash(pub [u8; 32]);

impl fmt::Display for DriverSetHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

/// The text is not a hash: 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 hex digits")]
pub struct NotAHash;

impl FromStr for DriverSetHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash).map_err(|_| NotAHash)?;
        Ok(DriverSetHash(hash))
    }
}

/// A stored set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DriverSet {
    /// Its id.
    pub id: i64,
    /// Its hash.
    pub hash: DriverSetHash,
}

/// Stores a set, unless it is there already. The ids may come in any order and more than once.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn intern(conn: &mut PgConnection, driver_version_ids: &[i32]) -> Result<DriverSet, Error> {
    todo!("{conn:?} {driver_version_ids:?}")
}

/// The set with this hash, or `None`.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn find_by_hash(conn: &mut PgConnection, hash: DriverSetHash) -> Result<Option<DriverSet>, Error> {
    todo!("{conn:?} {hash}")
}

/// The driver versions of a set, merged placeholders resolved, ascending; `None` if there is no such set.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn members(conn: &mut PgConnection, id: i64) -> Result<Option<Vec<i32>>, Error> {
    todo!("{conn:?} {id}")
}
