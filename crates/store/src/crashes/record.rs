//! Recording a crash, once.

use sqlx::PgConnection;
use sqlx::postgres::types::PgInterval;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::resolve::{LoadedDrivers, resolve};
use super::{BugCheck, Counted, NewCrash, Source};
use crate::{CrashId, Error, symbols, text};

/// Within this, a dump and an event of one machine and stop code tell of the same crash.
const SAME_CRASH: Duration = Duration::minutes(10);

/// What [`record`] did.
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

/// Records a crash. Call it in a transaction, for a dump's crash in that which ends its job.
///
/// The crash of a dump that was analysed before is replaced and keeps its id, and so does one that was known without its
/// dump: same machine and stop code, within ten minutes. Without a dump, a crash that is known in that sense adds
/// nothing.
///
/// # Errors
///
/// [`Error::Database`], [`Error::OutOfRange`].
#[tracing::instrument(name = "db.crashes.record", skip_all)]
pub async fn record(conn: &mut PgConnection, crash: &NewCrash) -> Result<Recorded, Error> {
    let (crashed_at, _) = plausible_time(crash.crashed_at, crash.received_at);
    let known = match crash.dump {
        Some(dump) => known_of_dump(conn, dump.id.0).await?,
        None => None,
    };
    let known = match known {
        Some(known) => Some(known),
        None => known_otherwise(conn, crash, crashed_at).await?,
    };
    if let Some(known) = &known {
        if crash.source != Source::Dump {
            return Ok(Recorded {
                id: known.id,
                crashed_at: known.crashed_at,
                changed: false,
            });
        }
        delete(conn, known).await?;
    }
    let id = known.map_or_else(|| CrashId(Uuid::now_v7()), |known| known.id);
    let drivers = resolve(conn, crash, crashed_at).await?;
    let missed = symbols::intern(conn, &crash.missing_symbols).await?;
    insert(conn, crash, (id, crashed_at), &drivers, missed.as_deref()).await?;
    insert_evidence(conn, crash, id, crashed_at, &drivers).await?;
    settle_dump(conn, crash, id).await?;
    if let (Some(dump), Some(missed)) = (crash.dump, &missed) {
        symbols::recheck(conn, dump, missed).await?;
    }
    Ok(Recorded {
        id,
        crashed_at,
        changed: true,
    })
}

struct Known {
    machine_id: Uuid,
    crashed_at: OffsetDateTime,
    id: CrashId,
}

/// The crash that an earlier analysis of the dump made.
async fn known_of_dump(conn: &mut PgConnection, dump: Uuid) -> Result<Option<Known>, Error> {
    let known = sqlx::query_as!(
        Known,
        r#"
            SELECT crash.machine_id, crash.crashed_at, crash.id AS "id: CrashId"
            FROM dump
            JOIN crash ON crash.id = dump.crash_id
            WHERE dump.id = $1
        "#,
        dump,
    )
    .fetch_optional(conn)
    .await?;
    Ok(known)
}

/// The same crash as told by another source: nearest in time, and never another dump's if this one has a dump.
async fn known_otherwise(
    conn: &mut PgConnection,
    crash: &NewCrash,
    crashed_at: OffsetDateTime,
) -> Result<Option<Known>, Error> {
    let Some(bug_check) = &crash.bug_check else {
        return Ok(None);
    };
    if crash.machine.is_unknown() {
        return Ok(None);
    }
    let known = sqlx::query_as!(
        Known,
        r#"
            SELECT machine_id, crashed_at, id AS "id: CrashId"
            FROM crash
            WHERE machine_id = $1
                AND crashed_at BETWEEN $2::timestamptz - $3::interval AND $2 + $3
                AND stop_code = $4
                AND ($5::uuid IS NULL OR dump_id IS NULL)
            ORDER BY abs(extract(epoch FROM crashed_at - $2))
            LIMIT 1
        "#,
        crash.machine.0,
        crashed_at,
        PgInterval::try_from(SAME_CRASH).map_err(|_| Error::OutOfRange { what: "interval" })?,
        i64::from(bug_check.code),
        crash.dump.map(|dump| dump.id.0),
    )
    .fetch_optional(conn)
    .await?;
    Ok(known)
}

