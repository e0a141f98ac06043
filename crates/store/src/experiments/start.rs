//! Starting an experiment: which machines it takes.
//!
//! A machine is at risk if its latest inventory has the suspect. Of those whose agents were heard lately, know how, may,
//! and are in no other experiment, the ones that crashed most often come first, then the ones that had the suspect for
//! the most days: they will most likely crash again soon, and would have crashed anyway.

use std::cmp::Ordering;

use sqlx::{Connection, PgConnection};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{HEARD_WITHIN, LEFT_LOCKED_PAGES, LOCKED_PAGES, MOST_RUNNING, OLDEST_AGENT};
use crate::{Error, ExperimentId, drivers, machines};

/// Crashes and days on are counted so far back.
const LOOK_BACK: Duration = Duration::days(91);

/// A wish for an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewExperiment {
    /// The stop code whose suspect it tests.
    pub stop_code: u32,
    /// The suspect.
    pub driver_version_id: i32,
    /// On how many machines.
    pub machines: u32,
    /// When it ends by itself.
    pub until: OffsetDateTime,
}

/// What came of the wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// It runs.
    Started(ExperimentId),
    /// One with the same suspect runs already.
    AlreadyRunning(ExperimentId),
    /// As many run as may.
    TooMany,
    /// No machine can be taken.
    NoMachine(AtRisk),
}

/// Why machines at risk cannot be taken: each count is part of the one before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AtRisk {
    /// Machines whose latest inventory has the suspect.
    pub machines: u64,
    /// Those whose agent was heard lately and is new enough.
    pub heard: u64,
    /// Those whose owner allows it.
    pub allowed: u64,
    /// Those that are in no other experiment.
    pub free: u64,
}

/// Starts an experiment, on fewer machines than wished if there are no more.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.experiments.start", skip_all)]
pub async fn start(
    conn: &mut PgConnection,
    wish: &NewExperiment,
    now: OffsetDateTime,
) -> Result<Started, Error> {
    let mut transaction = conn.begin().await?;
    // One after the other, so that two wishes at once do not choose the same machines.
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('experiments', 0))")
        .execute(&mut *transaction)
        .await?;
    if let Some(refused) = refused(&mut transaction, wish).await? {
        return Ok(refused);
    }
    let sets = machines::sets_with(&mut transaction, &[wish.driver_version_id]).await?;
    let versions = good_agent_versions(&mut transaction).await?;
    let taken = choose(&mut transaction, wish, (&sets, &versions), now).await?;
    if taken.is_empty() {
        let at_risk = at_risk(&mut transaction, (&sets, &versions), now).await?;
        return Ok(Started::NoMachine(at_risk));
    }
    let id = insert(&mut transaction, wish, &taken, now).await?;
    transaction.commit().await?;
    Ok(Started::Started(id))
}

/// Why no further experiment may start.
async fn refused(conn: &mut PgConnection, wish: &NewExperiment) -> Result<Option<Started>, Error> {
    let running = sqlx::query!(
        r#"
        SELECT id AS "id: ExperimentId", driver_version_id
        FROM experiment
        WHERE state = 'running'
        "#
    )
    .fetch_all(conn)
    .await?;
    let same = running
        .iter()
        .find(|experiment| experiment.driver_version_id == wish.driver_version_id);
    if let Some(same) = same {
        return Ok(Some(Started::AlreadyRunning(same.id)));
    }
    let is_full = u32::try_from(running.len()).is_ok_and(|count| count >= MOST_RUNNING);
    Ok(is_full.then_some(Started::TooMany))
}

/// The versions of agents in the fleet that know how.
async fn good_agent_versions(conn: &mut PgConnection) -> Result<Vec<String>, Error> {
    let mut versions = sqlx::query_scalar!("SELECT DISTINCT agent_version FROM agent")
        .fetch_all(conn)
        .await?;
    versions.retain(|version| drivers::compare_versions(version, OLDEST_AGENT) != Ordering::Less);
    Ok(versions)
}

