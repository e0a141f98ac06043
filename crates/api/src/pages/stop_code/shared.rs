//! What the crashing machines have in common besides drivers.

use wire::suspects::{SharedTrait, TraitKind};

use crate::pages::show;

/// Rows of each kind.
const MOST_ROWS: usize = 6;

/// From this multiple of its share of the fleet on, a trait is marked.
const MARKED: f64 = 2.0;

/// From so many crashing machines on, a trait can be marked.
const FEWEST_MARKED: u64 = 5;

/// The traits of one kind.
pub(super) struct SharedTraits {
    pub(super) title: &'static str,
    /// Whether their share of the fleet is known.
    pub(super) has_fleet: bool,
    pub(super) rows: Vec<TraitRow>,
}

pub(super) struct TraitRow {
    pub(super) value: String,
    pub(super) machines: String,
    pub(super) of_crashing: String,
    pub(super) of_fleet: String,
    /// How many times its share of the fleet, if that is much.
    pub(super) excess: Option<String>,
}

/// The traits, kind by kind; kinds of which nothing is known are left out.
pub(super) fn of(shared: &[SharedTrait]) -> Vec<SharedTraits> {
    const KINDS: [(TraitKind, &str); 5] = [
        (TraitKind::Model, "Hardware model"),
        (TraitKind::OsBuild, "Windows build"),
        (TraitKind::Process, "Process at the crash"),
        (TraitKind::Site, "Site"),
        (TraitKind::Bios, "BIOS version"),
    ];
    let kinds = KINDS.into_iter().map(|(kind, title)| {
        let of_kind: Vec<&SharedTrait> = shared.iter().filter(|one| one.kind == kind).collect();
        SharedTraits {
            title,
            has_fleet: of_kind.iter().any(|one| one.share_of_fleet.is_some()),
            rows: of_kind.into_iter().take(MOST_ROWS).map(row).collect(),
        }
    });
    kinds.filter(|kind| !kind.rows.is_empty()).collect()
}

fn row(one: &SharedTrait) -> TraitRow {
    let excess = one
        .share_of_fleet
        .filter(|share| *share > 0.0 && one.crashing_machines >= FEWEST_MARKED)
        .map(|share| one.share_of_crashing / share)
        .filter(|excess| *excess >= MARKED);
    TraitRow {
        value: one.value.clone(),
        machines: show::count(one.crashing_machines),
        of_crashing: show::percent(one.share_of_crashing),
        of_fleet: one.share_of_fleet.map(show::percent).unwrap_or_default(),
        excess: excess.map(|excess| format!("{}×", show::ratio(excess))),
    }
}
