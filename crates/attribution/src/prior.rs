//! How suspicious a candidate is before any count is looked at.
//!
//! Third-party drivers are to blame far more often than those of Windows, and what changed lately more often than what
//! has been there for months. Weights are relative; all together weigh as much as "no driver explains this".

use crate::counts::{Candidate, Feature, Origin};
use crate::tally::{Tally, index};
use crate::verdict::Scope;

/// A step "version ≥ Y" against the version Y alone.
const STEP_WEIGHT: f64 = 0.2;

/// What all in-box drivers of one group weigh together at most: they are shipped, and break, as one.
const IN_BOX_TOGETHER: f64 = 1.0;

/// The weight of one candidate.
fn weight(candidate: &Candidate) -> f64 {
    let origin = match candidate.origin {
        Origin::ThirdParty => 3.0,
        Origin::Unknown => 1.0,
        Origin::InBox => 1.0 / 3.0,
    };
    if candidate.changed_recently {
        3.0 * origin
    } else {
        origin
    }
}

/// The weight of each member of a group of candidates that cannot be told apart, in their order.
///
/// Of a step's versions only the first counts: what came with it is what is suspected.
pub(crate) fn weights(tally: &Tally<'_>, scope: Scope, members: &[u32]) -> Vec<f64> {
    let candidates = || {
        members
            .iter()
            .map(|member| &tally.counts.candidates[index(*member)])
    };
    let own = |candidate: &Candidate| match (scope, candidate.feature) {
        (Scope::AtLeast { order: from, .. }, Feature::Driver { order, .. }) if order == from => {
            STEP_WEIGHT * weight(candidate)
        }
        (Scope::AtLeast { .. }, _) => 0.0,
        (Scope::Version | Scope::OsBuild(_), _) => weight(candidate),
    };
    let in_box = |candidate: &Candidate| {
        candidate.origin == Origin::InBox && matches!(candidate.feature, Feature::Driver { .. })
    };
    let together: f64 = candidates().filter(|candidate| in_box(candidate)).map(own).sum();
    let share = (IN_BOX_TOGETHER / together).min(1.0);
    candidates()
        .map(|candidate| own(candidate) * if in_box(candidate) { share } else { 1.0 })
        .collect()
}
