//! The days machines were on: the denominator of every rate.

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};

use crate::Error;

/// Notes the days a machine was on. Saying a day twice changes nothing.
///
/// A day belongs to the driver set that the machine had at the end of that day.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn add(
    conn: &mut PgConnection,
    machine: &str,
    days: &[Date],
    now: OffsetDateTime,
) -> Result<(), Error> {
    todo!("{conn:?} {machine} {days:?} {now}")
}
