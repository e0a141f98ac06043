//! The counts of the store as attribution takes them: the same numbers under attribution's own types.

use attribution::counts::{Candidate, Case, Counts, Feature, Naming, Origin, Peers, Stratum};
use store::exposure;

/// The counts as attribution takes them; all indices stay the same.
pub(super) fn of(counts: &exposure::Counts) -> Counts {
    Counts {
        strata: counts.strata.iter().map(stratum).collect(),
        candidates: counts.candidates.iter().map(candidate).collect(),
        cases: counts.cases.iter().map(case).collect(),
        peers: counts.peers.iter().map(peers).collect(),
    }
}

fn stratum(stratum: &exposure::Stratum) -> Stratum {
    Stratum {
        model: stratum.model_id.unwrap_or(-1),
        // Mondays, so that consecutive weeks are consecutive numbers.
        week: stratum.week.to_julian_day().div_euclid(7),
        machine_days: number(stratum.machine_days),
    }
}

fn candidate(candidate: &exposure::Candidate) -> Candidate {
    Candidate {
        feature: feature(candidate.feature),
        origin: match candidate.origin {
            exposure::Origin::ThirdParty => Origin::ThirdParty,
            exposure::Origin::InBox => Origin::InBox,
            exposure::Origin::Unknown => Origin::Unknown,
        },
        changed_recently: candidate.changed_recently,
        machine_days: days(&candidate.machine_days),
        named_elsewhere: Naming {
            named: candidate.named_elsewhere.named,
            dumps: candidate.named_elsewhere.dumps,
        },
    }
}

fn feature(feature: exposure::Feature) -> Feature {
    match feature {
        exposure::Feature::Driver {
            version,
            driver,
            order: Some(order),
        } => Feature::Driver {
            version,
            driver,
            order,
        },
        // Nobody knows which versions an undescribed image lies between: it is a family of its own.
        exposure::Feature::Driver {
            version,
            driver: _,
            order: None,
        } => Feature::Driver {
            version,
            driver: version.saturating_neg(),
            order: 0,
        },
        exposure::Feature::OsBuild(build) => Feature::OsBuild(build),
    }
}

fn case(case: &exposure::Case) -> Case {
    Case {
        stratum: case.stratum,
        peers: case.peers,
        candidates: case.candidates.clone(),
        named: case.named.clone(),
    }
}

fn peers(peers: &exposure::Peers) -> Peers {
    Peers {
        stratum: peers.stratum,
        machine_days: number(peers.machine_days),
        candidates: days(&peers.candidates),
    }
}

fn days(days: &[(u32, u32)]) -> Vec<(u32, f64)> {
    days.iter()
        .map(|(place, days)| (*place, f64::from(*days)))
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "machine-days are far below 2^53")]
fn number(days: u64) -> f64 {
    days as f64
}
