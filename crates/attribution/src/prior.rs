//! How suspicious a candidate is before any count is looked at.
//!
//! A driver has one weight however many versions of it there are: 3 from outside Windows, ⅓ from Windows, 1 if nobody
//! knows. Half of it is its newest version's, the other versions share the other half; what appeared lately weighs
//! double. A fifth more is for the steps "version ≥ Y". An OS build weighs 1. What "no driver explains
//! this" weighs against all of them together is for [`posterior`](crate::posterior).

use crate::column::Unit;
use crate::counts::{Candidate, Feature, Origin};
use crate::tally::{Tally, index};
use crate::verdict::Scope;

/// What the newest version has of its driver's weight.
const NEWEST: f64 = 0.5;

/// What all steps of a driver have together, beside its versions.
const STEPS: f64 = 0.2;

/// How much more suspicious it is to be new in the fleet.
const RECENT: f64 = 2.0;

/// What all in-box drivers of one group weigh together at most: they are shipped, and break, as one.
const IN_BOX_TOGETHER: f64 = 1.0;

/// Weights of all candidates.
pub(crate) struct Priors {
    /// As a version or build of its own.
    own: Vec<f64>,
    /// As the first version of a step.
    first: Vec<f64>,
}

impl Priors {
    pub(crate) fn of(tally: &Tally<'_>, units: &[Unit]) -> Self {
        let nothing = vec![0.0; tally.counts.candidates.len()];
        let mut priors = Priors {
            own: nothing.clone(),
            first: nothing,
        };
        for unit in units {
            priors.share_out(tally, unit);
        }
        priors
    }

    /// Shares a unit's weight out among its versions, which are in ascending order.
    fn share_out(&mut self, tally: &Tally<'_>, unit: &[u32]) {
        let candidate = |number: &u32| &tally.counts.candidates[index(*number)];
        let order = |number: &u32| order(candidate(number));
        let newest = unit.last().map(order);
        let newest_from = unit.partition_point(|number| Some(order(number)) < newest);
        let (superseded, latest) = unit.split_at(newest_from);
        let newest_share = if superseded.is_empty() { 1.0 } else { NEWEST };
        for (versions, share) in [(superseded, 1.0 - newest_share), (latest, newest_share)] {
            for number in versions {
                let weight = weight(candidate(number));
                self.own[index(*number)] = weight * share / count(versions);
                self.first[index(*number)] = weight * STEPS / count(superseded).max(1.0);
            }
        }
    }

    /// The weight of each member of a group of candidates that cannot be told apart, in their order.
    ///
    /// Of a step's versions only the first counts: what came with it is what is suspected.
    pub(crate) fn of_group(&self, tally: &Tally<'_>, scope: Scope, members: &[u32]) -> Vec<f64> {
        let candidate = |member: u32| &tally.counts.candidates[index(member)];
        let weight = |member: u32| match scope {
            Scope::Version | Scope::OsBuild(_) => self.own[index(member)],
            Scope::AtLeast { order: from, .. } if order(candidate(member)) == from => {
                self.first[index(member)]
            }
            Scope::AtLeast { .. } => 0.0,
        };
        let in_box = |member: u32| {
            let candidate = candidate(member);
            candidate.origin == Origin::InBox && matches!(candidate.feature, Feature::Driver { .. })
        };
        let of_windows = members.iter().filter(|member| in_box(**member));
        let together: f64 = of_windows.map(|member| weight(*member)).sum();
        let share = (IN_BOX_TOGETHER / together).min(1.0);
        let shared = |member: u32| weight(member) * if in_box(member) { share } else { 1.0 };
        members.iter().map(|member| shared(*member)).collect()
    }
}

/// The weight of a candidate's driver, as far as this version of it goes.
fn weight(candidate: &Candidate) -> f64 {
    let origin = match (candidate.feature, candidate.origin) {
        (Feature::OsBuild(_), _) | (_, Origin::Unknown) => 1.0,
        (_, Origin::ThirdParty) => 3.0,
        (_, Origin::InBox) => 1.0 / 3.0,
    };
    if candidate.changed_recently {
        RECENT * origin
    } else {
        origin
    }
}

fn order(candidate: &Candidate) -> u32 {
    match candidate.feature {
        Feature::Driver { order, .. } => order,
        Feature::OsBuild(_) => 0,
    }
}

fn count(versions: &[u32]) -> f64 {
    crate::numerics::as_number(versions.len())
}
