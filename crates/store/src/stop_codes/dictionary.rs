//! What stop codes mean, as the program that knows them wrote it.

use std::collections::HashMap;

use sqlx::PgConnection;

use crate::Error;

/// What is known of a stop code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopCodeEntry {
    /// The code with bit 28 cleared.
    pub code: u32,
    /// Its name.
    pub name: String,
    /// What kind of fault it is, e.g. `driver`.
    pub class: String,
    /// What each of the four parameters means.
    pub parameters: [Option<String>; 4],
    /// What to do about it.
    pub guidance: Vec<String>,
}

/// The name of a code that is not in the dictionary.
pub(crate) const UNKNOWN_NAME: &str = "UNKNOWN_BUGCHECK";

/// Writes the dictionary; entries that are as before are not touched.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn upsert_dictionary(conn: &mut PgConnection, entries: &[StopCodeEntry]) -> Result<(), Error> {
    todo!("{conn:?} {entries:?} {UNKNOWN_NAME}")
}

/// The names of stop codes; those that are not in the dictionary are left out.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn names(conn: &mut PgConnection, codes: &[u32]) -> Result<HashMap<u32, String>, Error> {
    todo!("{conn:?} {codes:?}")
}
