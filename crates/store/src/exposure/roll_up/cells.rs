//! Counting and storing the cells of one week.

use std::cmp::Reverse;
use std::collections::HashMap;

use futures_util::TryStreamExt;
use sqlx::PgConnection;
use time::Date;

use crate::Error;
use crate::driver_sets::{self, Merges};
use crate::exposure::tally::{CellDays, SetDays, Tally};
use crate::exposure::weights;

/// Most sites' cells of a week that are kept, the largest ones.
const SITE_CELLS: usize = 4_096;

/// What their counters may take while they are counted, in bytes.
const SITE_MEMORY: usize = 192 << 20;

/// Cells written by one statement.
const WRITTEN_AT_ONCE: usize = 512;

/// One week's cells: its models, and the largest of their sites.
pub(super) struct Cells {
    models: Vec<Option<i32>>,
    /// Models by their place, and sites.
    sites: Vec<(usize, String)>,
    /// Those of the models, then those of the sites.
    days: Vec<CellDays>,
}

/// Machine-days of one set in one part of the fleet.
struct Row {
    driver_set_id: i64,
    os_build: Option<i32>,
    days: u32,
    model: usize,
    site: Option<usize>,
}

/// The week's rows, and what their models and sites stand for.
#[derive(Default)]
struct Rows {
    list: Vec<Row>,
    models: Names<Option<i32>>,
    sites: Names<(usize, String)>,
    /// Machine-days of each site.
    site_days: Vec<u64>,
}

impl Cells {
    /// Counts a week's presence. Wants a transaction.
    pub(super) async fn count(conn: &mut PgConnection, week: Date) -> Result<Self, Error> {
        let read = Rows::read(conn, week).await?;
        let models = read.models.list.len();
        let kept = read.largest_sites(most_sites(conn).await?);
        let mut cells = vec![None; read.sites.list.len()];
        for (place, site) in kept.iter().enumerate() {
            if let Some(cell) = cells.get_mut(*site) {
                *cell = Some(models + place);
            }
        }
        let mut tally = Tally::new(models + kept.len());
        for row in &read.list {
            let site = row.site.and_then(|site| cells.get(site).copied().flatten());
            for cell in [Some(row.model), site].into_iter().flatten() {
                let weight = SetDays {
                    driver_set_id: row.driver_set_id,
                    cell,
                    days: row.days,
                };
                tally.note(weight, row.os_build);
            }
        }
        let Rows { models, sites, .. } = read;
        let merges = Merges::load(conn).await?;
        let days = tally.count(conn, &merges).await?;
        let sites = kept.iter().filter_map(|site| sites.list.get(*site).cloned());
        Ok(Cells {
            sites: sites.collect(),
            models: models.list,
            days,
        })
    }

    pub(super) async fn write(&self, conn: &mut PgConnection, week: Date) -> Result<(), Error> {
        let (of_models, of_sites) = self
            .days
            .split_at_checked(self.models.len())
            .unwrap_or((&self.days, &[]));
        let models: Vec<i32> = self.models.iter().map(|model| model.unwrap_or(0)).collect();
        for (models, days) in models
            .chunks(WRITTEN_AT_ONCE)
            .zip(of_models.chunks(WRITTEN_AT_ONCE))
        {
            write_models(conn, week, models, days).await?;
        }
        for (sites, days) in self
            .sites
            .chunks(WRITTEN_AT_ONCE)
            .zip(of_sites.chunks(WRITTEN_AT_ONCE))
        {
            let model_of = |(model, _): &(usize, String)| models.get(*model).copied().unwrap_or(0);
            let models: Vec<i32> = sites.iter().map(model_of).collect();
            let sites: Vec<&str> = sites.iter().map(|(_, site)| site.as_str()).collect();
            write_sites(conn, week, (&models, &sites), days).await?;
        }
        Ok(())
    }
}

