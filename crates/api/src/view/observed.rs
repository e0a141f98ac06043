//! Machine-days, crashes and rates as the API shows them.

use wire::observed::Observed;

use crate::list::Cell;

/// Counts with their rate.
pub(crate) fn of(observed: store::exposure::Observed) -> Observed {
    let rate = observed.per_1000();
    Observed {
        machine_days: observed.machine_days,
        crash_count: observed.crashes,
        crashing_machines: observed.crashing_machines,
        crashes_per_1000_machine_days: rate.map(|rate| rate.rate),
        rate_low: rate.map(|rate| rate.low),
        rate_high: rate.map(|rate| rate.high),
    }
}

/// The same as six cells of a table, in the order of the fields.
pub(crate) fn cells(observed: &Observed) -> [Cell; 6] {
    [
        Cell::plain(observed.machine_days),
        Cell::plain(observed.crash_count),
        Cell::plain(observed.crashing_machines),
        Cell::maybe(observed.crashes_per_1000_machine_days),
        Cell::maybe(observed.rate_low),
        Cell::maybe(observed.rate_high),
    ]
}
