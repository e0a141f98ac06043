//! How old what is known is.

use sqlx::PgConnection;
use time::{Date, Duration, OffsetDateTime};

use crate::Error;

/// When the server last learnt of each kind of thing; `None` if never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Freshness {
    /// A dump was received.
    pub dump_at: Option<OffsetDateTime>,
    /// An inventory was taken.
    pub inventory_at: Option<OffsetDateTime>,
    /// The last day on which a machine is known to have been on.
    pub presence_on: Option<Date>,
    /// An agent checked in.
    pub agent_at: Option<OffsetDateTime>,
    /// The oldest verdict was computed.
    pub oldest_verdict_at: Option<OffsetDateTime>,
    /// The newest verdict was computed.
    pub newest_verdict_at: Option<OffsetDateTime>,
}

/// How old what is known is; verdicts are those over `window_days` days.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.freshness.read", skip_all)]
pub async fn read(conn: &mut PgConnection, window_days: u16) -> Result<Freshness, Error> {
    let row = sqlx::query!(
        r#"
        SELECT
            -- Ids of dumps grow with time, so the newest is found by the primary key.
            (SELECT received_at FROM dump ORDER BY id DESC LIMIT 1) AS dump_at,
            (SELECT max(inventory_at) FROM machine) AS inventory_at,
            (SELECT max(checked_in_at) FROM agent) AS agent_at,
            (SELECT max(week) FROM presence) AS presence_week,
            (SELECT bit_or(days) FROM presence WHERE week = (SELECT max(week) FROM presence)) AS presence_days,
            (SELECT min(computed_at) FROM verdict WHERE window_days = $1) AS oldest_verdict_at,
            (SELECT max(computed_at) FROM verdict WHERE window_days = $1) AS newest_verdict_at
        "#,
        i32::from(window_days),
    )
    .fetch_one(conn)
    .await?;
    let presence = row.presence_week.zip(row.presence_days);
    Ok(Freshness {
        dump_at: row.dump_at,
        inventory_at: row.inventory_at,
        presence_on: presence.map(|(week, days)| last_day(week, days)),
        agent_at: row.agent_at,
        oldest_verdict_at: row.oldest_verdict_at,
        newest_verdict_at: row.newest_verdict_at,
    })
}

/// The last day of `week` whose bit is set.
fn last_day(week: Date, days: i16) -> Date {
    let last = (0..7).rev().find(|day| days & (1 << day) != 0).unwrap_or(0);
    week.saturating_add(Duration::days(last))
}

#[cfg(test)]
mod tests {
    use super::last_day;
    use time::macros::date;

    #[test]
    fn the_last_bit_of_a_week_is_its_last_day() {
        assert_eq!(last_day(date!(2026 - 11 - 16), 0b000_0101), date!(2026 - 11 - 18));
        assert_eq!(last_day(date!(2026 - 11 - 16), 127), date!(2026 - 11 - 22));
    }
}
