//! Sample data for the tests of the pages: what a fleet looks like, and what an attacker would send.
//!
//! Every page is rendered with every sample of its kind: a usual one, an empty one, and a [`hostile`] one in which
//! each text is markup of 300 characters and each number is as large as its type.

mod admin;
mod crash;
mod experiments;
mod fleet;
mod models;
mod symbols;
mod things;
mod upload;

pub(crate) use admin::*;
pub(crate) use crash::*;
pub(crate) use experiments::*;
pub(crate) use fleet::*;
pub(crate) use models::*;
pub(crate) use symbols::*;
pub(crate) use things::*;
pub(crate) use upload::*;

use time::macros::{date, datetime};
use time::{Date, Duration, OffsetDateTime};
use wire::StopCodeNumber;
use wire::suspects::Window;

use super::layout::Viewer;

/// Markup that must never come out as markup, 300 characters long and without a place to break.
pub(crate) fn hostile() -> String {
    let start = "\"'><script>alert(1)</script><img/src=x/onerror=alert(2)>";
    format!("{start}{}", "W".repeat(300 - start.len()))
}

/// The moment at which all samples were taken.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-22 14:05:12 UTC);

/// The quarter before [`NOW`].
pub(crate) const WINDOW: Window = Window {
    from: date!(2026 - 08 - 24),
    to: date!(2026 - 11 - 22),
};

/// A stop code from its number.
pub(crate) fn code(number: u32) -> StopCodeNumber {
    StopCodeNumber::from_raw(number)
}

/// Days before the end of the window.
pub(crate) fn days_ago(days: i64) -> Date {
    WINDOW.to - Duration::days(days)
}

/// Somebody who may do everything.
pub(crate) fn admin() -> Viewer {
    Viewer {
        has_session: true,
        may_download: true,
        may_upload: true,
        may_admin: true,
    }
}

/// Somebody with a token that may only read.
pub(crate) fn reader() -> Viewer {
    Viewer {
        has_session: false,
        may_download: false,
        may_upload: false,
        may_admin: false,
    }
}
