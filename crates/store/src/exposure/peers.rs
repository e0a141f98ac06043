//! The machines that stand where a machine crashed.

use std::collections::{BTreeSet, HashMap};

use super::Peers;
use super::cases::CountedCrash;
use super::cells::SiteKey;
use super::censor::{Change, Changes};
use super::columns::{Left, Unpacker};
use super::snapshot::Places;
use super::tally::CellDays;

/// The site cells of these cases, each once.
pub(super) fn wanted(cases: &[&CountedCrash]) -> Vec<SiteKey> {
    let keys: BTreeSet<SiteKey> = cases.iter().filter_map(|crash| key(crash)).collect();
    keys.into_iter().collect()
}

/// The site cell that a crash is in.
pub(super) fn key(crash: &CountedCrash) -> Option<SiteKey> {
    let day = crash.day?;
    Some(((day.model_id, day.week), crash.site.clone()?))
}

/// The cells as peers, and their places by cell. Cells of which nothing is left are left out.
pub(super) fn assemble(
    cells: &HashMap<SiteKey, CellDays>,
    cases: &[&CountedCrash],
    changes: &Changes,
    places: &Places,
    unpacker: &mut Unpacker<'_>,
) -> (Vec<Peers>, HashMap<SiteKey, u32>) {
    let mut peers = Vec::new();
    let mut by_cell = HashMap::new();
    for key in wanted(cases) {
        let (Some(cell), Some(stratum)) = (cells.get(&key), places.stratum(key.0)) else {
            continue;
        };
        let is_here = |change: &&Change| {
            let crash = cases.get(change.case);
            crash.is_some_and(|crash| crash.site.as_ref() == Some(&key.1))
        };
        let of_site: Vec<&Change> = changes.to(key.0).filter(is_here).collect();
        let left = unpacker.unpack(cell, of_site.iter().copied());
        if left.machine_days == 0 {
            continue;
        }
        by_cell.insert(key, u32::try_from(peers.len()).unwrap_or(u32::MAX));
        peers.push(Peers {
            stratum,
            machine_days: left.machine_days,
            candidates: candidates(&left, places),
        });
    }
    (peers, by_cell)
}

fn candidates(left: &Left, places: &Places) -> Vec<(u32, u32)> {
    let versions = left.versions.iter();
    let versions = versions.filter_map(|(id, days)| Some((places.version(*id)?, *days)));
    let os_builds = left.os_builds.iter();
    let os_builds = os_builds.filter_map(|(id, days)| Some((places.os_build(*id)?, *days)));
    versions.chain(os_builds).collect()
}
