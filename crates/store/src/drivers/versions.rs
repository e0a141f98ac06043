//! What driver versions are called, and which comes before which.

use std::cmp::Ordering;

use sqlx::PgConnection;
use time::Date;

use crate::Error;

/// A driver version with its driver's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionDescription {
    /// Its id.
    pub driver_version_id: i32,
    /// Its driver.
    pub driver_id: i32,
    /// Base name, lower case.
    pub name: String,
    /// File version; `None` for a placeholder.
    pub version: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// Device class.
    pub class: Option<String>,
    /// The images known to be this version.
    pub code_ids: Vec<String>,
    /// The first day it was told of.
    pub first_seen_on: Date,
}

/// What these versions are, by id; ids that do not exist are left out.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn describe(conn: &mut PgConnection, ids: &[i32]) -> Result<Vec<VersionDescription>, Error> {
    todo!("{conn:?} {ids:?}")
}

/// All versions of the drivers that `ids` are versions of, themselves included; merged placeholders are left out.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn siblings(conn: &mut PgConnection, ids: &[i32]) -> Result<Vec<VersionDescription>, Error> {
    todo!("{conn:?} {ids:?}")
}

/// Orders file versions as people do: `4.2.1.0` before `4.10`, by the numbers in them, then by the text.
pub fn compare_versions(one: &str, other: &str) -> Ordering {
    todo!("{one} {other}")
}