async fn delete(conn: &mut PgConnection, known: &Known) -> Result<(), Error> {
    sqlx::query!(
        r#"
            WITH evidence AS (
                DELETE FROM crash_evidence WHERE machine_id = $1 AND crashed_at = $2 AND crash_id = $3
            )
            DELETE FROM crash WHERE machine_id = $1 AND crashed_at = $2 AND id = $3
        "#,
        known.machine_id,
        known.crashed_at,
        known.id.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[expect(clippy::cognitive_complexity, reason = "one statement with twenty columns")]
async fn insert(
    conn: &mut PgConnection,
    crash: &NewCrash,
    (id, crashed_at): (CrashId, OffsetDateTime),
    drivers: &LoadedDrivers,
    missed: Option<&[i32]>,
) -> Result<(), Error> {
    let BugCheckColumns {
        code,
        raw_code,
        parameters,
    } = BugCheckColumns::of(crash.bug_check.as_ref());
    let (probable_driver, confidence) = probable_driver(crash);
    sqlx::query!(
        r#"
            INSERT INTO crash (
                machine_id, crashed_at, id, dump_id, source, kind, counts, stop_code, raw_code, parameters,
                uptime_seconds, process, os_build, signature, probable_driver, confidence, received_at, report,
                driver_set_id, probable_driver_version_id, missing_symbols, signature_rules, model_id
            )
            VALUES (
                $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                (SELECT model_id FROM machine WHERE machine_id = $1)
            )
        "#,
        crash.machine.0,
        crashed_at,
        id.0,
        crash.dump.map(|dump| dump.id.0),
        crash.source.as_str(),
        crash.kind.as_str(),
        crash.counted == Counted::Yes,
        code,
        raw_code,
        &parameters,
        crash
            .uptime_seconds
            .map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX)),
        crash.process.as_deref().map(text::without_nul),
        crash.os_build.map(u32::cast_signed),
        text::without_nul(&crash.signature),
        probable_driver,
        confidence,
        crash.received_at,
        text::json_without_nul(crash.report.clone()),
        drivers.set,
        drivers.version_of_probable(crash),
        missed,
        crash.signature_rules,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A bug check in the table's types.
#[derive(Default)]
struct BugCheckColumns {
    code: Option<i64>,
    raw_code: Option<i64>,
    /// Each in the bits of a signed value.
    parameters: Vec<i64>,
}

impl BugCheckColumns {
    fn of(bug_check: Option<&BugCheck>) -> BugCheckColumns {
        bug_check.map_or_else(BugCheckColumns::default, |bug_check| BugCheckColumns {
            code: Some(bug_check.code.into()),
            raw_code: Some(bug_check.raw_code.into()),
            parameters: bug_check
                .parameters
                .iter()
                .copied()
                .map(u64::cast_signed)
                .collect(),
        })
    }
}

fn probable_driver(crash: &NewCrash) -> (Option<String>, Option<&'static str>) {
    match &crash.probable_driver {
        Some((name, confidence)) => (
            Some(text::without_nul(&name.to_lowercase())),
            Some(confidence.as_str()),
        ),
        None => (None, None),
    }
}

async fn insert_evidence(
    conn: &mut PgConnection,
    crash: &NewCrash,
    id: CrashId,
    crashed_at: OffsetDateTime,
    drivers: &LoadedDrivers,
) -> Result<(), Error> {
    let known = crash.evidence.iter().filter_map(|evidence| {
        let version = drivers.version_of(&evidence.driver)?;
        Some((version, evidence))
    });
    let mut versions = Vec::new();
    let mut kinds = Vec::new();
    let mut strengths = Vec::new();
    for (version, evidence) in known {
        versions.push(version);
        kinds.push(evidence.kind.to_owned());
        strengths.push(evidence.strength);
    }
    if versions.is_empty() {
        return Ok(());
    }
    // A dump may hold several pointers of one kind at one driver; the strongest counts.
    sqlx::query!(
        r#"
            INSERT INTO crash_evidence (machine_id, crashed_at, crash_id, driver_version_id, kind, strength)
            SELECT $1, $2, $3, version, kind, max(strength)
            FROM unnest($4::integer[], $5::text[], $6::double precision[]) AS told (version, kind, strength)
            GROUP BY version, kind
        "#,
        crash.machine.0,
        crashed_at,
        id.0,
        &versions,
        &kinds,
        &strengths,
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn settle_dump(conn: &mut PgConnection, crash: &NewCrash, id: CrashId) -> Result<(), Error> {
    let Some(dump) = crash.dump else {
        return Ok(());
    };
    sqlx::query!(
        "UPDATE dump SET state = 'done', attempts = $3, error = NULL, crash_id = $2 WHERE id = $1",
        dump.id.0,
        id.0,
        dump.attempts,
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
