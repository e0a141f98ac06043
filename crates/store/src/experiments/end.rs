//! How experiments end: by a 0xCB, by an administrator, by their date. In each case their machines are released.

use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;

use super::{ExperimentState, LEFT_LOCKED_PAGES};
use crate::audit::{self, Entry};
use crate::{Error, ExperimentId, proofs};

/// What was found when experiments were looked over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LookedOver {
    /// 0xCBs that named a driver and were not known yet: rankings of 0x76 have something to count.
    pub new_proofs: u64,
    /// Experiments that ended, and how.
    pub ended: Vec<(ExperimentId, ExperimentState)>,
}

/// What came of the wish to cancel an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It ended by it.
    Cancelled,
    /// It was over before.
    OverBefore,
}

/// Takes up 0xCBs that arrived since the last call, and ends experiments that one of them decides or whose date came.
///
/// May be called at any time, by several replicas at once.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.experiments.look_over", level = "debug", skip_all)]
pub async fn look_over(conn: &mut PgConnection, now: OffsetDateTime) -> Result<LookedOver, Error> {
    let mut transaction = conn.begin().await?;
    let new_proofs = proofs::take_up(&mut transaction, now).await?;
    note_crashes(&mut transaction).await?;
    let mut ended = decide(&mut transaction, now).await?;
    ended.extend(expire(&mut transaction, now).await?);
    if !ended.is_empty() {
        release(&mut transaction, now).await?;
    }
    for (id, state) in &ended {
        let entry = Entry {
            at: now,
            token: None,
            actor: None,
            action: format!("experiment.{}", state.as_str()),
            subject: id.to_string(),
        };
        audit::record(&mut transaction, &entry).await?;
    }
    transaction.commit().await?;
    Ok(LookedOver { new_proofs, ended })
}

/// Ends an experiment. `None` if there is no such experiment. Wants a transaction.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.experiments.cancel", skip_all, fields(experiment.id = %id))]
pub async fn cancel(
    conn: &mut PgConnection,
    id: ExperimentId,
    now: OffsetDateTime,
) -> Result<Option<Cancelled>, Error> {
    let state = sqlx::query_scalar!("SELECT state FROM experiment WHERE id = $1 FOR UPDATE", id.0)
        .fetch_optional(&mut *conn)
        .await?;
    let Some(state) = state else { return Ok(None) };
    if ExperimentState::read(&state)? != ExperimentState::Running {
        return Ok(Some(Cancelled::OverBefore));
    }
    sqlx::query!(
        "UPDATE experiment SET state = 'cancelled', ended_at = $2 WHERE id = $1 AND state = 'running'",
        id.0,
        now,
    )
    .execute(&mut *conn)
    .await?;
    release(conn, now).await?;
    Ok(Some(Cancelled::Cancelled))
}

/// Notes the first 0xCB of each machine that is in a running experiment, whomever it names.
async fn note_crashes(conn: &mut PgConnection) -> Result<(), Error> {
    sqlx::query!(
        r#"
        UPDATE experiment_machine
        SET crashed_at = first.crashed_at, crash_id = first.id
        FROM experiment_machine AS mine
        JOIN experiment ON experiment.id = mine.experiment_id AND experiment.state = 'running'
        CROSS JOIN LATERAL (
            SELECT crash.crashed_at, crash.id
            FROM crash
            WHERE crash.machine_id = mine.machine_id
              AND crash.stop_code = $1
              AND crash.crashed_at >= mine.asked_at
              AND (mine.released_at IS NULL OR crash.crashed_at <= mine.released_at)
            ORDER BY crash.crashed_at, crash.id
            LIMIT 1
        ) AS first
        WHERE experiment_machine.machine_id = mine.machine_id
          AND experiment_machine.experiment_id = mine.experiment_id
          AND experiment_machine.crash_id IS NULL
        "#,
        i64::from(LEFT_LOCKED_PAGES),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends experiments in which Windows named a driver: the first 0xCB that arrived decides.
async fn decide(
    conn: &mut PgConnection,
    now: OffsetDateTime,
) -> Result<Vec<(ExperimentId, ExperimentState)>, Error> {
    let ended = sqlx::query!(
        r#"
        WITH decisive AS (
            SELECT DISTINCT ON (experiment.id) experiment.id, proof.crash_id, proof.driver_version_id,
                coalesce(named.merged_into, named.id) = coalesce(suspect.merged_into, suspect.id) AS is_suspect
            FROM experiment
            JOIN experiment_machine ON experiment_machine.experiment_id = experiment.id
            JOIN proof
                ON proof.machine_id = experiment_machine.machine_id
                AND proof.crashed_at >= experiment_machine.asked_at
                -- The setting may outlast the machine's part in it.
                AND (experiment_machine.released_at IS NULL OR proof.crashed_at <= experiment_machine.released_at)
            JOIN driver_version AS named ON named.id = proof.driver_version_id
            JOIN driver_version AS suspect ON suspect.id = experiment.driver_version_id
            WHERE experiment.state = 'running'
            ORDER BY experiment.id, proof.received_at, proof.crash_id
        )
        UPDATE experiment
        SET state = CASE WHEN decisive.is_suspect THEN 'confirmed' ELSE 'refuted' END,
            ended_at = $1,
            ended_by_crash_id = decisive.crash_id,
            named_driver_version_id = decisive.driver_version_id
        FROM decisive
        WHERE experiment.id = decisive.id AND experiment.state = 'running'
        RETURNING experiment.id AS "id: ExperimentId", experiment.state
        "#,
        now,
    )
    .fetch_all(conn)
    .await?;
    ended
        .into_iter()
        .map(|row| Ok((row.id, ExperimentState::read(&row.state)?)))
        .collect()
}

async fn expire(
    conn: &mut PgConnection,
    now: OffsetDateTime,
) -> Result<Vec<(ExperimentId, ExperimentState)>, Error> {
    let expired = sqlx::query_scalar!(
        r#"
        UPDATE experiment
        SET state = 'expired', ended_at = $1
        WHERE state = 'running' AND until <= $1
        RETURNING id AS "id: ExperimentId"
        "#,
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(expired
        .into_iter()
        .map(|id| (id, ExperimentState::Expired))
        .collect())
}

/// Releases the machines of all experiments that are over.
async fn release(conn: &mut PgConnection, now: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        r#"
        UPDATE experiment_machine
        SET released_at = $1
        FROM experiment
        WHERE experiment.id = experiment_machine.experiment_id
          AND experiment.state <> 'running'
          AND experiment_machine.released_at IS NULL
        "#,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}
