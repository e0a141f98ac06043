//! Putting the counts together, from one snapshot of the database.

use std::collections::{BTreeMap, HashMap};

use sqlx::PgConnection;

use super::cases::{self, CountedCrash};
use super::cells::{self, Weeks};
use super::censor::{Changes, StratumKey};
use super::columns::{Columns, Unpacker};
use super::tally::CellDays;
use super::{Candidate, Case, Counts, Feature, Stratum, candidates, naming, peers};
use crate::driver_sets::Merges;
use crate::{Error, MachineId, Window};

/// Counts in the caller's transaction, which has a snapshot of its own.
pub(super) async fn counts(conn: &mut PgConnection, stop_code: u32, window: Window) -> Result<Counts, Error> {
    let crashes = cases::crashes(conn, Some(stop_code), window).await?;
    let first = first_of_each(&crashes);
    let versions = cases::versions(conn, &first).await?;
    let changes = Changes::of(conn, &first, window).await?;
    let merges = Merges::load(conn).await?;
    let weeks = Weeks::of(conn, window).await?;
    let cells = cells::of_models(conn, window, &weeks, &merges).await?;
    let site_cells = cells::of_sites(conn, window, &weeks, &merges, &peers::wanted(&first)).await?;

    let mut unpacker = Unpacker::new(&merges, &changes, &versions);
    let (strata, columns) = columns(cells, &changes, &mut unpacker);
    let naming = naming::elsewhere(conn, stop_code, window, &merges).await?;
    let candidates = candidates::describe(conn, columns.into_parts(), &naming, &strata, window).await?;
    let places = Places::of(&strata, &candidates);
    let (peers, peers_by_cell) = peers::assemble(&site_cells, &first, &changes, &places, &mut unpacker);
    let named = naming::named(conn, &first).await?;
    let cases = first.iter().zip(&versions).filter_map(|(crash, versions)| {
        let mut case = places.case(crash, versions, named.get(&crash.id).map_or(&[], Vec::as_slice))?;
        case.peers = peers::key(crash).and_then(|cell| peers_by_cell.get(&cell).copied());
        Some(case)
    });
    Ok(Counts {
        window,
        cases: cases.collect(),
        candidates,
        peers,
        crashes: count(crashes.len()),
        crashes_without_exposure: count(crashes.iter().filter(|crash| crash.day.is_none()).count()),
        machine_days: strata.iter().map(|stratum| stratum.machine_days).sum(),
        strata,
    })
}

/// The first crash with exposure of each machine, by machine.
fn first_of_each(crashes: &[CountedCrash]) -> Vec<&CountedCrash> {
    let mut first: BTreeMap<MachineId, &CountedCrash> = BTreeMap::new();
    for crash in crashes.iter().filter(|crash| crash.day.is_some()) {
        first.entry(crash.machine).or_insert(crash);
    }
    first.into_values().collect()
}

/// The strata with days, by model and week, and who had what in them.
fn columns(
    cells: HashMap<StratumKey, CellDays>,
    changes: &Changes,
    unpacker: &mut Unpacker<'_>,
) -> (Vec<Stratum>, Columns) {
    let mut strata: Vec<Stratum> = Vec::new();
    let mut columns = Columns::default();
    let cells: BTreeMap<StratumKey, CellDays> = cells.into_iter().collect();
    for ((model_id, week), cell) in cells {
        let of_stratum: Vec<_> = changes.to((model_id, week)).collect();
        let left = unpacker.unpack(&cell, of_stratum.into_iter());
        if left.machine_days == 0 {
            continue;
        }
        columns.append(u32::try_from(strata.len()).unwrap_or(u32::MAX), &left);
        strata.push(Stratum {
            model_id,
            week,
            machine_days: left.machine_days,
        });
    }
    (strata, columns)
}

/// Where strata and candidates are in their lists.
pub(super) struct Places {
    strata: HashMap<StratumKey, u32>,
    versions: HashMap<i32, u32>,
    os_builds: HashMap<i32, u32>,
}

impl Places {
    fn of(strata: &[Stratum], candidates: &[Candidate]) -> Self {
        let keys = strata.iter().map(|stratum| (stratum.model_id, stratum.week));
        let mut places = Places {
            strata: keys.zip(0..).collect(),
            versions: HashMap::new(),
            os_builds: HashMap::new(),
        };
        for (candidate, place) in candidates.iter().zip(0..) {
            match candidate.feature {
                Feature::Driver { version, .. } => places.versions.insert(version, place),
                Feature::OsBuild(os_build) => places.os_builds.insert(os_build, place),
            };
        }
        places
    }

    pub(super) fn stratum(&self, key: StratumKey) -> Option<u32> {
        self.strata.get(&key).copied()
    }

    pub(super) fn version(&self, id: i32) -> Option<u32> {
        self.versions.get(&id).copied()
    }

    pub(super) fn os_build(&self, os_build: i32) -> Option<u32> {
        self.os_builds.get(&os_build).copied()
    }

    /// A crash as a case, without its peers. `named` may name what it did not have; that is left out.
    fn case(&self, crash: &CountedCrash, versions: &[i32], named: &[i32]) -> Option<Case> {
        let day = crash.day?;
        let mut candidates: Vec<u32> = versions.iter().filter_map(|id| self.version(*id)).collect();
        candidates.extend(crash.os_build().and_then(|os_build| self.os_build(os_build)));
        candidates.sort_unstable();
        let mut named: Vec<u32> = named.iter().filter_map(|id| self.version(*id)).collect();
        named.retain(|place| candidates.binary_search(place).is_ok());
        named.sort_unstable();
        Some(Case {
            machine: crash.machine,
            crashed_at: crash.crashed_at,
            stratum: self.stratum((day.model_id, day.week))?,
            peers: None,
            candidates,
            named: crash.was_read.then_some(named),
        })
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
