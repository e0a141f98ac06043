//! One suspect of the answer.

use attribution::verdict::{self, Scope};
use store::exposure;
use wire::suspects::{DirectEvidence, Suspect, SuspectDriver, SuspectScope};

use super::{Facts, changes, count, versions};

/// The suspect at `rank`.
pub(super) fn of(rank: u32, suspect: &verdict::Suspect, facts: &Facts<'_>) -> Suspect {
    let ids = facts.versions_of(suspect);
    let crashing_machines = count(suspect.observed);
    let rate = if suspect.machine_days > 0.0 {
        1000.0 * number(crashing_machines) / suspect.machine_days
    } else {
        0.0
    };
    let history = facts.history(rank);
    Suspect {
        rank,
        scope: match suspect.scope {
            Scope::Version => SuspectScope::Version,
            Scope::AtLeast { .. } => SuspectScope::VersionOrLater,
            Scope::OsBuild(_) => SuspectScope::OsBuild,
        },
        os_build: facts.build_of(suspect),
        culprit: suspect.effect.and_then(|effect| u32::try_from(effect + 1).ok()),
        drivers: drivers(&ids, suspect.scope, facts),
        probability: Some(suspect.probability),
        in_credible_set: Some(suspect.in_credible_set),
        ic025: suspect.ic025,
        expected_machines: suspect.expected,
        rate_ratio: suspect.rate_ratio.map(|ratio| ratio.ratio),
        rate_ratio_low: suspect.rate_ratio.and_then(|ratio| ratio.low),
        rate_ratio_high: suspect.rate_ratio.and_then(|ratio| ratio.high),
        crashing_machines,
        exposed_machines: history.machines,
        machine_days: whole(suspect.machine_days),
        crashes_per_1000_machine_days: rate,
        previous_version: versions::previous(&ids, facts),
        safe_version: versions::safe(suspect, &ids, facts),
        before_after: changes::came(&history.switchers),
        rollback: changes::went(&history.rollback),
        direct_evidence: direct_evidence(&ids, facts),
    }
}

/// A run of versions ascends; of others, those come first that an administrator can change: not Microsoft's.
fn drivers(ids: &[i32], scope: Scope, facts: &Facts<'_>) -> Vec<SuspectDriver> {
    let descriptions = ids.iter().filter_map(|id| facts.context.descriptions.get(id));
    let mut descriptions: Vec<_> = descriptions.collect();
    if let Scope::AtLeast { .. } = scope {
        descriptions.sort_by(|one, other| {
            let [one, other] = [one, other].map(|version| version.version.as_deref().unwrap_or_default());
            store::drivers::compare_versions(one, other)
        });
    } else {
        descriptions.sort_by_key(|version| {
            let company = version.company.as_deref().unwrap_or_default();
            (company.to_lowercase().contains("microsoft"), version.name.clone())
        });
    }
    let drivers = descriptions.into_iter().map(|version| SuspectDriver {
        name: version.name.clone(),
        version: version.version.clone(),
        company: version.company.clone(),
        class: version.class.clone(),
        code_ids: version.code_ids.clone(),
    });
    drivers.collect()
}

/// Inseparable versions have the same crashes; they differ only where an inventory came late.
fn direct_evidence(ids: &[i32], facts: &Facts<'_>) -> DirectEvidence {
    let most = |of: fn(&exposure::DirectEvidence) -> u64| {
        let evidence = ids.iter().filter_map(|id| facts.context.direct_evidence.get(id));
        evidence.map(of).max().unwrap_or(0)
    };
    DirectEvidence {
        named_by_0xcb: most(|evidence| evidence.named_by_windows),
        on_trusted_stack: most(|evidence| evidence.on_trusted_stack),
        unloaded_at_crash: most(|evidence| evidence.unloaded_at_crash),
    }
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
