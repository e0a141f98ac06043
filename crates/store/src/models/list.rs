//! The list of hardware models.

use std::cmp::Reverse;
use std::collections::HashMap;

use sqlx::PgConnection;

use super::{HardwareModel, by_ids};
use crate::exposure::{self, Observed};
use crate::{Error, Window, driver_sets, stop_codes};

/// Stop codes told of each model in the list.
const MOST_STOP_CODES: usize = 3;

/// One model in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSummary {
    /// The model.
    pub model: HardwareModel,
    /// Machines that are of it now.
    pub machines: u64,
    /// What was seen of it in the window.
    pub observed: Observed,
    /// Its stop codes, most crashing machines first; in the list the first three, in the detail all.
    pub stop_codes: Vec<ModelStopCode>,
}

/// One stop code of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelStopCode {
    /// The stop code.
    pub stop_code: u32,
    /// Its name.
    pub stop_code_name: String,
    /// Crashes with it.
    pub crashes: u64,
    /// Machines that crashed with it.
    pub crashing_machines: u64,
}

/// All models that a machine is of now, or was in the window; most machines first.
///
/// The connection must not be in a transaction.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.models.list", skip_all)]
pub async fn list(conn: &mut PgConnection, window: Window) -> Result<Vec<ModelSummary>, Error> {
    let machines = machines(conn).await?;
    let machine_days = exposure::machine_days_by_model(conn, window).await?;
    let mut crashes = crashes(conn, window).await?;
    let mut ids: Vec<i32> = machines.keys().copied().collect();
    ids.extend(machine_days.keys().copied().flatten());
    ids.extend(crashes.keys().copied());
    let mut summaries: Vec<ModelSummary> = by_ids(conn, &ids)
        .await?
        .into_values()
        .map(|model| {
            let crashes = crashes.remove(&model.id).unwrap_or_default();
            ModelSummary {
                machines: machines.get(&model.id).copied().unwrap_or(0),
                observed: Observed {
                    machine_days: machine_days.get(&Some(model.id)).copied().unwrap_or(0),
                    crashes: crashes.crashes,
                    crashing_machines: crashes.crashing_machines,
                },
                stop_codes: crashes.stop_codes,
                model,
            }
        })
        .collect();
    name_stop_codes(conn, &mut summaries).await?;
    summaries.sort_by(|one, other| {
        let key = |summary: &ModelSummary| Reverse((summary.machines, summary.observed.machine_days));
        let model = &one.model;
        let names = (&model.manufacturer, &model.name);
        let others = (&other.model.manufacturer, &other.model.name);
        key(one).cmp(&key(other)).then_with(|| names.cmp(&others))
    });
    Ok(summaries)
}

async fn machines(conn: &mut PgConnection) -> Result<HashMap<i32, u64>, Error> {
    let rows = sqlx::query!(
        r#"
        SELECT model_id AS "model_id!", count(*) AS "machines!"
        FROM machine
        WHERE model_id IS NOT NULL
        GROUP BY model_id
        "#
    )
    .fetch_all(conn)
    .await?;
    let machines = rows
        .into_iter()
        .map(|row| (row.model_id, row.machines.unsigned_abs()));
    Ok(machines.collect())
}

/// Crashes of one model.
#[derive(Default)]
struct ModelCrashes {
    crashes: u64,
    crashing_machines: u64,
    stop_codes: Vec<ModelStopCode>,
}

async fn crashes(conn: &mut PgConnection, window: Window) -> Result<HashMap<i32, ModelCrashes>, Error> {
    let rows = sqlx::query!(
        r#"
        -- Crashes that count, on days with presence and known drivers, by what the machine was on that day: by stop
        -- code, and all of them once more without.
        SELECT presence.model_id AS "model_id!", crash.stop_code AS "stop_code?", count(*) AS "crashes!",
            count(DISTINCT crash.machine_id) AS "machines!"
        FROM crash
        JOIN presence
            ON presence.machine_id = crash.machine_id
            AND presence.week = date_trunc('week', crash.crashed_at AT TIME ZONE 'UTC')::date
            AND presence.driver_set_id <> $3
            AND presence.days & (1 << (extract(isodow FROM crash.crashed_at AT TIME ZONE 'UTC')::integer - 1)) <> 0
        WHERE crash.kind = 'kernel'
          AND crash.counts
          AND crash.crashed_at >= $1
          AND crash.crashed_at < $2
          AND crash.stop_code IS NOT NULL
          AND presence.model_id IS NOT NULL
        GROUP BY GROUPING SETS ((presence.model_id, crash.stop_code), (presence.model_id))
        ORDER BY 4 DESC, 2
        "#,
        window.start(),
        window.end(),
        driver_sets::UNKNOWN,
    )
    .fetch_all(conn)
    .await?;
    let mut models: HashMap<i32, ModelCrashes> = HashMap::new();
    for row in rows {
        let model = models.entry(row.model_id).or_default();
        let (crashes, machines) = (row.crashes.unsigned_abs(), row.machines.unsigned_abs());
        match row.stop_code {
            None => (model.crashes, model.crashing_machines) = (crashes, machines),
            Some(_) if model.stop_codes.len() >= MOST_STOP_CODES => {}
            Some(stop_code) => model.stop_codes.push(ModelStopCode {
                stop_code: stop_codes::code_of(stop_code),
                stop_code_name: String::new(),
                crashes,
                crashing_machines: machines,
            }),
        }
    }
    Ok(models)
}

async fn name_stop_codes(conn: &mut PgConnection, summaries: &mut [ModelSummary]) -> Result<(), Error> {
    let codes = summaries.iter().flat_map(|summary| &summary.stop_codes);
    let codes: Vec<u32> = codes.map(|code| code.stop_code).collect();
    let names = stop_codes::names(conn, &codes).await?;
    for code in summaries.iter_mut().flat_map(|summary| &mut summary.stop_codes) {
        code.stop_code_name = stop_codes::name_of(&names, code.stop_code);
    }
    Ok(())
}
