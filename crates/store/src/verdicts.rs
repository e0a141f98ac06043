//! The computed rankings: one row per stop code and window.

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{Error, Window};

/// A stored ranking.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The stop code.
    pub stop_code: u32,
    /// Length of the window.
    pub window_days: u16,
    /// The days that were counted.
    pub window: Window,
    /// When the counts were taken.
    pub computed_at: OffsetDateTime,
    /// The answer as the API gives it. This crate only stores it.
    pub body: Value,
}

/// The ranking, or `None` if it was never computed.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn find(
    conn: &mut PgConnection,
    stop_code: u32,
    window_days: u16,
) -> Result<Option<Verdict>, Error> {
    todo!("{conn:?} {stop_code} {window_days}")
}

/// Stores a ranking, unless a newer one is there.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn put(conn: &mut PgConnection, verdict: &Verdict) -> Result<(), Error> {
    todo!("{conn:?} {verdict:?}")
}

/// Whether newer data waits to be counted: a job for this ranking is queued or running.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn is_stale(conn: &mut PgConnection, stop_code: u32, window_days: u16) -> Result<bool, Error> {
    todo!("{conn:?} {stop_code} {window_days}")
}

/// Stop codes with crashes that count in the window, and no ranking computed since `before`.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn codes_to_refresh(
    conn: &mut PgConnection,
    window: Window,
    window_days: u16,
    before: OffsetDateTime,
) -> Result<Vec<u32>, Error> {
    todo!("{conn:?} {window:?} {window_days} {before}")
}
