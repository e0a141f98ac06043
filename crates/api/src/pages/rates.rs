//! Rates with their intervals as the pages of drivers and models show them, and the weeks they are of.

use time::{Date, Duration};
use wire::observed::Observed;

use super::show;

/// Weeks that are shown at most.
const MOST_WEEKS: usize = 120;

/// The rate and the ends of its interval; `None` without machine-days.
pub(crate) fn rate(seen: &Observed) -> Option<[f64; 3]> {
    Some([
        seen.crashes_per_1000_machine_days?,
        seen.rate_low?,
        seen.rate_high?,
    ])
}

/// `0.95 (0.67–1.30)`, or a dash.
pub(crate) fn text(rate: Option<[f64; 3]>) -> String {
    rate.map_or_else(
        || "–".to_owned(),
        |[rate, low, high]| format!("{} ({})", show::ratio(rate), ends(low, high)),
    )
}

/// `0.67–1.30`.
pub(crate) fn ends(low: f64, high: f64) -> String {
    format!("{}–{}", show::ratio(low), show::ratio(high))
}

/// What was seen, in words.
pub(crate) fn told(seen: &Observed) -> String {
    let rate = rate(seen).map(|rate| format!(": {} per 1,000", text(Some(rate))));
    format!(
        "{} crashed in {}{}",
        show::counted(seen.crashing_machines, "machine"),
        show::counted(seen.machine_days, "machine-day"),
        rate.unwrap_or_default()
    )
}

/// The Mondays of the weeks of a window in order, without gaps.
pub(crate) fn weeks(from: Date, to: Date) -> Vec<Date> {
    let since = i64::from(from.weekday().number_days_from_monday());
    let first = from.saturating_sub(Duration::days(since));
    let next = |week: &Date| week.checked_add(Duration::WEEK);
    let weeks = std::iter::successors(Some(first), next);
    weeks.take_while(|week| *week <= to).take(MOST_WEEKS).collect()
}

#[cfg(test)]
mod tests {
    use time::macros::date;
    use wire::observed::Observed;

    use super::{rate, told, weeks};

    #[test]
    fn a_window_that_starts_amid_a_week_has_that_week() {
        let weeks = weeks(date!(2026 - 11 - 04), date!(2026 - 11 - 16));
        assert_eq!(
            weeks,
            [
                date!(2026 - 11 - 02),
                date!(2026 - 11 - 09),
                date!(2026 - 11 - 16)
            ]
        );
    }

    #[test]
    fn without_machine_days_there_is_no_rate_to_tell() {
        let nothing = Observed::default();
        assert_eq!(rate(&nothing), None);
        assert_eq!(told(&nothing), "0 machines crashed in 0 machine-days");
    }
}
