//! Recording crashes, each once: a statement a step for a whole group of them, because a group costs the database little
//! more than one.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::insert::{self, Row};
use super::known::{self, Known};
use super::resolve::resolve;
use super::{NewCrash, Source};
use crate::{CrashId, Error, symbols};

/// What [`record`] did with one crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// The crash's id.
    pub id: CrashId,
    /// When it happened, after [`plausible_time`].
    pub crashed_at: OffsetDateTime,
    /// Whether the fleet's counts may have changed by it. Not so for an event that was known from its dump.
    pub changed: bool,
}

/// When a crash happened, as far as that can be believed.
///
/// What the machine's clock said, or the time of receipt if the clock said nothing or something absurd: before 1990, or
/// more than an hour after the receipt. The second value tells the absurd time.
pub fn plausible_time(
    crashed_at: Option<OffsetDateTime>,
    received_at: OffsetDateTime,
) -> (OffsetDateTime, Option<OffsetDateTime>) {
    match crashed_at {
        None => (received_at, None),
        Some(at) if at.year() < 1990 || at > received_at + Duration::HOUR => (received_at, Some(at)),
        Some(at) => (at, None),
    }
}

/// Records crashes. Call it in a transaction, for crashes of dumps in that which ends their jobs.
///
/// The crash of a dump that was analysed before is replaced and keeps its id, and so does one that was known without its
/// dump: same machine and stop code, within ten minutes. Without a dump, a crash that is known in that sense adds
/// nothing.
///
/// # Errors
///
/// [`Error::Database`], [`Error::OutOfRange`]. Then none of them is recorded, if the transaction is rolled back.
#[tracing::instrument(name = "db.crashes.record", skip_all, fields(crashes = crashes.len()))]
pub async fn record(conn: &mut PgConnection, crashes: &[&NewCrash]) -> Result<Vec<Recorded>, Error> {
    let mut recorded = Vec::with_capacity(crashes.len());
    let mut rest = crashes;
    while !rest.is_empty() {
        let (group, later) = rest.split_at(known::independent(rest));
        recorded.extend(record_group(conn, group).await?);
        rest = later;
    }
    Ok(recorded)
}

async fn record_group(conn: &mut PgConnection, crashes: &[&NewCrash]) -> Result<Vec<Recorded>, Error> {
    let crashes: Vec<(&NewCrash, OffsetDateTime)> = crashes
        .iter()
        .map(|crash| (*crash, plausible_time(crash.crashed_at, crash.received_at).0))
        .collect();
    let known = known::find(conn, &crashes).await?;
    let recorded: Vec<Recorded> = crashes
        .iter()
        .zip(&known)
        .map(|((crash, crashed_at), known)| match known {
            Some(known) if crash.source != Source::Dump => Recorded {
                id: known.id,
                crashed_at: known.crashed_at,
                changed: false,
            },
            known => Recorded {
                id: known.map_or_else(|| CrashId(Uuid::now_v7()), |known| known.id),
                crashed_at: *crashed_at,
                changed: true,
            },
        })
        .collect();
    let changed = || recorded.iter().map(|recorded| recorded.changed);
    let replaced: Vec<Known> = known
        .iter()
        .zip(changed())
        .filter_map(|(known, changed)| known.filter(|_| changed))
        .collect();
    known::delete(conn, &replaced).await?;
    let fresh: Vec<(&NewCrash, OffsetDateTime)> = crashes
        .iter()
        .zip(changed())
        .filter_map(|(crash, changed)| changed.then_some(*crash))
        .collect();
    let ids = recorded
        .iter()
        .filter(|recorded| recorded.changed)
        .map(|recorded| recorded.id);
    write(conn, &fresh, ids).await?;
    Ok(recorded)
}

/// Writes crashes that are not stored, or not any more.
async fn write(
    conn: &mut PgConnection,
    crashes: &[(&NewCrash, OffsetDateTime)],
    ids: impl Iterator<Item = CrashId>,
) -> Result<(), Error> {
    if crashes.is_empty() {
        return Ok(());
    }
    let drivers = resolve(conn, crashes).await?;
    let keys: Vec<&[symbols::Key]> = crashes
        .iter()
        .map(|(crash, _)| &crash.missing_symbols[..])
        .collect();
    let missed = symbols::intern(conn, &keys).await?;
    let rows: Vec<Row<'_>> = crashes
        .iter()
        .zip(ids)
        .zip(drivers.into_iter().zip(missed))
        .map(|(((crash, crashed_at), id), (drivers, missed))| Row {
            crash,
            id,
            crashed_at: *crashed_at,
            drivers,
            missed,
        })
        .collect();
    insert::crashes(conn, &rows).await?;
    insert::evidence(conn, &rows).await?;
    settle_dumps(conn, &rows).await?;
    let missed = rows
        .iter()
        .filter_map(|row| Some((row.crash.dump?, row.missed.as_deref()?)));
    symbols::recheck(conn, missed).await
}

async fn settle_dumps(conn: &mut PgConnection, rows: &[Row<'_>]) -> Result<(), Error> {
    let analysed: Vec<_> = rows
        .iter()
        .filter_map(|row| Some((row.crash.dump?, row.id.0)))
        .collect();
    if analysed.is_empty() {
        return Ok(());
    }
    let dumps: Vec<Uuid> = analysed.iter().map(|(dump, _)| dump.id.0).collect();
    let crashes: Vec<Uuid> = analysed.iter().map(|(_, crash)| *crash).collect();
    let attempts: Vec<i32> = analysed.iter().map(|(dump, _)| dump.attempts).collect();
    sqlx::query!(
        r#"
            UPDATE dump
            SET state = 'done', attempts = analysed.attempts, error = NULL, crash_id = analysed.crash_id
            FROM unnest($1::uuid[], $2::uuid[], $3::integer[]) AS analysed (dump_id, crash_id, attempts)
            WHERE dump.id = analysed.dump_id
        "#,
        &dumps,
        &crashes,
        &attempts,
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::plausible_time;

    #[test]
    fn a_clock_that_runs_ahead_or_stands_in_1601_gives_way_to_the_time_of_receipt() {
        let received = datetime!(2026-11-22 12:00 UTC);
        let good = datetime!(2026-08-01 00:00 UTC);
        assert_eq!(plausible_time(Some(good), received), (good, None));
        assert_eq!(plausible_time(None, received), (received, None));
        for absurd in [datetime!(1601-01-01 00:00 UTC), datetime!(2026-11-22 13:01 UTC)] {
            assert_eq!(plausible_time(Some(absurd), received), (received, Some(absurd)));
        }
    }
}
