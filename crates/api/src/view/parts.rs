//! Tables that are parts of a larger answer, row by row.

use serde::Serialize;
use wire::StopCodeNumber;
use wire::machine::InstalledDriver;
use wire::report::{Evidence, Frame, Module, Parameter, UnloadedDriver};
use wire::suspects::{ObservedRate, SharedTrait, Suspect};

use super::suspects::joined;
use crate::list::{Cell, Table, date, time};

/// A word as JSON has it.
fn word(value: &impl Serialize) -> Cell {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => Cell::plain(text),
        _ => Cell::Empty,
    }
}

/// A frame of a thread; of the thread that crashed if none is named.
pub(crate) struct FrameRow<'a> {
    /// The thread's id.
    pub(crate) thread: Option<u32>,
    /// The frame.
    pub(crate) frame: &'a Frame,
}

impl Table for FrameRow<'_> {
    const COLUMNS: &'static [&'static str] = &[
        "thread",
        "index",
        "address",
        "module",
        "module_offset",
        "function",
        "function_offset",
        "file",
        "line",
        "trust",
        "inline",
    ];

    fn cells(&self) -> Vec<Cell> {
        let frame = self.frame;
        vec![
            Cell::maybe(self.thread),
            Cell::plain(frame.index),
            Cell::plain(frame.address),
            Cell::maybe_text(frame.module.as_deref()),
            Cell::maybe(frame.module_offset),
            Cell::maybe_text(frame.function.as_deref()),
            Cell::maybe(frame.function_offset),
            Cell::maybe_text(frame.file.as_deref()),
            Cell::maybe(frame.line),
            word(&frame.trust),
            Cell::plain(frame.inline),
        ]
    }
}

impl Table for Module {
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "version",
        "company",
        "base",
        "size_of_image",
        "time_date_stamp",
        "checksum",
        "code_id",
    ];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.name),
            Cell::maybe_text(self.version.as_deref()),
            Cell::maybe_text(self.company.as_deref()),
            Cell::plain(self.base),
            Cell::plain(self.size_of_image),
            Cell::plain(self.time_date_stamp),
            Cell::plain(self.checksum),
            Cell::maybe_text(self.code_id.as_deref()),
        ]
    }
}

impl Table for UnloadedDriver {
    const COLUMNS: &'static [&'static str] = &["name", "start", "end"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.name),
            Cell::plain(self.start),
            Cell::plain(self.end),
        ]
    }
}

impl Table for Evidence {
    const COLUMNS: &'static [&'static str] = &["driver", "kind", "detail", "strength"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.driver),
            word(&self.kind),
            Cell::text(&self.detail),
            Cell::plain(self.strength),
        ]
    }
}

impl Table for Parameter {
    const COLUMNS: &'static [&'static str] = &["value", "meaning"];

    fn cells(&self) -> Vec<Cell> {
        vec![Cell::plain(self.value), Cell::maybe_text(self.meaning.as_deref())]
    }
}

impl Table for InstalledDriver {
    const COLUMNS: &'static [&'static str] = &["name", "version", "company"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.name),
            Cell::maybe_text(self.version.as_deref()),
            Cell::maybe_text(self.company.as_deref()),
        ]
    }
}

impl Table for SharedTrait {
    const COLUMNS: &'static [&'static str] = &[
        "kind",
        "value",
        "crashing_machines",
        "share_of_crashing",
        "share_of_fleet",
    ];

    fn cells(&self) -> Vec<Cell> {
        vec![
            word(&self.kind),
            Cell::text(&self.value),
            Cell::plain(self.crashing_machines),
            Cell::plain(self.share_of_crashing),
            Cell::maybe(self.share_of_fleet),
        ]
    }
}

/// A dump that could not be read.
pub(crate) struct FailedDumpRow(pub(crate) store::coverage::FailedDump);

impl Table for FailedDumpRow {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "file_name",
        "format",
        "size_bytes",
        "machine",
        "attempts",
        "error",
        "received_at",
    ];

    fn cells(&self) -> Vec<Cell> {
        let dump = &self.0;
        vec![
            Cell::plain(dump.id),
            Cell::maybe_text(dump.file_name.as_deref()),
            Cell::text(&dump.format),
            Cell::plain(dump.size_bytes),
            Cell::maybe_text(dump.machine.as_deref()),
            Cell::plain(dump.attempts),
            Cell::maybe_text(dump.error.as_deref()),
            time(dump.received_at),
        ]
    }
}

/// A job that was given up.
pub(crate) struct DeadLetterRow(pub(crate) store::jobs::DeadLetter);

