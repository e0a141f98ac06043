//! Who is guilty in a fleet, and whether an accusation meets them.

use std::collections::BTreeMap;

use attribution::counts::{Counts, Feature};
use attribution::verdict::{Scope, Suspect};
use synth::fleet::Fleet;

use super::tally::signed;

/// One guilty driver with its guilty versions.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Guilty {
    driver: i32,
    versions: Vec<i32>,
    /// Rank of the oldest of them among the driver's versions.
    order: u32,
}

/// The guilty drivers of a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Truth(Vec<Guilty>);

impl Truth {
    pub(crate) fn of(fleet: &Fleet) -> Self {
        let mut guilty: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for version in &fleet.guilty {
            let family = fleet.catalog.version(*version).family;
            guilty.entry(family).or_default().push(version.index());
        }
        let guilty = guilty.into_iter().map(|(family, versions)| {
            let versions_of_family = &fleet.catalog.families[family].versions;
            let order = versions_of_family
                .iter()
                .position(|id| versions.contains(&id.index()));
            Guilty {
                driver: signed(family),
                versions: versions.into_iter().map(signed).collect(),
                order: order.and_then(|order| u32::try_from(order).ok()).unwrap_or(0),
            }
        });
        Truth(guilty.collect())
    }

    /// How many drivers are guilty.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Which guilty driver a suspect is.
    ///
    /// A run of versions has to begin at the oldest guilty one: a longer run accuses innocent versions. Of candidates
    /// that cannot be told apart one has to be guilty.
    pub(crate) fn met_by(&self, counts: &Counts, suspect: &Suspect) -> Option<usize> {
        match suspect.scope {
            Scope::AtLeast { driver, order } => {
                let same = |guilty: &Guilty| guilty.driver == driver && guilty.order == order;
                self.0.iter().position(same)
            }
            Scope::Version | Scope::OsBuild(_) => self.met_by_any(counts, &suspect.members),
        }
    }

    /// Which guilty driver is among candidates that cannot be told apart.
    pub(crate) fn met_by_any(&self, counts: &Counts, members: &[u32]) -> Option<usize> {
        let features = members
            .iter()
            .filter_map(|member| counts.candidates.get(*member as usize));
        let mut versions = features.filter_map(|candidate| match candidate.feature {
            Feature::Driver { version, .. } => Some(version),
            Feature::OsBuild(_) => None,
        });
        versions.find_map(|version| {
            self.0
                .iter()
                .position(|guilty| guilty.versions.contains(&version))
        })
    }
}
