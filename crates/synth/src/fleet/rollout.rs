//! Which version of a driver a machine has, and from which day.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Family, Ring, VersionId};

/// How a machine moves through a driver's versions: the one it starts with, and the newest from a day on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Course {
    pub(super) first: VersionId,
    pub(super) update: Option<(usize, VersionId)>,
}

/// What a machine does with all updates of one package: whether it starts behind, whether it holds back, its delay.
///
/// One draw serves all drivers of a bundle, so that they are updated together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habit {
    behind: bool,
    /// How far behind it is where nothing new comes: has the newest version if below the driver's share.
    behind_rank: f64,
    holds_back: bool,
    jitter: usize,
}

impl Habit {
    pub(super) fn draw(chance: &mut ChaCha8Rng) -> Self {
        Habit {
            behind: chance.random_bool(0.25),
            behind_rank: chance.random_range(0.0..1.0),
            holds_back: chance.random_bool(0.12),
            jitter: chance.random_range(0..6),
        }
    }
}

/// The course of one driver on one machine.
///
/// A driver that gets no update during the history is at its newest version on most machines all along.
pub(super) fn course(family: &Family, ring: Ring, habit: Habit) -> Course {
    let [old, current, newest] = [0, 1, 2].map(|index| family.versions[index]);
    let first = if habit.behind { old } else { current };
    match family.rollout_from {
        None if habit.behind_rank * 1000.0 < f64::from(family.ahead_per_mille) => Course {
            first: newest,
            update: None,
        },
        _ => Course {
            first,
            update: update(family, ring, habit),
        },
    }
}

/// The course of a driver of Windows: the version of the build, and that of the newest build once it is rolled out.
pub(super) fn course_of_in_box(family: &Family, build: usize, ring: Ring, habit: Option<Habit>) -> Course {
    Course {
        first: family.versions[build],
        update: habit.and_then(|habit| update(family, ring, habit)),
    }
}

/// The day on which the machine gets the newest version, if one comes and it does not hold back.
fn update(family: &Family, ring: Ring, habit: Habit) -> Option<(usize, VersionId)> {
    let from = family.rollout_from.filter(|_| !habit.holds_back)? as usize;
    let newest = *family.versions.last()?;
    Some((from + ring.delay_days() + habit.jitter, newest))
}
