//! What the machines that crash have in common besides drivers.

use std::cmp::Reverse;
use std::collections::HashMap;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Counts, Feature};
use crate::Error;

/// Most values of one kind.
const MOST: usize = 8;

/// What kind of thing machines have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FacetKind {
    /// Hardware model.
    Model,
    /// Windows build.
    OsBuild,
    /// The process that was running.
    Process,
    /// Site.
    Site,
    /// BIOS version.
    BiosVersion,
}

/// Something that some of the crashing machines have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Facet {
    /// What kind of thing it is.
    pub kind: FacetKind,
    /// Which one, e.g. `Dell Inc. Latitude 7420`.
    pub value: String,
    /// Crashing machines that have it.
    pub crashing_machines: u64,
    /// Their share of all crashing machines.
    pub share: f64,
    /// Its share of the fleet: of machine-days for models and builds, of machines for sites and BIOS versions. `None`
    /// for processes, which nobody counts where nothing crashes.
    pub fleet_share: Option<f64>,
}

/// Machines and days by value.
type Tally = HashMap<String, u64>;

/// What the crashing machines of these counts share: at most eight values of each kind, most machines first.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.exposure.shared", skip_all)]
pub async fn shared(conn: &mut PgConnection, counts: &Counts, stop_code: u32) -> Result<Vec<Facet>, Error> {
    let told = told(conn, counts, stop_code).await?;
    let models = models(conn, counts).await?;
    let os_builds = os_builds(counts);
    let sites = machines_by_site(conn, &values(&told.sites)).await?;
    let bios_versions = machines_by_bios(conn, &values(&told.bios_versions)).await?;
    let fleet = machines(conn).await?;
    let cases = u64::try_from(counts.cases.len()).unwrap_or(u64::MAX);
    let all = Whole {
        crashing_machines: cases,
        fleet: counts.machine_days,
    };
    let of_machines = Whole { fleet, ..all };
    let mut facets = all.facets(FacetKind::Model, models.0, Some(&models.1));
    facets.extend(all.facets(FacetKind::OsBuild, os_builds.0, Some(&os_builds.1)));
    facets.extend(all.facets(FacetKind::Process, told.processes, None));
    facets.extend(of_machines.facets(FacetKind::Site, told.sites, Some(&sites)));
    facets.extend(of_machines.facets(FacetKind::BiosVersion, told.bios_versions, Some(&bios_versions)));
    Ok(facets)
}

/// What shares are shares of.
#[derive(Clone, Copy)]
struct Whole {
    crashing_machines: u64,
    fleet: u64,
}

impl Whole {
    fn facets(self, kind: FacetKind, crashing: Tally, fleet: Option<&Tally>) -> Vec<Facet> {
        let mut crashing: Vec<(String, u64)> = crashing.into_iter().collect();
        crashing.sort_by(|(one, machines), (other, others)| {
            (Reverse(machines), one).cmp(&(Reverse(others), other))
        });
        crashing.truncate(MOST);
        let facet = |(value, crashing_machines): (String, u64)| Facet {
            kind,
            share: share(crashing_machines, self.crashing_machines),
            fleet_share: fleet.map(|fleet| share(fleet.get(&value).copied().unwrap_or(0), self.fleet)),
            value,
            crashing_machines,
        };
        crashing.into_iter().map(facet).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        (part as f64 / whole as f64).min(1.0)
    }
}

fn values(tally: &Tally) -> Vec<String> {
    tally.keys().cloned().collect()
}

