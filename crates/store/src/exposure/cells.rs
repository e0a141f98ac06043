//! The machine-days of a window by model and week: rolled up where that holds, counted now where it does not.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use sqlx::PgConnection;
use time::Date;

use super::censor::StratumKey;
use super::tally::{CellDays, SetDays, Tally};
use super::weights;
use crate::driver_sets::{self, Merges};
use crate::{Error, Window};

/// A site's part of a stratum.
pub(super) type SiteKey = (StratumKey, String);

/// The weeks of a window, by where their days are counted.
#[derive(Debug, Default)]
pub(super) struct Weeks {
    /// Rolled up, unchanged since, and wholly in the window.
    pub(super) rolled_up: Vec<Date>,
    /// All others.
    pub(super) open: Vec<Date>,
}

impl Weeks {
    pub(super) async fn of(conn: &mut PgConnection, window: Window) -> Result<Self, Error> {
        let whole = window
            .weeks()
            .into_iter()
            .filter(|week| window.mask(*week) == 127);
        let whole: Vec<Date> = whole.collect();
        let rolled_up = sqlx::query_scalar!(
            r#"
            SELECT week
            FROM exposure_week
            WHERE week = ANY($1)
              AND NOT EXISTS (SELECT FROM exposure_change WHERE exposure_change.week = exposure_week.week)
            "#,
            &whole,
        )
        .fetch_all(conn)
        .await?;
        let open = window
            .weeks()
            .into_iter()
            .filter(|week| !rolled_up.contains(week));
        Ok(Weeks {
            open: open.collect(),
            rolled_up,
        })
    }
}

/// The cells of all models. Wants a transaction.
pub(super) async fn of_models(
    conn: &mut PgConnection,
    window: Window,
    weeks: &Weeks,
    merges: &Merges,
) -> Result<HashMap<StratumKey, CellDays>, Error> {
    let mut cells = HashMap::new();
    let mut rows = sqlx::query!(
        "SELECT week, model_id, machine_days, versions, os_builds FROM exposure_model_week WHERE week = ANY($1)",
        &weeks.rolled_up,
    )
    .fetch(&mut *conn);
    while let Some(row) = rows.try_next().await? {
        let days = CellDays {
            machine_days: row.machine_days.unsigned_abs(),
            versions: row.versions,
            os_builds: row.os_builds,
        };
        cells.insert(((row.model_id != 0).then_some(row.model_id), row.week), days);
    }
    drop(rows);
    for &week in &weeks.open {
        count_models(conn, window, week, merges, &mut cells).await?;
    }
    Ok(cells)
}

async fn count_models(
    conn: &mut PgConnection,
    window: Window,
    week: Date,
    merges: &Merges,
    cells: &mut HashMap<StratumKey, CellDays>,
) -> Result<(), Error> {
    let weights = weights::weights_of(conn, window, &[week]).await?;
    let mut models: Vec<Option<i32>> = weights.iter().map(|weight| weight.model_id).collect();
    models.sort_unstable();
    models.dedup();
    let mut tally = Tally::new(models.len());
    for weight in weights {
        if let Ok(cell) = models.binary_search(&weight.model_id) {
            let days = SetDays {
                driver_set_id: weight.driver_set_id,
                cell,
                days: weight.machine_days,
            };
            tally.note(days, weight.os_build);
        }
    }
    let days = tally.count(conn, merges).await?;
    cells.extend(models.into_iter().map(|model| (model, week)).zip(days));
    Ok(())
}

/// The cells of these sites, as far as they are kept. Wants a transaction.
pub(super) async fn of_sites(
    conn: &mut PgConnection,
    window: Window,
    weeks: &Weeks,
    merges: &Merges,
    wanted: &[SiteKey],
) -> Result<HashMap<SiteKey, CellDays>, Error> {
    let mut cells = rolled_up_sites(conn, weeks, wanted).await?;
    for &week in &weeks.open {
        let of_week = wanted.iter().filter(|((_, of), _)| *of == week);
        let of_week: Vec<&SiteKey> = of_week.collect();
        if !of_week.is_empty() {
            count_sites(conn, window, (week, &of_week), merges, &mut cells).await?;
        }
    }
    Ok(cells)
}

