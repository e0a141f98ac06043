//! Other versions of a suspect's driver: the one before it, and one to go to.

use std::cmp::Ordering;

use store::drivers::{VersionDescription, compare_versions};
use store::exposure::rate_upper_bound;
use wire::suspects::{PreviousVersion, SafeVersion};

use super::Facts;

/// A version is called quiet only if the bound on its rate is below this part of the suspect's rate.
const QUIET: f64 = 0.5;

/// The newest version before the suspect's that was in use in the window, of the first driver that has one.
pub(super) fn previous(versions: &[i32], facts: &Facts<'_>) -> Option<PreviousVersion> {
    versions.iter().find_map(|id| {
        let suspect = facts.context.descriptions.get(id)?;
        let version = suspect.version.as_deref()?;
        let earlier = siblings(suspect, facts)
            .filter(|sibling| compare_versions(text(sibling), version) == Ordering::Less)
            .filter(|sibling| !versions.contains(&sibling.driver_version_id))
            .filter(|sibling| facts.rate_of(sibling.driver_version_id).1 > 0);
        let previous = earlier.max_by(|one, other| compare_versions(text(one), text(other)))?;
        let (crashing_machines, machine_days) = facts.rate_of(previous.driver_version_id);
        Some(PreviousVersion {
            version: text(previous).to_owned(),
            crashing_machines,
            machine_days,
            rate_upper_bound: rate_upper_bound(crashing_machines, machine_days)?,
        })
    })
}

/// The newest other version of the same driver whose rate is known to be well below the suspect's.
///
/// Only for a suspect of one driver: among drivers that cannot be told apart nobody knows which to change.
pub(super) fn safe(versions: &[i32], rate_per_1000: f64, facts: &Facts<'_>) -> Option<SafeVersion> {
    let suspect = facts.context.descriptions.get(versions.first()?)?;
    let one_driver = versions.iter().all(|id| {
        let other = facts.context.descriptions.get(id);
        other.is_some_and(|other| other.driver_id == suspect.driver_id)
    });
    if !one_driver {
        return None;
    }
    let quiet = siblings(suspect, facts)
        .filter(|sibling| !versions.contains(&sibling.driver_version_id))
        .filter_map(|sibling| {
            let (crashing_machines, machine_days) = facts.rate_of(sibling.driver_version_id);
            let bound = rate_upper_bound(crashing_machines, machine_days)?;
            (bound < QUIET * rate_per_1000).then_some((sibling, crashing_machines, machine_days, bound))
        });
    let newest = quiet.max_by(|(one, ..), (other, ..)| compare_versions(text(one), text(other)))?;
    let (version, crashing_machines, machine_days, rate_upper_bound) = newest;
    Some(SafeVersion {
        name: version.name.clone(),
        version: text(version).to_owned(),
        crashing_machines,
        machine_days,
        rate_upper_bound,
    })
}

/// The versions of the same driver whose number is known.
fn siblings<'a>(
    version: &VersionDescription,
    facts: &'a Facts<'_>,
) -> impl Iterator<Item = &'a VersionDescription> + 'a {
    let siblings = facts.context.siblings.get(&version.driver_id);
    siblings
        .into_iter()
        .flatten()
        .filter(|sibling| sibling.version.is_some())
}

fn text(version: &VersionDescription) -> &str {
    version.version.as_deref().unwrap_or_default()
}
