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
    ahead: bool,
    holds_back: bool,
    jitter: usize,
}

impl Habit {
    pub(super) fn draw(chance: &mut ChaCha8Rng) -> Self {
        Habit {
            behind: chance.random_bool(0.25),
            ahead: chance.random_bool(0.6),
            holds_back: chance.random_bool(0.12),
            jitter: chance.random_range(0..6),
        }
    }
}

/// The course of one driver on one machine.
///
/// A driver that gets no update during the history is at its newest version on three machines in five.
pub(super) fn course(family: &Family, ring: Ring, habit: Habit) -> Course {
    let [old, current, newest] = [0, 1, 2].map(|index| family.versions[index]);
    let first = if habit.behind { old } else { current };
    match family.rollout_from {
        None if habit.ahead => Course {
            first: newest,
            update: None,
        },
        Some(from) if !habit.holds_back => Course {
            first,
            update: Some((from as usize + ring.delay_days() + habit.jitter, newest)),
        },
        _ => Course { first, update: None },
    }
}
