//! What an experiment hears of its machines, and what it asks of them.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::agents::CheckIn;
use crate::{Error, ExperimentId, MachineId};

/// That a machine is to have locked pages tracked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Who asks.
    pub experiment: ExperimentId,
    /// Until when.
    pub until: OffsetDateTime,
}

/// Whether a machine is asked to have locked pages tracked at `now`.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.experiments.asked", skip_all)]
pub async fn asked(
    conn: &mut PgConnection,
    machine: MachineId,
    now: OffsetDateTime,
) -> Result<Option<Asked>, Error> {
    // The date is asked too: it holds even while no worker runs that could end the experiment.
    let asked = sqlx::query_as!(
        Asked,
        r#"
        SELECT experiment.id AS "experiment: ExperimentId", experiment.until
        FROM experiment_machine
        JOIN experiment ON experiment.id = experiment_machine.experiment_id
        WHERE experiment_machine.machine_id = $1
          AND experiment_machine.released_at IS NULL
          AND experiment.state = 'running'
          AND experiment.until > $2
        "#,
        machine.0,
        now,
    )
    .fetch_optional(conn)
    .await?;
    Ok(asked)
}

/// Notes what a check-in tells of the machine's place in an experiment; it finds no row for any other machine.
///
/// A machine whose owner no longer allows it is released at once.
pub(crate) async fn heard(
    conn: &mut PgConnection,
    machine: MachineId,
    told: &CheckIn,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let pages = told.locked_pages.as_ref();
    let in_force_since = pages.and_then(|pages| pages.in_force_since);
    sqlx::query!(
        r#"
        UPDATE experiment_machine
        SET set_at = CASE WHEN $2 THEN coalesce(set_at, $5) ELSE set_at END,
            in_force_since = CASE WHEN $2 THEN coalesce($3, in_force_since) ELSE in_force_since END,
            removed_at = CASE
                WHEN $2 THEN NULL
                WHEN set_at IS NOT NULL THEN coalesce(removed_at, $5)
            END,
            opted_out = opted_out OR (released_at IS NULL AND NOT $4),
            released_at = CASE WHEN $4 THEN released_at ELSE coalesce(released_at, $5) END
        WHERE machine_id = $1
          AND (released_at IS NULL OR (set_at IS NOT NULL AND removed_at IS NULL))
        "#,
        machine.0,
        pages.is_some_and(|pages| pages.set),
        in_force_since.map(|at| at.min(now)) as Option<OffsetDateTime>,
        told.may_track_locked_pages,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}
