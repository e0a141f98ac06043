//! Which crashes that are to be recorded are known already, from another source or an earlier analysis.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;
use sqlx::postgres::types::PgInterval;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::NewCrash;
use crate::{CrashId, Error};

/// Within this, a dump and an event of one machine and stop code tell of the same crash.
const SAME_CRASH: Duration = Duration::minutes(10);

/// A crash that is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    machine_id: Uuid,
    pub(super) crashed_at: OffsetDateTime,
    pub(super) id: CrashId,
}

/// For each crash what is known of it, in order: what an earlier analysis of its dump made, or else what another source
/// told.
///
/// No two of them may be of one dump, or of one machine and stop code.
pub(super) async fn find(
    conn: &mut PgConnection,
    crashes: &[(&NewCrash, OffsetDateTime)],
) -> Result<Vec<Option<Known>>, Error> {
    let of_dumps = of_dumps(conn, crashes).await?;
    let mut known: Vec<Option<Known>> = crashes
        .iter()
        .map(|(crash, _)| of_dumps.get(&crash.dump?.id.0).copied())
        .collect();
    for (position, told) in otherwise(conn, crashes, &known).await? {
        if let Some(place) = known.get_mut(position) {
            *place = Some(told);
        }
    }
    Ok(known)
}

/// The crashes that earlier analyses of the dumps made, by dump.
async fn of_dumps(
    conn: &mut PgConnection,
    crashes: &[(&NewCrash, OffsetDateTime)],
) -> Result<HashMap<Uuid, Known>, Error> {
    let dumps: Vec<Uuid> = crashes
        .iter()
        .filter_map(|(crash, _)| Some(crash.dump?.id.0))
        .collect();
    if dumps.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query!(
        r#"
            SELECT dump.id AS dump_id, crash.machine_id, crash.crashed_at, crash.id AS "id: CrashId"
            FROM dump
            JOIN crash ON crash.id = dump.crash_id
            WHERE dump.id = ANY ($1)
        "#,
        &dumps,
    )
    .fetch_all(conn)
    .await?;
    let known = rows.into_iter().map(|row| {
        let known = Known {
            machine_id: row.machine_id,
            crashed_at: row.crashed_at,
            id: row.id,
        };
        (row.dump_id, known)
    });
    Ok(known.collect())
}

/// Of crashes that are in `known` as unknown, what other sources told: nearest in time, and never another dump's if the
/// crash has a dump. With their positions.
async fn otherwise(
    conn: &mut PgConnection,
    crashes: &[(&NewCrash, OffsetDateTime)],
    known: &[Option<Known>],
) -> Result<Vec<(usize, Known)>, Error> {
    let asked: Vec<(usize, &NewCrash, OffsetDateTime, u32)> = crashes
        .iter()
        .zip(known)
        .enumerate()
        .filter(|(_, ((crash, _), known))| known.is_none() && !crash.machine.is_unknown())
        .filter_map(|(position, ((crash, at), _))| {
            Some((position, *crash, *at, crash.bug_check.as_ref()?.code))
        })
        .collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let machines: Vec<Uuid> = asked.iter().map(|(_, crash, ..)| crash.machine.0).collect();
    let times: Vec<OffsetDateTime> = asked.iter().map(|(_, _, at, _)| *at).collect();
    let codes: Vec<i64> = asked.iter().map(|(.., code)| i64::from(*code)).collect();
    let with_dump: Vec<bool> = asked.iter().map(|(_, crash, ..)| crash.dump.is_some()).collect();
    let rows = sqlx::query!(
        r#"
            SELECT asked.position AS "position!", known.machine_id, known.crashed_at, known.id AS "id: CrashId"
            FROM unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::boolean[])
                WITH ORDINALITY AS asked (machine_id, crashed_at, stop_code, with_dump, position)
            CROSS JOIN LATERAL (
                SELECT machine_id, crashed_at, id
                FROM crash
                WHERE crash.machine_id = asked.machine_id
                    AND crash.crashed_at BETWEEN asked.crashed_at - $5::interval AND asked.crashed_at + $5
                    AND crash.stop_code = asked.stop_code
                    AND (NOT asked.with_dump OR crash.dump_id IS NULL)
                ORDER BY abs(extract(epoch FROM crash.crashed_at - asked.crashed_at))
                LIMIT 1
            ) AS known
        "#,
        &machines,
        &times,
        &codes,
        &with_dump,
        PgInterval::try_from(SAME_CRASH).map_err(|_| Error::OutOfRange { what: "interval" })?,
    )
    .fetch_all(conn)
    .await?;
    let told = rows.into_iter().filter_map(|row| {
        let position = usize::try_from(row.position).ok()?.checked_sub(1)?;
        let known = Known {
            machine_id: row.machine_id,
            crashed_at: row.crashed_at,
            id: row.id,
        };
        Some((asked.get(position)?.0, known))
    });
    Ok(told.collect())
}

/// Removes crashes that are recorded anew, with their evidence.
pub(super) async fn delete(conn: &mut PgConnection, known: &[Known]) -> Result<(), Error> {
    if known.is_empty() {
        return Ok(());
    }
    let machines: Vec<Uuid> = known.iter().map(|known| known.machine_id).collect();
    let times: Vec<OffsetDateTime> = known.iter().map(|known| known.crashed_at).collect();
    let ids: Vec<Uuid> = known.iter().map(|known| known.id.0).collect();
    sqlx::query!(
        r#"
            WITH
                old AS (
                    SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[]) AS old (machine_id, crashed_at, id)
                ),
                evidence AS (
                    DELETE FROM crash_evidence
                    USING old
                    WHERE crash_evidence.machine_id = old.machine_id
                        AND crash_evidence.crashed_at = old.crashed_at
                        AND crash_evidence.crash_id = old.id
                )
            DELETE FROM crash
            USING old
            WHERE crash.machine_id = old.machine_id AND crash.crashed_at = old.crashed_at AND crash.id = old.id
        "#,
        &machines,
        &times,
        &ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How many crashes from the front can be looked for in one go, at least one: of different dumps, and of different
/// machines or stop codes, so that none of them is another's earlier self.
pub(super) fn independent(crashes: &[&NewCrash]) -> usize {
    let mut dumps = HashSet::new();
    let mut stops = HashSet::new();
    let independent = crashes.iter().take_while(|crash| {
        let new_dump = crash.dump.is_none_or(|dump| dumps.insert(dump.id.0));
        let stop = crash.bug_check.as_ref().filter(|_| !crash.machine.is_unknown());
        new_dump && stop.is_none_or(|bug_check| stops.insert((crash.machine, bug_check.code)))
    });
    independent.count().max(1)
}