/// The machines to take, most promising first.
async fn choose(
    conn: &mut PgConnection,
    wish: &NewExperiment,
    (sets, agent_versions): (&[i64], &[String]),
    now: OffsetDateTime,
) -> Result<Vec<Uuid>, Error> {
    let since = now - LOOK_BACK;
    let machines = sqlx::query_scalar!(
        r#"
        SELECT machine.machine_id
        FROM machine
        JOIN agent ON agent.machine_id = machine.machine_id
        CROSS JOIN LATERAL (
            SELECT count(*) AS count
            FROM crash
            WHERE crash.machine_id = machine.machine_id AND crash.stop_code = ANY($4) AND crash.counts
              AND crash.crashed_at >= $5
        ) AS crashes
        CROSS JOIN LATERAL (
            SELECT sum(bit_count(presence.days::integer::bit(7))) AS days
            FROM presence
            WHERE presence.machine_id = machine.machine_id AND presence.driver_set_id = ANY($1)
              AND presence.week >= $5::timestamptz::date
        ) AS exposure
        WHERE machine.driver_set_id = ANY($1)
          AND agent.agent_version = ANY($2)
          AND agent.checked_in_at >= $3
          AND agent.may_track_locked_pages
          AND NOT EXISTS (
              SELECT FROM experiment_machine AS other
              WHERE other.machine_id = machine.machine_id AND other.released_at IS NULL
          )
        ORDER BY crashes.count DESC, exposure.days DESC NULLS LAST, machine.machine_id
        LIMIT $6
        "#,
        sets,
        agent_versions,
        now - HEARD_WITHIN,
        &[i64::from(LOCKED_PAGES), i64::from(LEFT_LOCKED_PAGES)],
        since,
        i64::from(wish.machines),
    )
    .fetch_all(conn)
    .await?;
    Ok(machines)
}

/// How many machines have the suspect, and at which condition they drop out.
async fn at_risk(
    conn: &mut PgConnection,
    (sets, agent_versions): (&[i64], &[String]),
    now: OffsetDateTime,
) -> Result<AtRisk, Error> {
    let row = sqlx::query!(
        r#"
        WITH candidate AS (
            SELECT
                agent.machine_id IS NOT NULL AND agent.agent_version = ANY($2) AND agent.checked_in_at >= $3 AS heard,
                agent.may_track_locked_pages AS allowed,
                NOT EXISTS (
                    SELECT FROM experiment_machine AS other
                    WHERE other.machine_id = machine.machine_id AND other.released_at IS NULL
                ) AS free
            FROM machine
            LEFT JOIN agent ON agent.machine_id = machine.machine_id
            WHERE machine.driver_set_id = ANY($1)
        )
        SELECT count(*) AS "machines!",
            count(*) FILTER (WHERE heard) AS "heard!",
            count(*) FILTER (WHERE heard AND allowed) AS "allowed!",
            count(*) FILTER (WHERE heard AND allowed AND free) AS "free!"
        FROM candidate
        "#,
        sets,
        agent_versions,
        now - HEARD_WITHIN,
    )
    .fetch_one(conn)
    .await?;
    Ok(AtRisk {
        machines: row.machines.unsigned_abs(),
        heard: row.heard.unsigned_abs(),
        allowed: row.allowed.unsigned_abs(),
        free: row.free.unsigned_abs(),
    })
}

async fn insert(
    conn: &mut PgConnection,
    wish: &NewExperiment,
    machines: &[Uuid],
    now: OffsetDateTime,
) -> Result<ExperimentId, Error> {
    let id = ExperimentId(Uuid::now_v7());
    sqlx::query!(
        r#"
        WITH experiment AS (
            INSERT INTO experiment (id, stop_code, driver_version_id, machines_wanted, started_at, until)
            VALUES ($1, $2, $3, $4, $5, $6)
            RETURNING id, started_at
        )
        INSERT INTO experiment_machine (machine_id, experiment_id, asked_at)
        SELECT machine_id, experiment.id, experiment.started_at
        FROM experiment
        CROSS JOIN unnest($7::uuid[]) AS machine_id
        "#,
        id.0,
        i64::from(wish.stop_code),
        wish.driver_version_id,
        i32::try_from(wish.machines).unwrap_or(i32::MAX),
        now,
        wish.until,
        machines,
    )
    .execute(conn)
    .await?;
    Ok(id)
}