/// Models of the cases, and machine-days of models.
async fn models(conn: &mut PgConnection, counts: &Counts) -> Result<(Tally, Tally), Error> {
    let rows = sqlx::query!(
        r#"SELECT id, concat_ws(' ', nullif(manufacturer, ''), model) AS "name!" FROM hardware_model"#
    )
    .fetch_all(conn)
    .await?;
    let names: HashMap<i32, String> = rows.into_iter().map(|row| (row.id, row.name)).collect();
    let name = |model: Option<i32>| names.get(&model?).cloned();
    let (mut crashing, mut fleet) = (Tally::new(), Tally::new());
    for stratum in &counts.strata {
        if let Some(name) = name(stratum.model_id) {
            *fleet.entry(name).or_default() += stratum.machine_days;
        }
    }
    for case in &counts.cases {
        let stratum = usize::try_from(case.stratum).ok();
        let stratum = stratum.and_then(|place| counts.strata.get(place));
        if let Some(name) = stratum.and_then(|stratum| name(stratum.model_id)) {
            *crashing.entry(name).or_default() += 1;
        }
    }
    Ok((crashing, fleet))
}

/// Windows builds of the cases, and machine-days of builds.
fn os_builds(counts: &Counts) -> (Tally, Tally) {
    let (mut crashing, mut fleet) = (Tally::new(), Tally::new());
    for (place, candidate) in counts.candidates.iter().enumerate() {
        if let Feature::OsBuild(os_build) = candidate.feature {
            let cases = counts.cases_of(place);
            if cases > 0 {
                crashing.insert(os_build.to_string(), cases);
            }
            fleet.insert(os_build.to_string(), counts.days_of(place));
        }
    }
    (crashing, fleet)
}

/// Of the cases, what only the crash and the machine tell.
#[derive(Default)]
struct ToldOfCases {
    processes: Tally,
    sites: Tally,
    bios_versions: Tally,
}

async fn told(conn: &mut PgConnection, counts: &Counts, stop_code: u32) -> Result<ToldOfCases, Error> {
    let machines: Vec<Uuid> = counts.cases.iter().map(|case| case.machine.0).collect();
    let times: Vec<OffsetDateTime> = counts.cases.iter().map(|case| case.crashed_at).collect();
    let rows = sqlx::query!(
        r#"
        SELECT lower(crash.process) AS process, nullif(machine.site, '') AS site,
            nullif(machine.bios_version, '') AS bios_version
        FROM unnest($1::uuid[], $2::timestamptz[]) AS first (machine_id, crashed_at)
        JOIN crash
            ON crash.machine_id = first.machine_id
            AND crash.crashed_at = first.crashed_at
            AND crash.stop_code = $3
        LEFT JOIN machine ON machine.machine_id = first.machine_id
        "#,
        &machines,
        &times,
        i64::from(stop_code),
    )
    .fetch_all(conn)
    .await?;
    let mut told = ToldOfCases::default();
    for row in rows {
        let told = [
            (&mut told.processes, row.process),
            (&mut told.sites, row.site),
            (&mut told.bios_versions, row.bios_version),
        ];
        for (tally, value) in told {
            if let Some(value) = value {
                *tally.entry(value).or_default() += 1;
            }
        }
    }
    Ok(told)
}

async fn machines(conn: &mut PgConnection) -> Result<u64, Error> {
    let machines = sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM machine"#)
        .fetch_one(conn)
        .await?;
    Ok(machines.unsigned_abs())
}

async fn machines_by_site(conn: &mut PgConnection, sites: &[String]) -> Result<Tally, Error> {
    let rows = sqlx::query!(
        r#"
        SELECT site AS "value!", count(*) AS "machines!" FROM machine WHERE site = ANY($1) GROUP BY site
        "#,
        sites,
    )
    .fetch_all(conn)
    .await?;
    let machines = rows
        .into_iter()
        .map(|row| (row.value, row.machines.unsigned_abs()));
    Ok(machines.collect())
}

async fn machines_by_bios(conn: &mut PgConnection, versions: &[String]) -> Result<Tally, Error> {
    let rows = sqlx::query!(
        r#"
        SELECT bios_version AS "value!", count(*) AS "machines!" FROM machine WHERE bios_version = ANY($1)
        GROUP BY bios_version
        "#,
        versions,
    )
    .fetch_all(conn)
    .await?;
    let machines = rows
        .into_iter()
        .map(|row| (row.value, row.machines.unsigned_abs()));
    Ok(machines.collect())
}
