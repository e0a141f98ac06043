//! The ranking of driver versions as a table.

use wire::suspects::{Suspect, SuspectDriver};

use crate::list::{Cell, Table};

impl Table for Suspect {
    const COLUMNS: &'static [&'static str] = &[
        "rank",
        "drivers",
        "versions",
        "companies",
        "probability",
        "in_credible_set",
        "ic025",
        "expected_machines",
        "rate_ratio",
        "rate_ratio_low",
        "rate_ratio_high",
        "crashing_machines",
        "exposed_machines",
        "machine_days",
        "crashes_per_1000_machine_days",
    ];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::plain(self.rank),
            joined(&self.drivers, |driver| Some(&driver.name)),
            joined(&self.drivers, |driver| driver.version.as_deref()),
            joined(&self.drivers, |driver| driver.company.as_deref()),
            Cell::maybe(self.probability),
            Cell::maybe(self.in_credible_set),
            Cell::plain(self.ic025),
            Cell::plain(self.expected_machines),
            Cell::maybe(self.rate_ratio),
            Cell::maybe(self.rate_ratio_low),
            Cell::maybe(self.rate_ratio_high),
            Cell::plain(self.crashing_machines),
            Cell::plain(self.exposed_machines),
            Cell::plain(self.machine_days),
            Cell::plain(self.crashes_per_1000_machine_days),
        ]
    }
}

/// One part of each driver that the data cannot tell apart; `?` where it is not known.
pub(super) fn joined(drivers: &[SuspectDriver], part: impl Fn(&SuspectDriver) -> Option<&str>) -> Cell {
    let parts: Vec<&str> = drivers.iter().map(|driver| part(driver).unwrap_or("?")).collect();
    Cell::text(&parts.join("; "))
}
