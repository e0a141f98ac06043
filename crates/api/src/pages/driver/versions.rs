//! The rows of the table of versions, and how they are sorted.

use std::cmp::Reverse;

use wire::driver::DriverVersion;

use super::called;
use crate::pages::show::{self, Day};
use crate::pages::{machines, rates};

/// Images of a version that are shown.
const IMAGES: usize = 2;

/// Stop codes of a version that are shown.
const CODES: usize = 4;

/// How the versions are sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// The newest first.
    #[default]
    Newest,
    /// Those with most machine-days first.
    Exposed,
    /// Those that crash most surely first: by the lower ends of their rates' intervals.
    Rate,
}

impl Order {
    pub(super) const ALL: [Order; 3] = [Order::Newest, Order::Exposed, Order::Rate];

    /// The order of this name, or the usual one.
    pub(crate) fn of(word: Option<&str>) -> Order {
        let found = Order::ALL.into_iter().find(|order| Some(order.word()) == word);
        found.unwrap_or_default()
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Order::Newest => "newest",
            Order::Exposed => "machine-days",
            Order::Rate => "rate",
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Order::Newest => "Newest first",
            Order::Exposed => "Most machine-days",
            Order::Rate => "Highest rate",
        }
    }

    /// The versions, which come newest first, in this order.
    pub(super) fn sorted(self, versions: &[DriverVersion]) -> Vec<&DriverVersion> {
        let mut sorted: Vec<&DriverVersion> = versions.iter().collect();
        match self {
            Order::Newest => {}
            Order::Exposed => sorted.sort_by_key(|version| Reverse((version.machine_days, version.machines))),
            Order::Rate => sorted.sort_by(|one, other| {
                let low = |version: &DriverVersion| version.rate_low.unwrap_or(-1.0);
                low(other)
                    .total_cmp(&low(one))
                    .then_with(|| other.machine_days.cmp(&one.machine_days))
            }),
        }
        sorted
    }
}

/// One version.
pub(super) struct VersionRow {
    pub(super) version: String,
    pub(super) known: bool,
    pub(super) safe: bool,
    pub(super) images: Vec<String>,
    pub(super) more_images: usize,
    pub(super) machines: String,
    pub(super) machines_width: String,
    /// The list of these machines; `None` if there are none or the version has no name.
    pub(super) machines_href: Option<String>,
    pub(super) machine_days: String,
    pub(super) crashing: String,
    pub(super) has_crashed: bool,
    pub(super) crashes: String,
    pub(super) rate: Option<String>,
    /// The interval of the rate, or how high it may be without a crash.
    pub(super) interval: Option<String>,
    pub(super) first_seen: Option<Day>,
    pub(super) last_seen: Option<Day>,
    pub(super) codes: Vec<CodeChip>,
    pub(super) more_codes: usize,
}

/// A stop code and the machines that crashed with it.
pub(super) struct CodeChip {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) machines: String,
}

/// A version of a driver as a row; `most` is the highest number of machines in the table.
pub(super) fn row(driver: &str, version: &DriverVersion, most: u64, safe: Option<&str>) -> VersionRow {
    let codes = version.crashes.iter().take(CODES);
    VersionRow {
        version: called(version.version.as_deref()),
        known: version.version.is_some(),
        safe: safe.is_some() && version.version.as_deref() == safe,
        images: version.code_ids.iter().take(IMAGES).cloned().collect(),
        more_images: version.code_ids.len().saturating_sub(IMAGES),
        machines: show::count(version.machines),
        machines_width: show::width(version.machines, most),
        machines_href: match &version.version {
            Some(named) if version.machines > 0 => Some(machines::having(driver, Some(named))),
            _ => None,
        },
        machine_days: show::count(version.machine_days),
        crashing: show::count(version.crashing_machines),
        has_crashed: version.crash_count > 0,
        crashes: show::counted(version.crash_count, "crash"),
        rate: version.crashes_per_1000_machine_days.map(show::ratio),
        interval: interval(version),
        first_seen: version.first_seen.map(Day),
        last_seen: version.last_seen.map(Day),
        codes: codes
            .map(|crash| CodeChip {
                code: crash.stop_code.to_string(),
                name: crash.stop_code_name.clone(),
                machines: show::count(crash.machines),
            })
            .collect(),
        more_codes: version.crashes.len().saturating_sub(CODES),
    }
}

fn interval(version: &DriverVersion) -> Option<String> {
    if version.crashing_machines == 0 {
        return version
            .rate_upper_bound
            .map(|bound| format!("at most {}", show::ratio(bound)));
    }
    let ends = version.rate_low.zip(version.rate_high);
    ends.map(|(low, high)| rates::ends(low, high))
}