/// Wanted cells as columns: models with 0 for an unknown one, weeks, sites.
fn columns<'a>(wanted: impl Iterator<Item = &'a SiteKey>) -> (Vec<i32>, Vec<Date>, Vec<&'a str>) {
    let mut columns = (Vec::new(), Vec::new(), Vec::new());
    for ((model, week), site) in wanted {
        columns.0.push(model.unwrap_or(0));
        columns.1.push(*week);
        columns.2.push(site.as_str());
    }
    columns
}

async fn rolled_up_sites(
    conn: &mut PgConnection,
    weeks: &Weeks,
    wanted: &[SiteKey],
) -> Result<HashMap<SiteKey, CellDays>, Error> {
    let kept = wanted
        .iter()
        .filter(|((_, week), _)| weeks.rolled_up.contains(week));
    let (models, weeks, sites) = columns(kept);
    let rows = sqlx::query!(
        r#"
        SELECT cell.week, cell.model_id, cell.site, cell.machine_days, cell.versions, cell.os_builds
        FROM unnest($1::integer[], $2::date[], $3::text[]) AS wanted (model_id, week, site)
        JOIN exposure_site_week AS cell USING (week, model_id, site)
        "#,
        &models,
        &weeks,
        &sites as &[&str],
    )
    .fetch_all(conn)
    .await?;
    let cells = rows.into_iter().map(|row| {
        let stratum = ((row.model_id != 0).then_some(row.model_id), row.week);
        let days = CellDays {
            machine_days: row.machine_days.unsigned_abs(),
            versions: row.versions,
            os_builds: row.os_builds,
        };
        ((stratum, row.site), days)
    });
    Ok(cells.collect())
}

async fn count_sites(
    conn: &mut PgConnection,
    window: Window,
    (week, wanted): (Date, &[&SiteKey]),
    merges: &Merges,
    cells: &mut HashMap<SiteKey, CellDays>,
) -> Result<(), Error> {
    weights::widen_memory(conn).await?;
    let (models, _, sites) = columns(wanted.iter().copied());
    let mut tally = Tally::new(wanted.len());
    let mut rows = sqlx::query!(
        r#"
        -- Machines of the wanted sites; what model they were is told by their presence.
        WITH here AS (
            SELECT machine_id, site FROM machine WHERE site = ANY($3)
        )
        SELECT wanted.cell AS "cell!", presence.driver_set_id, presence.os_build,
            sum(bit_count((presence.days & $4::smallint)::integer::bit(7)))::integer AS "days!"
        FROM here
        JOIN presence ON presence.machine_id = here.machine_id AND presence.week = $1
        JOIN unnest($2::integer[], $3::text[]) WITH ORDINALITY AS wanted (model_id, site, cell)
            ON wanted.model_id = coalesce(presence.model_id, 0) AND wanted.site = here.site
        WHERE presence.driver_set_id <> $5 AND presence.days & $4::smallint <> 0
        GROUP BY 1, 2, 3
        "#,
        week,
        &models,
        &sites as &[&str],
        window.mask(week),
        driver_sets::UNKNOWN,
    )
    .fetch(&mut *conn);
    while let Some(row) = rows.try_next().await? {
        let Some(cell) = usize::try_from(row.cell)
            .ok()
            .and_then(|cell| cell.checked_sub(1))
        else {
            continue;
        };
        let days = SetDays {
            driver_set_id: row.driver_set_id,
            cell,
            days: row.days.unsigned_abs(),
        };
        tally.note(days, row.os_build);
    }
    drop(rows);
    let days = tally.count(conn, merges).await?;
    cells.extend(wanted.iter().map(|key| (*key).clone()).zip(days));
    Ok(())
}