impl Table for DeadLetterRow {
    const COLUMNS: &'static [&'static str] = &["id", "kind", "key", "attempts", "last_error", "created_at"];

    fn cells(&self) -> Vec<Cell> {
        let letter = &self.0;
        vec![
            Cell::plain(letter.id),
            Cell::text(&letter.kind),
            Cell::text(&letter.key),
            Cell::plain(letter.attempts),
            Cell::maybe_text(letter.last_error.as_deref()),
            time(letter.created_at),
        ]
    }
}

/// A crash rate of the machines that changed to a suspect's version, or away from it.
pub(crate) struct ChangeRow<'a> {
    suspect: &'a Suspect,
    /// `came` or `taken-back`.
    change: &'static str,
    /// When, or of whom, the rate is.
    when: &'static str,
    machines: u64,
    rate: ObservedRate,
}

/// All rates around the changes of a suspect.
pub(crate) fn changes(suspect: &Suspect) -> Vec<ChangeRow<'_>> {
    let row = |change, when, machines, rate| ChangeRow {
        suspect,
        change,
        when,
        machines,
        rate,
    };
    let came = suspect.before_after.iter().flat_map(|came| {
        [
            row("came", "before", came.machines, came.before),
            row("came", "after", came.machines, came.after),
        ]
    });
    let went = suspect.rollback.iter().flat_map(|went| {
        [
            row("taken-back", "before", went.machines, went.before),
            row("taken-back", "rolled-back", went.machines, went.rolled_back),
            row("taken-back", "kept", went.machines, went.kept),
        ]
    });
    came.chain(went).collect()
}

impl Table for ChangeRow<'_> {
    const COLUMNS: &'static [&'static str] = &[
        "rank",
        "drivers",
        "versions",
        "change",
        "changed_machines",
        "when",
        "crashing_machines",
        "machine_days",
    ];

    fn cells(&self) -> Vec<Cell> {
        let drivers = &self.suspect.drivers;
        vec![
            Cell::plain(self.suspect.rank),
            joined(drivers, |driver| Some(&driver.name)),
            joined(drivers, |driver| driver.version.as_deref()),
            Cell::plain(self.change),
            Cell::plain(self.machines),
            Cell::plain(self.when),
            Cell::plain(self.rate.crashing_machines),
            Cell::plain(self.rate.machine_days),
        ]
    }
}

/// The crashes of a stop code on one day.
pub(crate) struct DayRow(pub(crate) store::stop_codes::CodeDay);

impl Table for DayRow {
    const COLUMNS: &'static [&'static str] = &["day", "stop_code", "name", "crashes"];

    fn cells(&self) -> Vec<Cell> {
        let DayRow(day) = self;
        vec![
            date(day.day),
            Cell::plain(StopCodeNumber::from_raw(day.code)),
            Cell::maybe_text(day.name.as_deref()),
            Cell::plain(day.crashes),
        ]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wire::suspects::Suspect;

    use super::changes;
    use crate::list::{Cell, Table};

    #[test]
    fn each_rate_around_a_change_is_a_row() {
        let suspect = json!({
            "rank": 1, "ic025": 1.0, "expected_machines": 0.5, "crashing_machines": 4, "exposed_machines": 9,
            "machine_days": 90, "crashes_per_1000_machine_days": 44.4,
            "drivers": [{"name": "a.sys", "version": "2.0", "code_ids": []}, {"name": "b.sys", "code_ids": []}],
            "before_after": {
                "machines": 7,
                "before": {"crashing_machines": 1, "machine_days": 10},
                "after": {"crashing_machines": 4, "machine_days": 20},
            },
            "rollback": {
                "machines": 3,
                "before": {"crashing_machines": 2, "machine_days": 30},
                "rolled_back": {"crashing_machines": 0, "machine_days": 40},
                "kept": {"crashing_machines": 5, "machine_days": 50},
            },
            "direct_evidence": {"named_by_0xcb": 0, "on_trusted_stack": 0, "unloaded_at_crash": 0},
        });
        let suspect: Suspect = serde_json::from_value(suspect).unwrap();
        let rows: Vec<String> = changes(&suspect)
            .iter()
            .map(|row| {
                let cells = row.cells().into_iter().map(|cell| match cell {
                    Cell::Empty => String::new(),
                    Cell::Plain(text) | Cell::Text(text) => text,
                });
                cells.collect::<Vec<_>>().join(",")
            })
            .collect();
        assert_eq!(
            rows,
            [
                "1,a.sys; b.sys,2.0; ?,came,7,before,1,10",
                "1,a.sys; b.sys,2.0; ?,came,7,after,4,20",
                "1,a.sys; b.sys,2.0; ?,taken-back,3,before,2,30",
                "1,a.sys; b.sys,2.0; ?,taken-back,3,rolled-back,0,40",
                "1,a.sys; b.sys,2.0; ?,taken-back,3,kept,5,50",
            ]
        );
    }
}
