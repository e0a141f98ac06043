//! The fleet as a whole, as the API shows it.

use store::{fleet, verdict_changes};
use wire::StopCodeNumber;
use wire::fleet::{FleetWeek, VerdictChange};
use wire::suspects::VerdictWord;

use crate::list::{Cell, Table, date, time};

/// One week.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of machines and crashes stay below 2^53"
)]
pub(crate) fn week(week: fleet::Week) -> FleetWeek {
    let days = week.machine_days.max(1) as f64;
    FleetWeek {
        week: week.week,
        machines: week.machines,
        crash_free_machines: week.crash_free_machines,
        machine_days: week.machine_days,
        crashes: week.crashes,
        crashes_per_1000_machine_days: week.crashes as f64 * 1000.0 / days,
    }
}

/// One change; `None` if a later version of the program wrote a word that this one does not know.
pub(crate) fn change(change: verdict_changes::Change) -> Option<VerdictChange> {
    Some(VerdictChange {
        stop_code: StopCodeNumber::from_raw(change.stop_code),
        name: change.name,
        changed_at: change.changed_at,
        verdict_before: change.word_before.as_deref().and_then(VerdictWord::from_name),
        verdict: VerdictWord::from_name(&change.word)?,
        suspect: change.suspect,
    })
}

impl Table for FleetWeek {
    const COLUMNS: &'static [&'static str] = &[
        "week",
        "machines",
        "crash_free_machines",
        "machine_days",
        "crashes",
        "crashes_per_1000_machine_days",
    ];

    fn cells(&self) -> Vec<Cell> {
        vec![
            date(self.week),
            Cell::plain(self.machines),
            Cell::plain(self.crash_free_machines),
            Cell::plain(self.machine_days),
            Cell::plain(self.crashes),
            Cell::plain(self.crashes_per_1000_machine_days),
        ]
    }
}

impl Table for VerdictChange {
    const COLUMNS: &'static [&'static str] = &[
        "stop_code",
        "name",
        "changed_at",
        "verdict_before",
        "verdict",
        "suspect",
    ];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::plain(self.stop_code),
            Cell::text(&self.name),
            time(self.changed_at),
            Cell::maybe(self.verdict_before.map(VerdictWord::as_str)),
            Cell::plain(self.verdict.as_str()),
            Cell::maybe_text(self.suspect.as_deref()),
        ]
    }
}
