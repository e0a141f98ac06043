//! What machines that changed to a suspect, or away from it, tell of it.

use attribution::rates::{self, before_after};
use store::exposure::{Rate, Rollback, Switchers};
use wire::suspects::{BeforeAfter, ObservedRate};

/// Machines that it came to; `None` if it came to none.
pub(super) fn came(switchers: &Switchers) -> Option<BeforeAfter> {
    if switchers.machines == 0 {
        return None;
    }
    let ratio = before_after(rate(switchers.before), rate(switchers.after));
    Some(BeforeAfter {
        machines: switchers.machines,
        before: observed(switchers.before),
        after: observed(switchers.after),
        rate_ratio: ratio.map(|ratio| ratio.ratio),
        rate_ratio_low: ratio.and_then(|ratio| ratio.low),
        rate_ratio_high: ratio.and_then(|ratio| ratio.high),
    })
}

/// Machines that left it; `None` if none did.
pub(super) fn went(rollback: &Rollback) -> Option<wire::suspects::Rollback> {
    (rollback.machines > 0).then(|| wire::suspects::Rollback {
        machines: rollback.machines,
        before: observed(rollback.before),
        rolled_back: observed(rollback.rolled_back),
        kept: observed(rollback.kept),
    })
}

/// The same as attribution judges it.
pub(super) fn rollback(rollback: &Rollback) -> rates::Rollback {
    rates::Rollback {
        kept: rate(rollback.kept),
        rolled_back: rate(rollback.rolled_back),
        before: rate(rollback.before),
        machines: rollback.machines,
    }
}

#[expect(clippy::cast_precision_loss, reason = "machine-days are far below 2^53")]
fn rate(rate: Rate) -> rates::Rate {
    rates::Rate {
        cases: rate.cases,
        machine_days: rate.machine_days as f64,
    }
}

fn observed(rate: Rate) -> ObservedRate {
    ObservedRate {
        crashing_machines: rate.cases,
        machine_days: rate.machine_days,
    }
}
