//! Which driver versions are at fault, and the spread that each kind of culprit asks for.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::catalog::day_at;
use super::names::BUNDLES;
use super::{Catalog, CulpritKind, Family, FleetConfig, Origin, VersionId};

/// Programs of the sorts that lock a caller's pages: the first of the list.
const PAGE_LOCKERS: usize = 16;
/// Share of the history after which an OS update is rolled out, in fleets that have one.
pub(super) const OS_UPDATE: f64 = 0.35;

/// Where a driver at fault is installed.
struct Place {
    family: usize,
    /// How many of 1,000 machines have the program; of no meaning for a bundle.
    per_mille: u32,
    ahead_per_mille: u32,
    rollout_from: Option<u32>,
}

impl Place {
    fn of(family: usize, per_mille: u32) -> Self {
        Place {
            family,
            per_mille,
            ahead_per_mille: 600,
            rollout_from: None,
        }
    }
}

/// Picks the versions at fault, the main one first.
pub(super) fn plant(catalog: &mut Catalog, config: &FleetConfig, chance: &mut ChaCha8Rng) -> Vec<VersionId> {
    let is_software = |family: &Family| matches!(family.origin, Origin::Software { .. });
    let first_software = catalog.families.iter().position(is_software).unwrap_or(0);
    let program = first_software + chance.random_range(0..PAGE_LOCKERS);
    let day = |share: f64| Some(day_at(share, config.weeks * 7));
    let place = match config.culprit {
        CulpritKind::None => return Vec::new(),
        CulpritKind::Bundle | CulpritKind::TwoInBundle => Place {
            rollout_from: day(0.25),
            // Of the last eight bundles: those that many models share.
            ..Place::of(first_software - 1 - chance.random_range(0..40), 0)
        },
        CulpritKind::Plain | CulpritKind::Two | CulpritKind::Persistent => {
            Place::of(program, chance.random_range(200..400))
        }
        CulpritKind::Popular => Place {
            ahead_per_mille: 970,
            ..Place::of(program, chance.random_range(570..980))
        },
        CulpritKind::Rare => Place::of(program, chance.random_range(8..40)),
        CulpritKind::Staged => Place {
            rollout_from: day(0.2),
            ..Place::of(program, chance.random_range(320..450))
        },
        CulpritKind::WithOsUpdate => Place {
            rollout_from: day(OS_UPDATE),
            ..Place::of(program, 970)
        },
    };
    spread(catalog, &place);
    catalog.families[place.family].with_os = config.culprit == CulpritKind::WithOsUpdate;
    let mut planted = newest(catalog, place.family);
    match config.culprit {
        CulpritKind::Two => {
            let step = chance.random_range(1..PAGE_LOCKERS);
            let other = first_software + (program - first_software + step) % PAGE_LOCKERS;
            spread(catalog, &Place::of(other, chance.random_range(200..400)));
            planted.extend(newest(catalog, other));
        }
        CulpritKind::TwoInBundle => {
            // The next of the five, in a ring.
            let first = place.family - (place.family + 5 * BUNDLES.len() - first_software) % 5;
            let mate = first + (place.family - first + chance.random_range(1..5)) % 5;
            planted.extend(newest(catalog, mate));
        }
        CulpritKind::Persistent => planted.insert(0, catalog.families[place.family].versions[1]),
        _ => (),
    }
    planted
}

fn newest(catalog: &Catalog, family: usize) -> Vec<VersionId> {
    let versions = &catalog.families[family].versions;
    versions.last().copied().into_iter().collect()
}

fn spread(catalog: &mut Catalog, place: &Place) {
    let families = &mut catalog.families;
    if let Origin::Bundle(bundle) = families[place.family].origin {
        let mates = families
            .iter_mut()
            .filter(|family| family.origin == Origin::Bundle(bundle));
        mates.for_each(|family| family.rollout_from = place.rollout_from);
        return;
    }
    let family = &mut families[place.family];
    family.origin = Origin::Software {
        per_mille: place.per_mille,
    };
    family.rollout_from = place.rollout_from;
    family.ahead_per_mille = place.ahead_per_mille;
}
