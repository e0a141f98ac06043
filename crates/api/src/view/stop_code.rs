//! Stop codes as the API shows them.

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};
use store::stop_codes;
use wire::StopCodeNumber;
use wire::report::StopCodeClass;
use wire::stop_code::{DayCount, Share, StopCodeCount, StopCodeDetail};

use crate::list::{Cell, Table, date};

/// One stop code in the list.
pub(crate) fn count(count: stop_codes::StopCodeCount) -> StopCodeCount {
    StopCodeCount {
        code: StopCodeNumber::from_raw(count.code),
        name: count.name,
        class: class(&count.class),
        crashes: count.crashes,
        machines: count.machines,
        last_seen: count.last_seen,
        new: count.new,
        trend: count.trend.into_iter().map(day).collect(),
    }
}

/// One stop code with its breakdowns.
pub(crate) fn detail(detail: stop_codes::StopCodeDetail) -> StopCodeDetail {
    StopCodeDetail {
        count: count(detail.count),
        parameter_meanings: detail.parameter_meanings,
        guidance: detail.guidance,
        by_model: shares(detail.by_model),
        by_os_build: shares(detail.by_os_build),
        by_process: shares(detail.by_process),
    }
}

/// The class of this name.
pub(crate) fn class(word: &str) -> StopCodeClass {
    let word: StrDeserializer<'_, Error> = word.into_deserializer();
    StopCodeClass::deserialize(word).unwrap_or(StopCodeClass::Unknown)
}

fn day(day: stop_codes::DayCount) -> DayCount {
    DayCount {
        day: day.day,
        crashes: day.crashes,
    }
}

fn shares(shares: Vec<stop_codes::Share>) -> Vec<Share> {
    let share = |share: stop_codes::Share| Share {
        value: share.value,
        crashes: share.crashes,
        machines: share.machines,
    };
    shares.into_iter().map(share).collect()
}

impl Table for StopCodeCount {
    const COLUMNS: &'static [&'static str] =
        &["code", "name", "class", "crashes", "machines", "last_seen", "new"];

    fn cells(&self) -> Vec<Cell> {
        let class = serde_json::to_value(self.class).unwrap_or_default();
        vec![
            Cell::plain(self.code),
            Cell::plain(&self.name),
            Cell::plain(class.as_str().unwrap_or_default()),
            Cell::plain(self.crashes),
            Cell::plain(self.machines),
            date(self.last_seen),
            Cell::plain(self.new),
        ]
    }
}

/// One row of the breakdowns.
pub(crate) struct BreakdownRow<'a> {
    breakdown: &'static str,
    share: &'a Share,
}

/// All breakdowns as one table.
pub(crate) fn breakdowns(detail: &StopCodeDetail) -> Vec<BreakdownRow<'_>> {
    [
        ("model", &detail.by_model),
        ("os_build", &detail.by_os_build),
        ("process", &detail.by_process),
    ]
    .into_iter()
    .flat_map(|(breakdown, shares)| shares.iter().map(move |share| BreakdownRow { breakdown, share }))
    .collect()
}

impl Table for BreakdownRow<'_> {
    const COLUMNS: &'static [&'static str] = &["breakdown", "value", "crashes", "machines"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::plain(self.breakdown),
            Cell::maybe_text(self.share.value.as_deref()),
            Cell::plain(self.share.crashes),
            Cell::plain(self.share.machines),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::class;
    use wire::report::StopCodeClass;

    #[test]
    fn a_class_is_read_by_its_word() {
        assert_eq!(class("driver"), StopCodeClass::Driver);
        assert_eq!(class("nonsense"), StopCodeClass::Unknown);
    }
}
