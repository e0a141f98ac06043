//! What is said now and was not before, and how old what is known is.

use time::{Date, Duration, OffsetDateTime};
use wire::fleet::VerdictChange;

use super::{Facts, Regression};
use crate::pages::show::{self, Day, When};
use crate::pages::{machines, verdict};

/// Presence that is older than this many days means that agents no longer tell it.
const PRESENCE_DAYS: i64 = 2;

/// Inventories come daily where agents run; a week without one means that they no longer come.
const INVENTORY_DAYS: i64 = 7;

/// Verdicts are computed anew at least once a day.
const VERDICT_HOURS: i64 = 36;

pub(super) struct ChangeRow {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) before: Option<(&'static str, &'static str)>,
    pub(super) now: (&'static str, &'static str),
    pub(super) suspect: Option<String>,
    pub(super) at: When,
}

pub(super) struct RegressionRow {
    pub(super) driver: String,
    pub(super) href: String,
    pub(super) version: String,
    pub(super) machines_href: String,
    pub(super) code: String,
    pub(super) code_name: String,
    pub(super) word: (&'static str, &'static str),
    pub(super) suspected: When,
    pub(super) first_seen: Day,
}

/// One line of how old what is known is.
pub(super) struct Age {
    pub(super) label: &'static str,
    pub(super) at: Option<When>,
    pub(super) on: Option<Day>,
    /// What it means that it is so old.
    pub(super) warning: Option<&'static str>,
}

pub(super) fn change(change: &VerdictChange) -> ChangeRow {
    ChangeRow {
        code: change.stop_code.to_string(),
        name: change.name.clone(),
        before: change.verdict_before.map(verdict::word),
        now: verdict::word(change.verdict),
        suspect: change.suspect.clone(),
        at: When(change.changed_at),
    }
}

pub(super) fn regression(one: &Regression) -> RegressionRow {
    RegressionRow {
        driver: one.driver.clone(),
        href: format!("/drivers/{}", show::encode(&one.driver)),
        version: one
            .version
            .clone()
            .unwrap_or_else(|| "version unknown".to_owned()),
        machines_href: machines::having(&one.driver, one.version.as_deref()),
        code: one.stop_code.to_string(),
        code_name: one.stop_code_name.clone(),
        word: verdict::word(one.verdict),
        suspected: When(one.suspected_at),
        first_seen: Day(one.first_seen),
    }
}

/// How old what is known is. What never came is no cause for alarm where nothing of its kind is expected.
pub(super) fn ages(facts: &Facts) -> Vec<Age> {
    let fresh = &facts.freshness;
    let older = |at: Option<OffsetDateTime>, limit: Duration| at.is_some_and(|at| facts.now_at - at > limit);
    let quiet =
        |on: Option<Date>| on.is_some_and(|on| facts.now_at.date() - on > Duration::days(PRESENCE_DAYS));
    let moment = |label, at: Option<OffsetDateTime>, warning| Age {
        label,
        at: at.map(When),
        on: None,
        warning,
    };
    let inventory = older(fresh.inventory_at, Duration::days(INVENTORY_DAYS))
        .then_some("drivers that changed since are not known");
    let verdict = older(fresh.oldest_verdict_at, Duration::hours(VERDICT_HOURS))
        .then_some("some verdict waits to be computed anew; see Health");
    vec![
        moment("Last dump", fresh.dump_at, None),
        moment("Last inventory", fresh.inventory_at, inventory),
        Age {
            label: "Machines were last on",
            at: None,
            on: fresh.presence_on.map(Day),
            warning: quiet(fresh.presence_on).then_some("rates know nothing of the days since"),
        },
        moment("Verdicts computed", fresh.newest_verdict_at, None),
        moment("The oldest of them", fresh.oldest_verdict_at, verdict),
    ]
}
