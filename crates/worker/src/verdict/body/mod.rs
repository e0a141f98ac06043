//! From counts and statistics to the answer of the API.

use attribution::verdict::{self, Verdict, Word};
use store::exposure::{Counts, Facet, FacetKind, Feature, History};
use time::OffsetDateTime;
use wire::StopCodeNumber;
use wire::suspects::{Proof, SharedTrait, Suspects, TraitKind, VerdictWord, Window};

use super::context::{Context, MOST_SUSPECTS};

mod changes;
mod suspect;
mod versions;

/// The whole answer.
pub(super) fn suspects(
    stop_code: u32,
    computed_at: OffsetDateTime,
    counts: &Counts,
    verdict: &Verdict,
    context: &Context,
) -> Suspects {
    let facts = Facts::new(counts, context);
    let proof = proof(verdict, &facts);
    let shown = verdict.suspects.iter().take(MOST_SUSPECTS);
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
        verdict: proof.map_or_else(|| word(verdict.word), |_| VerdictWord::Confirmed),
        none_probability: verdict.none_probability,
        confirmed_by: proof,
        suspects: shown
            .zip(1..)
            .map(|(suspect, rank)| suspect::of(rank, suspect, &facts))
            .collect(),
        shared: context.shared.iter().map(shared).collect(),
    }
}

/// What proves the first suspect guilty. A suspect that is not even associated cannot be proven by one odd dump.
fn proof(verdict: &Verdict, facts: &Facts<'_>) -> Option<Proof> {
    let first = verdict.suspects.first()?;
    if verdict.word < Word::Associated {
        return None;
    }
    let versions = facts.versions_of(first);
    let [version] = versions[..] else {
        return proof_of_run(verdict, facts, first, &versions);
    };
    let evidence = facts.context.direct_evidence.get(&version);
    let dumps = evidence.map_or(0, |evidence| evidence.named_by_windows);
    let rollback = changes::rollback(&facts.history(1).rollback);
    let proofs = [
        (verdict::Proof::NamedByWindows { dumps }, Proof::NamedByWindows),
        (verdict::Proof::Rollback(rollback), Proof::Rollback),
    ];
    let confirms = |proof| verdict::confirm(verdict.word, proof) == Word::Confirmed;
    let found = proofs.iter().find(|(proof, _)| confirms(proof));
    found.map(|(_, told)| *told)
}

/// What proves a run of versions of one driver guilty: that Windows named one of them. Several versions that cannot be
/// told apart are not proven by what names one.
fn proof_of_run(
    verdict: &Verdict,
    facts: &Facts<'_>,
    first: &verdict::Suspect,
    versions: &[i32],
) -> Option<Proof> {
    let verdict::Scope::AtLeast { .. } = first.scope else {
        return None;
    };
    let evidence = versions
        .iter()
        .filter_map(|version| facts.context.direct_evidence.get(version));
    let dumps = evidence.map(|evidence| evidence.named_by_windows).max()?;
    let named = verdict::Proof::NamedByWindows { dumps };
    (verdict::confirm(verdict.word, &named) == Word::Confirmed).then_some(Proof::NamedByWindows)
}

fn shared(facet: &Facet) -> SharedTrait {
    SharedTrait {
        kind: match facet.kind {
            FacetKind::Model => TraitKind::Model,
            FacetKind::OsBuild => TraitKind::OsBuild,
            FacetKind::Process => TraitKind::Process,
            FacetKind::Site => TraitKind::Site,
            FacetKind::BiosVersion => TraitKind::Bios,
        },
        value: facet.value.clone(),
        crashing_machines: facet.crashing_machines,
        share_of_crashing: facet.share,
        share_of_fleet: facet.fleet_share,
    }
}

fn word(word: Word) -> VerdictWord {
    match word {
        Word::TooLittleData => VerdictWord::TooLittleData,
        Word::NoDriverExplainsThis => VerdictWord::NoDriverExplainsThis,
        Word::Associated => VerdictWord::Associated,
        Word::SuspectSet => VerdictWord::SuspectSet,
        Word::LikelyCause => VerdictWord::LikelyCause,
        Word::Confirmed => VerdictWord::Confirmed,
    }
}

/// What an answer is made from, with look-ups by version.
struct Facts<'a> {
    counts: &'a Counts,
    context: &'a Context,
}

impl<'a> Facts<'a> {
    fn new(counts: &'a Counts, context: &'a Context) -> Self {
        Facts { counts, context }
    }

    /// What machines' own histories tell of the suspect at `rank`.
    fn history(&self, rank: u32) -> History {
        self.context.histories.get(&rank).copied().unwrap_or_default()
    }

    fn features<'s>(
        &'s self,
        suspect: &'s attribution::verdict::Suspect,
    ) -> impl Iterator<Item = Feature> + 's {
        let members = suspect.members.iter();
        members.filter_map(|member| {
            let candidate = self.counts.candidates.get(usize::try_from(*member).ok()?)?;
            Some(candidate.feature)
        })
    }

    /// The driver versions of a suspect, as it lists them.
    fn versions_of(&self, suspect: &attribution::verdict::Suspect) -> Vec<i32> {
        let versions = self.features(suspect).filter_map(|feature| match feature {
            Feature::Driver { version, .. } => Some(version),
            Feature::OsBuild(_) => None,
        });
        versions.collect()
    }

    /// The Windows build that a suspect is, or cannot be told apart from.
    fn build_of(&self, suspect: &attribution::verdict::Suspect) -> Option<u32> {
        self.features(suspect).find_map(|feature| match feature {
            Feature::OsBuild(build) => u32::try_from(build).ok(),
            Feature::Driver { .. } => None,
        })
    }

    /// Crashing machines and machine-days of a version in the window.
    fn rate_of(&self, version: i32) -> (u64, u64) {
        let Some(place) = self.counts.version(version) else {
            return (0, 0);
        };
        (self.counts.cases_of(place), self.counts.days_of(place))
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
