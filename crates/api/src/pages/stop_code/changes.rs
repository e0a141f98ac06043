//! What happened when the first suspect came to machines and when it was taken back from them.

use wire::suspects::{BeforeAfter, ObservedRate, Rollback, Suspect};

use crate::pages::show;

/// A change of version, and the crash rates around it.
pub(super) struct Change {
    pub(super) title: &'static str,
    pub(super) machines: String,
    pub(super) rates: Vec<RateRow>,
    pub(super) said: String,
}

pub(super) struct RateRow {
    pub(super) label: &'static str,
    pub(super) crashing_machines: String,
    pub(super) machine_days: String,
    pub(super) rate: String,
}

/// The changes of a suspect.
pub(super) fn of(suspect: &Suspect) -> Vec<Change> {
    let came = suspect.before_after.as_ref().map(came);
    let went = suspect.rollback.as_ref().map(went);
    came.into_iter().chain(went).collect()
}

fn came(change: &BeforeAfter) -> Change {
    let said = match (change.rate_ratio, change.rate_ratio_low, change.rate_ratio_high) {
        (Some(ratio), Some(low), Some(high)) => format!(
            "The same machines crash {} times as often since they have it (95 % interval {} to {}).",
            show::ratio(ratio),
            show::ratio(low),
            show::ratio(high)
        ),
        _ if change.after.crashing_machines > 0 => {
            "None of these machines crashed before they had it.".to_owned()
        }
        _ => "None of these machines crashed, before or after.".to_owned(),
    };
    Change {
        title: "Machines that it came to",
        machines: show::counted(change.machines, "machine"),
        rates: vec![row("Before", &change.before), row("With it", &change.after)],
        said,
    }
}

fn went(change: &Rollback) -> Change {
    Change {
        title: "Machines that it was taken back from",
        machines: show::counted(change.machines, "machine"),
        rates: vec![
            row("With it", &change.before),
            row("Since it is gone", &change.rolled_back),
            row("Others that kept it, in the same time", &change.kept),
        ],
        said: "Machines that crashed in the two weeks before are left out: they would crash less by chance alone."
            .to_owned(),
    }
}

fn row(label: &'static str, rate: &ObservedRate) -> RateRow {
    let per_1000 = if rate.machine_days > 0 {
        show::ratio(1000.0 * show::float(rate.crashing_machines) / show::float(rate.machine_days))
    } else {
        "–".to_owned()
    };
    RateRow {
        label,
        crashing_machines: show::count(rate.crashing_machines),
        machine_days: show::count(rate.machine_days),
        rate: per_1000,
    }
}
