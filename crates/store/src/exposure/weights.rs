//! Machine-days summed per driver set by Postgres.

use futures_util::TryStreamExt;
use sqlx::PgConnection;
use time::Date;

use crate::driver_sets::{self, Merges};
use crate::{Error, Window};

/// Machine-days of one set on one hardware model with one Windows build in one week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weight {
    pub(super) driver_set_id: i64,
    pub(super) model_id: Option<i32>,
    pub(super) os_build: Option<i32>,
    pub(super) week: Date,
    pub(super) machine_days: u32,
}

/// The weights of some weeks of a window, by week. Days with unknown drivers are no exposure. Wants a transaction.
pub(super) async fn weights_of(
    conn: &mut PgConnection,
    window: Window,
    weeks: &[Date],
) -> Result<Vec<Weight>, Error> {
    widen_memory(conn).await?;
    let mut weights = Vec::new();
    for &week in weeks {
        let mut rows = sqlx::query!(
            r#"
            SELECT driver_set_id, model_id, os_build,
                sum(bit_count((days & $2::smallint)::integer::bit(7)))::integer AS "machine_days!"
            FROM presence
            WHERE week = $1 AND driver_set_id <> $3 AND days & $2::smallint <> 0
            GROUP BY driver_set_id, model_id, os_build
            "#,
            week,
            window.mask(week),
            driver_sets::UNKNOWN,
        )
        .fetch(&mut *conn);
        while let Some(row) = rows.try_next().await? {
            weights.push(Weight {
                driver_set_id: row.driver_set_id,
                model_id: row.model_id,
                os_build: row.os_build,
                week,
                machine_days: row.machine_days.unsigned_abs(),
            });
        }
    }
    Ok(weights)
}

/// Gives the rest of the transaction memory for a week's groups: 80,000 take 20 MB, and with the 4 MB of the default
/// they go to disk and take twice as long.
pub(super) async fn widen_memory(conn: &mut PgConnection) -> Result<(), Error> {
    sqlx::query!("SELECT set_config('work_mem', '128MB', true)")
        .fetch_one(conn)
        .await?;
    Ok(())
}

/// Calls `each` with every set of `ids` and its versions, ascending, merged placeholders resolved.
pub(crate) async fn for_each_set(
    conn: &mut PgConnection,
    ids: &[i64],
    merges: &Merges,
    mut each: impl FnMut(i64, &[i32]),
) -> Result<(), Error> {
    let mut members = Vec::new();
    let mut sets = sqlx::query!(
        "SELECT id, driver_version_ids FROM driver_set WHERE id = ANY($1)",
        ids
    )
    .fetch(conn);
    while let Some(set) = sets.try_next().await? {
        merges.resolve(&set.driver_version_ids, &mut members);
        each(set.id, &members);
    }
    Ok(())
}