/// How many sites' counters fit into the memory that they may take.
async fn most_sites(conn: &mut PgConnection) -> Result<usize, Error> {
    let versions = sqlx::query_scalar!(r#"SELECT coalesce(max(id), 0) AS "id!" FROM driver_version"#)
        .fetch_one(conn)
        .await?;
    let row = 4 * (usize::try_from(versions).unwrap_or(0) + 1);
    Ok((SITE_MEMORY / row).min(SITE_CELLS))
}

impl Rows {
    async fn read(conn: &mut PgConnection, week: Date) -> Result<Self, Error> {
        weights::widen_memory(conn).await?;
        let mut read = Rows::default();
        let mut rows = sqlx::query!(
            r#"
            -- Not summed: there are hardly fewer sets and sites than machines, and grouping them took as long again.
            SELECT presence.driver_set_id AS "driver_set_id!", presence.model_id AS "model_id?",
                presence.os_build AS "os_build?", nullif(machine.site, '') AS "site?", presence.days AS "days!"
            FROM presence
            LEFT JOIN machine USING (machine_id)
            WHERE presence.week = $1 AND presence.driver_set_id <> $2
            "#,
            week,
            driver_sets::UNKNOWN,
        )
        .fetch(conn);
        while let Some(row) = rows.try_next().await? {
            let days = row.days.count_ones();
            let model = read.models.place(row.model_id);
            let site = row.site.map(|site| read.sites.place((model, site)));
            if let Some(site) = site {
                read.site_days.resize(read.sites.list.len(), 0);
                if let Some(sum) = read.site_days.get_mut(site) {
                    *sum += u64::from(days);
                }
            }
            read.list.push(Row {
                driver_set_id: row.driver_set_id,
                os_build: row.os_build,
                days,
                model,
                site,
            });
        }
        Ok(read)
    }

    /// The places of the sites with most machine-days.
    fn largest_sites(&self, most: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.site_days.len()).collect();
        places.sort_by_key(|place| Reverse(self.site_days.get(*place)));
        places.truncate(most);
        places
    }
}

/// Things by the order in which they were met.
#[derive(Default)]
struct Names<T> {
    list: Vec<T>,
    places: HashMap<T, usize>,
}

impl<T: Clone + Eq + std::hash::Hash> Names<T> {
    fn place(&mut self, name: T) -> usize {
        if let Some(place) = self.places.get(&name) {
            return *place;
        }
        let place = self.list.len();
        self.list.push(name.clone());
        self.places.insert(name, place);
        place
    }
}

/// The columns of cells.
struct Columns<'a> {
    machine_days: Vec<i64>,
    versions: Vec<&'a [u8]>,
    os_builds: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    fn of(cells: &'a [CellDays]) -> Self {
        Columns {
            machine_days: cells.iter().map(|cell| cell.machine_days.cast_signed()).collect(),
            versions: cells.iter().map(|cell| &cell.versions[..]).collect(),
            os_builds: cells.iter().map(|cell| &cell.os_builds[..]).collect(),
        }
    }
}

async fn write_models(
    conn: &mut PgConnection,
    week: Date,
    models: &[i32],
    cells: &[CellDays],
) -> Result<(), Error> {
    let columns = Columns::of(cells);
    sqlx::query!(
        r#"
        INSERT INTO exposure_model_week (week, model_id, machine_days, versions, os_builds)
        SELECT $1, * FROM unnest($2::integer[], $3::bigint[], $4::bytea[], $5::bytea[])
        "#,
        week,
        models,
        &columns.machine_days,
        &columns.versions as &[&[u8]],
        &columns.os_builds as &[&[u8]],
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn write_sites(
    conn: &mut PgConnection,
    week: Date,
    (models, sites): (&[i32], &[&str]),
    cells: &[CellDays],
) -> Result<(), Error> {
    let columns = Columns::of(cells);
    sqlx::query!(
        r#"
        INSERT INTO exposure_site_week (week, model_id, site, machine_days, versions, os_builds)
        SELECT $1, * FROM unnest($2::integer[], $3::text[], $4::bigint[], $5::bytea[], $6::bytea[])
        "#,
        week,
        models,
        sites as &[&str],
        &columns.machine_days,
        &columns.versions as &[&[u8]],
        &columns.os_builds as &[&[u8]],
    )
    .execute(conn)
    .await?;
    Ok(())
}
