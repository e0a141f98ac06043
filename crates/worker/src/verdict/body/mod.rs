//! From counts and statistics to the answer of the API.

use std::cmp::Ordering;

use attribution::{Screen, Screened, Word};
use store::drivers::{VersionDescription, compare_versions};
use store::exposure::{self, Counts};
use time::OffsetDateTime;
use wire::StopCodeNumber;
use wire::suspects::{
    DirectEvidence, PreviousVersion, Suspect, SuspectDriver, Suspects, VerdictWord, Window,
};

use super::context::{Context, MOST_SUSPECTS};

/// The counts as attribution takes them.
pub(super) fn for_screen(counts: &Counts) -> attribution::Counts {
    attribution::Counts {
        strata: counts
            .strata
            .iter()
            .map(|stratum| attribution::Stratum {
                machine_days: number(stratum.machine_days),
            })
            .collect(),
        candidates: counts
            .candidates
            .iter()
            .filter_map(|candidate| {
                Some(attribution::Candidate {
                    id: version_of(candidate)?,
                    machine_days: candidate
                        .machine_days
                        .iter()
                        .map(|(stratum, days)| (*stratum, f64::from(*days)))
                        .collect(),
                })
            })
            .collect(),
        cases: counts
            .cases
            .iter()
            .map(|case| attribution::Case {
                stratum: case.stratum,
                candidates: versions_of(case, counts),
            })
            .collect(),
    }
}

fn version_of(candidate: &exposure::Candidate) -> Option<i32> {
    match candidate.feature {
        exposure::Feature::Driver { version, .. } => Some(version),
        exposure::Feature::OsBuild(_) => None,
    }
}

/// The driver versions of a case, by id.
fn versions_of(case: &exposure::Case, counts: &Counts) -> Vec<i32> {
    let places = case
        .candidates
        .iter()
        .filter_map(|place| usize::try_from(*place).ok());
    let candidates = places.filter_map(|place| counts.candidates.get(place));
    candidates.filter_map(version_of).collect()
}

/// The whole answer.
pub(super) fn suspects(
    stop_code: u32,
    computed_at: OffsetDateTime,
    counts: &Counts,
    screen: &Screen,
    context: &Context,
) -> Suspects {
    let shown = screen.screened.iter().take(MOST_SUSPECTS);
    Suspects {
        stop_code: StopCodeNumber::from_raw(stop_code),
        window: Window {
            from: counts.window.from,
            to: counts.window.to,
        },
        computed_at,
        stale: false,
        crashing_machines: count(counts.cases.len()),
        crashes: counts.crashes,
        machine_days: counts.machine_days,
        crashes_without_exposure: counts.crashes_without_exposure,
        verdict: match screen.word {
            Word::TooLittleData => VerdictWord::TooLittleData,
            Word::NoDriverExplainsThis => VerdictWord::NoDriverExplainsThis,
            Word::Associated => VerdictWord::Associated,
        },
        none_probability: None,
        suspects: shown
            .zip(1..)
            .map(|(screened, rank)| suspect(rank, screened, counts, context))
            .collect(),
    }
}

fn suspect(rank: u32, screened: &Screened, counts: &Counts, context: &Context) -> Suspect {
    let crashing_machines = count(screened.observed);
    Suspect {
        rank,
        drivers: drivers(screened, context),
        probability: None,
        in_credible_set: None,
        ic025: screened.ic025,
        expected_machines: screened.expected,
        rate_ratio: screened.rate_ratio.map(|rate_ratio| rate_ratio.ratio),
        rate_ratio_low: screened.rate_ratio.and_then(|rate_ratio| rate_ratio.low),
        rate_ratio_high: screened.rate_ratio.and_then(|rate_ratio| rate_ratio.high),
        crashing_machines,
        exposed_machines: most(screened, |id| context.exposed_machines.get(&id).copied()),
        machine_days: whole(screened.machine_days),
        crashes_per_1000_machine_days: if screened.machine_days > 0.0 {
            1000.0 * number(crashing_machines) / screened.machine_days
        } else {
            0.0
        },
        previous_version: previous_version(screened, counts, context),
        direct_evidence: direct_evidence(screened, context),
    }
}

fn drivers(screened: &Screened, context: &Context) -> Vec<SuspectDriver> {
    let descriptions = screened.ids.iter().filter_map(|id| context.descriptions.get(id));
    let mut drivers: Vec<SuspectDriver> = descriptions
        .map(|version| SuspectDriver {
            name: version.name.clone(),
            version: version.version.clone(),
            company: version.company.clone(),
            class: version.class.clone(),
            code_ids: version.code_ids.clone(),
        })
        .collect();
    // Drivers of others than Microsoft first: they are what an administrator can change.
    drivers.sort_by_key(|driver| {
        let microsoft = driver
            .company
            .as_deref()
            .is_some_and(|company| company.to_lowercase().contains("microsoft"));
        (microsoft, driver.name.clone())
    });
    drivers
}

/// Inseparable versions have the same machines; they differ only where an inventory came late.
fn most(screened: &Screened, of: impl Fn(i32) -> Option<u64>) -> u64 {
    screened.ids.iter().filter_map(|id| of(*id)).max().unwrap_or(0)
}

fn direct_evidence(screened: &Screened, context: &Context) -> DirectEvidence {
    let most_of = |of: fn(&exposure::DirectEvidence) -> u64| {
        most(screened, |id| context.direct_evidence.get(&id).map(of))
    };
    DirectEvidence {
        named_by_0xcb: most_of(|evidence| evidence.named_by_windows),
        on_trusted_stack: most_of(|evidence| evidence.on_trusted_stack),
        unloaded_at_crash: most_of(|evidence| evidence.unloaded_at_crash),
    }
}

/// The newest version before the suspect's that was in use in the window, of the first driver that has one.
fn previous_version(screened: &Screened, counts: &Counts, context: &Context) -> Option<PreviousVersion> {
    screened.ids.iter().find_map(|id| {
        let suspect = context.descriptions.get(id)?;
        let version = suspect.version.as_deref()?;
        let earlier = context
            .siblings
            .get(&suspect.driver_id)?
            .iter()
            .filter_map(|sibling| {
                let machine_days = machine_days(counts, sibling);
                let earlier = compare_versions(sibling.version.as_deref()?, version) == Ordering::Less;
                (earlier && machine_days > 0).then_some((sibling, machine_days))
            });
        let (previous, machine_days) =
            earlier.max_by(|(one, _), (other, _)| compare_versions(text(one), text(other)))?;
        let crashing_machines = crashing_machines(counts, previous);
        Some(PreviousVersion {
            version: text(previous).to_owned(),
            crashing_machines,
            machine_days,
            rate_upper_bound: exposure::rate_upper_bound(crashing_machines, machine_days)?,
        })
    })
}

fn text(version: &VersionDescription) -> &str {
    version.version.as_deref().unwrap_or_default()
}

fn machine_days(counts: &Counts, version: &VersionDescription) -> u64 {
    let place = counts.version(version.driver_version_id);
    place.map_or(0, |place| counts.days_of(place))
}

fn crashing_machines(counts: &Counts, version: &VersionDescription) -> u64 {
    let had_it = |case: &&exposure::Case| versions_of(case, counts).contains(&version.driver_version_id);
    count(counts.cases.iter().filter(had_it).count())
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "machine-days are far below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a sum of whole, non-negative machine-days far below 2^53"
)]
fn whole(machine_days: f64) -> u64 {
    machine_days as u64
}

#[cfg(test)]
mod tests;
