//! The store's counts against the slow ones, while the same history comes late, twice and out of order.

use std::collections::{BTreeMap, HashMap};

use sqlx::PgConnection;
use store::exposure::{self, Counts, Feature};
use store::import::{self as bulk, Line, NumberedLine, Session};
use time::Duration;

use super::truth::{self, Cell, Chance, Told, WINDOW};
use super::{NOW, connection};

/// Names of things by the ids that counts have.
struct Names {
    versions: HashMap<i32, String>,
    models: HashMap<i32, String>,
}

impl Names {
    async fn load(conn: &mut PgConnection) -> Self {
        let versions: Vec<(i32, String, Option<String>)> = sqlx::query_as(
            "SELECT driver_version.id, name, version FROM driver_version JOIN driver ON driver.id = driver_id",
        )
        .fetch_all(&mut *conn)
        .await
        .unwrap();
        let versions = versions.into_iter().map(|(id, name, version)| {
            let version = version.as_deref().unwrap_or("?");
            (id, format!("{name} {version}"))
        });
        let models: Vec<(i32, String)> = sqlx::query_as("SELECT id, model FROM hardware_model")
            .fetch_all(conn)
            .await
            .unwrap();
        Names {
            versions: versions.collect(),
            models: models.into_iter().collect(),
        }
    }

    fn feature(&self, feature: Feature) -> String {
        match feature {
            Feature::Driver { version, .. } => self.versions[&version].clone(),
            Feature::OsBuild(os_build) => format!("build {os_build}"),
        }
    }

    /// Counts in the words of the truth; sites' cells are compared by [`assert_peers`].
    fn told(&self, counts: &Counts) -> Told {
        let mut told = Told {
            crashes: counts.crashes,
            without_exposure: counts.crashes_without_exposure,
            ..Told::default()
        };
        let cells: Vec<Cell> = counts
            .strata
            .iter()
            .map(|stratum| {
                (
                    self.models[&stratum.model_id.unwrap()].clone(),
                    stratum.week,
                    None,
                )
            })
            .collect();
        for (cell, stratum) in cells.iter().zip(&counts.strata) {
            told.machine_days.insert(cell.clone(), stratum.machine_days);
        }
        for candidate in &counts.candidates {
            for (stratum, days) in &candidate.machine_days {
                let key = (cells[place(*stratum)].clone(), self.feature(candidate.feature));
                told.features.insert(key, u64::from(*days));
            }
        }
        for case in &counts.cases {
            let had = case.candidates.iter().map(|had| &counts.candidates[place(*had)]);
            let had = had.map(|candidate| self.feature(candidate.feature)).collect();
            told.cases
                .insert(case.machine, (cells[place(case.stratum)].clone(), had));
        }
        told
    }
}

fn place(index: u32) -> usize {
    usize::try_from(index).unwrap()
}

/// Every case of a machine with a site has its site's machines, and they are counted right.
fn assert_peers(names: &Names, counts: &Counts, truth: &Told) {
    for case in &counts.cases {
        let (cell, _) = &truth.cases[&case.machine];
        let site = &truth.sites[&case.machine];
        let Some(peers) = case.peers.map(|peers| &counts.peers[place(peers)]) else {
            assert_eq!(site, &None);
            continue;
        };
        assert_eq!(peers.stratum, case.stratum);
        let cell: Cell = (cell.0.clone(), cell.1, site.clone());
        assert_eq!(peers.machine_days, truth.machine_days[&cell]);
        let told: BTreeMap<String, u64> = peers
            .candidates
            .iter()
            .map(|(candidate, days)| {
                let feature = counts.candidates[place(*candidate)].feature;
                (names.feature(feature), u64::from(*days))
            })
            .collect();
        let of_cell = truth.features.iter().filter(|((of, _), _)| *of == cell);
        let right: BTreeMap<String, u64> = of_cell
            .map(|((_, feature), days)| (feature.clone(), *days))
            .collect();
        assert_eq!(told, right);
    }
}

async fn import(conn: &mut PgConnection, lines: &[Line], minute: i64) {
    let numbered = (1..).zip(lines.iter().cloned());
    let lines = numbered.map(|(number, line)| NumberedLine {
        number,
        line: Ok(line),
    });
    let now = NOW + Duration::minutes(minute);
    let applied = bulk::apply(conn, &mut Session::default(), lines.collect(), now)
        .await
        .unwrap();
    assert_eq!(applied.rejected, []);
}

async fn assert_counts(conn: &mut PgConnection, lines: &[Line], is_named: bool) {
    let names = Names::load(conn).await;
    let counts = exposure::counts(conn, 0x76, WINDOW).await.unwrap();
    let truth = truth::count(lines, is_named);
    assert_peers(&names, &counts, &truth);
    assert_eq!(names.told(&counts), truth.of_models());
}

/// History comes in parts and out of order; between them, weeks are rolled up or not. The counts are right each time.
async fn play(seed: u64) {
    let mut conn = connection().await;
    let mut chance = Chance(seed);
    import(&mut conn, &truth::machine_lines(), 0).await;
    let history = truth::history(&mut chance);
    let mut told = Vec::new();
    let mut minute = 0;
    let mut rolled_up = 0;
    for part in history.chunks(history.len() / 4) {
        import(&mut conn, part, minute).await;
        told.extend_from_slice(part);
        if chance.below(3) > 0 {
            minute += 10;
            let now = NOW + Duration::minutes(minute);
            rolled_up += exposure::roll_up_due(&mut conn, now).await.unwrap().len();
        }
        assert_counts(&mut conn, &told, false).await;
    }
    let last = NOW + Duration::minutes(minute + 10);
    rolled_up += exposure::roll_up_due(&mut conn, last).await.unwrap().len();
    assert!(
        rolled_up > 7,
        "weeks are rolled up, and again after changes: {rolled_up}"
    );
    assert_counts(&mut conn, &told, false).await;
    told.push(truth::naming_line());
    import(&mut conn, &told[told.len() - 1..], minute).await;
    assert_counts(&mut conn, &told, true).await;
    // The same lines again change nothing.
    import(&mut conn, &told, minute + 20).await;
    assert_counts(&mut conn, &told, true).await;
}

#[tokio::test]
async fn counts_are_those_of_the_slow_way_whatever_was_rolled_up_and_came_late() {
    for seed in 1..=6 {
        play(seed).await;
    }
}
