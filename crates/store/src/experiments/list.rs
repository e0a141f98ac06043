//! Reading experiments.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Counts, Experiment, ExperimentMachine, ExperimentState, NamedDriver};
use crate::{Error, ExperimentId, Page, stop_codes};

struct Row {
    id: ExperimentId,
    stop_code: i64,
    driver: String,
    version: Option<String>,
    state: String,
    machines_wanted: i32,
    asked: i64,
    set: i64,
    in_force: i64,
    crashed: i64,
    opted_out: i64,
    removed: i64,
    started_at: OffsetDateTime,
    until: OffsetDateTime,
    ended_at: Option<OffsetDateTime>,
    ended_by_crash_id: Option<Uuid>,
    named_driver: Option<String>,
    named_version: Option<String>,
}

impl TryFrom<Row> for Experiment {
    type Error = Error;

    fn try_from(row: Row) -> Result<Experiment, Error> {
        Ok(Experiment {
            id: row.id,
            stop_code: stop_codes::code_of(row.stop_code),
            driver: NamedDriver {
                name: row.driver,
                version: row.version,
            },
            state: ExperimentState::read(&row.state)?,
            machines_wanted: row.machines_wanted.unsigned_abs(),
            counts: Counts {
                asked: row.asked.unsigned_abs(),
                set: row.set.unsigned_abs(),
                in_force: row.in_force.unsigned_abs(),
                crashed: row.crashed.unsigned_abs(),
                opted_out: row.opted_out.unsigned_abs(),
                removed: row.removed.unsigned_abs(),
            },
            started_at: row.started_at,
            until: row.until,
            ended_at: row.ended_at,
            ended_by_crash: row.ended_by_crash_id,
            named: row.named_driver.map(|name| NamedDriver {
                name,
                version: row.named_version,
            }),
        })
    }
}

/// Experiments, newest first, at most `limit`, after the one of this id.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.experiments.list", skip_all)]
pub async fn list(
    conn: &mut PgConnection,
    after: Option<ExperimentId>,
    limit: u32,
) -> Result<Page<Experiment, ExperimentId>, Error> {
    let rows = rows(conn, after, None, i64::from(limit) + 1).await?;
    Ok(Page::cut(rows, limit, |experiment| experiment.id))
}

/// One experiment and its machines by name, or `None` if there is none with this id.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.experiments.find", skip_all, fields(experiment.id = %id))]
pub async fn find(
    conn: &mut PgConnection,
    id: ExperimentId,
) -> Result<Option<(Experiment, Vec<ExperimentMachine>)>, Error> {
    let Some(experiment) = rows(conn, None, Some(id), 1).await?.pop() else {
        return Ok(None);
    };
    let machines = sqlx::query_as!(
        ExperimentMachine,
        r#"
        SELECT machine.name AS machine, mine.asked_at, mine.set_at, mine.in_force_since, mine.crashed_at,
            mine.crash_id, mine.released_at, mine.opted_out, mine.removed_at,
            agent.checked_in_at AS "checked_in_at?", agent.locked_pages_trouble AS "trouble?"
        FROM experiment_machine AS mine
        JOIN machine ON machine.machine_id = mine.machine_id
        LEFT JOIN agent ON agent.machine_id = mine.machine_id
        WHERE mine.experiment_id = $1
        ORDER BY machine.name
        "#,
        id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(Some((experiment, machines)))
}

async fn rows(
    conn: &mut PgConnection,
    after: Option<ExperimentId>,
    only: Option<ExperimentId>,
    limit: i64,
) -> Result<Vec<Experiment>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT experiment.id AS "id: ExperimentId", experiment.stop_code, driver.name AS driver, suspect.version,
            experiment.state, experiment.machines_wanted, machines.asked AS "asked!", machines.set AS "set!",
            machines.in_force AS "in_force!", machines.crashed AS "crashed!", machines.opted_out AS "opted_out!",
            machines.removed AS "removed!", experiment.started_at, experiment.until, experiment.ended_at,
            experiment.ended_by_crash_id, named_driver.name AS "named_driver?", named.version AS "named_version?"
        FROM experiment
        JOIN driver_version AS suspect ON suspect.id = experiment.driver_version_id
        JOIN driver ON driver.id = suspect.driver_id
        -- What a placeholder turned out to be, if it did.
        LEFT JOIN driver_version AS named_then ON named_then.id = experiment.named_driver_version_id
        LEFT JOIN driver_version AS named ON named.id = coalesce(named_then.merged_into, named_then.id)
        LEFT JOIN driver AS named_driver ON named_driver.id = named.driver_id
        CROSS JOIN LATERAL (
            SELECT count(*) AS asked, count(set_at) AS set, count(in_force_since) AS in_force,
                count(crash_id) AS crashed, count(*) FILTER (WHERE opted_out) AS opted_out, count(removed_at) AS removed
            FROM experiment_machine
            WHERE experiment_machine.experiment_id = experiment.id
        ) AS machines
        WHERE ($1::uuid IS NULL OR experiment.id < $1)
          AND ($2::uuid IS NULL OR experiment.id = $2)
        ORDER BY experiment.id DESC
        LIMIT $3
        "#,
        after.map(|id| id.0),
        only.map(|id| id.0),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Experiment::try_from).collect()
}
