//! Other versions of a suspect's driver: the one before it, and one to go to.

use std::cmp::Ordering;

use attribution::verdict::Suspect;
use store::drivers::{VersionDescription, compare_versions};
use store::exposure::rate_upper_bound;
use wire::suspects::{PreviousVersion, SafeVersion};

use super::Facts;

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
pub(super) fn safe(suspect: &Suspect, versions: &[i32], facts: &Facts<'_>) -> Option<SafeVersion> {
    let driver = |id: &i32| Some(facts.context.descriptions.get(id)?.driver_id);
    let first = versions.first()?;
    if versions.iter().any(|other| driver(other) != driver(first)) {
        return None;
    }
    let place = facts.counts.version(*first)?;
    let safe = facts.counts.safe_version(place, &suspect.members)?;
    let version = siblings(facts.context.descriptions.get(first)?, facts)
        .find(|sibling| sibling.driver_version_id == safe.driver_version_id)?;
    Some(SafeVersion {
        name: version.name.clone(),
        version: text(version).to_owned(),
        crashing_machines: safe.crashing_machines,
        machine_days: safe.machine_days,
        rate_upper_bound: safe.rate_upper_bound,
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
