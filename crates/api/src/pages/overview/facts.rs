//! What the overview is made from.

use store::freshness::Freshness;
use time::{Date, OffsetDateTime};
use wire::StopCodeNumber;
use wire::fleet::{FleetWeek, VerdictChange};
use wire::stop_code::StopCodeCount;
use wire::suspects::{Suspects, VerdictWord, Window};

/// Windows that the page offers, in days.
pub(crate) const WINDOWS: [u16; 3] = [28, 91, 364];

/// The window of `?days=`: one of [`WINDOWS`], a quarter if it is none of them.
pub(crate) fn window_days(wanted: Option<u16>) -> u16 {
    wanted.filter(|days| WINDOWS.contains(days)).unwrap_or(91)
}

/// What the overview is made from.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) window: Window,
    pub(crate) window_days: u16,
    pub(crate) machines_seen: u64,
    pub(crate) machine_days: u64,
    pub(crate) now: Span,
    pub(crate) before: Span,
    pub(crate) stop_codes: Vec<StopCodeCount>,
    /// Verdicts that are there already; a code without one shows none.
    pub(crate) verdicts: Vec<Suspects>,
    /// The weeks of the window in which machines were on.
    pub(crate) weeks: Vec<FleetWeek>,
    /// Verdicts that say something else than four weeks ago.
    pub(crate) changes: Vec<VerdictChange>,
    /// Driver versions that came under suspicion since.
    pub(crate) regressions: Vec<Regression>,
    pub(crate) freshness: Freshness,
    pub(crate) now_at: OffsetDateTime,
    pub(crate) new_versions: Vec<NewVersion>,
    pub(crate) new_signatures: Vec<NewSignature>,
    /// Where this server is reached, for the line that uploads a first dump.
    pub(crate) address: String,
}

/// Crashes of one span of time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Span {
    pub(crate) crashes: u64,
    /// Machines that were seen and crashed.
    pub(crate) machines: u64,
}

/// A driver version that came under suspicion.
#[derive(Debug, Clone)]
pub(crate) struct Regression {
    pub(crate) driver: String,
    pub(crate) version: Option<String>,
    pub(crate) stop_code: StopCodeNumber,
    pub(crate) stop_code_name: String,
    pub(crate) verdict: VerdictWord,
    pub(crate) suspected_at: OffsetDateTime,
    /// The first day on which the fleet had it.
    pub(crate) first_seen: Date,
}

/// A driver version seen for the first time.
#[derive(Debug, Clone)]
pub(crate) struct NewVersion {
    pub(crate) driver: String,
    pub(crate) version: Option<String>,
    pub(crate) company: Option<String>,
    pub(crate) first_seen: Date,
}

/// A signature seen for the first time.
#[derive(Debug, Clone)]
pub(crate) struct NewSignature {
    pub(crate) signature: String,
    pub(crate) crashes: u64,
    pub(crate) first_seen: Date,
}

#[cfg(test)]
mod tests {
    use super::window_days;

    #[test]
    fn an_unknown_window_becomes_a_quarter() {
        assert_eq!(window_days(Some(28)), 28);
        assert_eq!(window_days(Some(9999)), 91);
        assert_eq!(window_days(None), 91);
    }
}
