//! Times in queries, `2026-11-22` or `2026-11-22T10:00:00Z`, and windows of days.

use serde::Deserialize;
use store::Window;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, UtcOffset};
use utoipa::IntoParams;

use crate::error::ApiError;
use crate::state::AppState;

/// Days in a window when the client does not say.
const DEFAULT_DAYS: u16 = 91;

/// Most days in a window.
const MAX_DAYS: u64 = 800;

fn read_date(text: &str) -> Option<Date> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).ok()
}

fn read_time(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .map(|time| time.to_offset(UtcOffset::UTC))
}

fn refused(name: &str) -> ApiError {
    ApiError::invalid(format!(
        "`{name}` must be a day such as 2026-11-22 or a time such as 2026-11-22T10:00:00Z"
    ))
}

/// The first moment meant by `text`: that time, or the day's start.
pub(crate) fn first_moment(name: &str, text: &str) -> Result<OffsetDateTime, ApiError> {
    read_time(text)
        .or_else(|| read_date(text).map(|day| day.midnight().assume_utc()))
        .ok_or_else(|| refused(name))
}

/// The moment after the last one meant by `text`: that time itself, or the end of the day.
pub(crate) fn moment_after(name: &str, text: &str) -> Result<OffsetDateTime, ApiError> {
    read_time(text)
        .or_else(|| Some(read_date(text)?.next_day()?.midnight().assume_utc()))
        .ok_or_else(|| refused(name))
}

/// Which days; the last 91 unless given.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WindowQuery {
    /// First day; 91 days in all unless given.
    pub(crate) from: Option<String>,
    /// Last day; today unless given.
    pub(crate) to: Option<String>,
}

impl WindowQuery {
    /// The window meant.
    ///
    /// # Errors
    ///
    /// [`ApiError::Invalid`].
    pub(crate) fn window(&self, state: &AppState) -> Result<Window, ApiError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let (from, to) = (given(&self.from), given(&self.to));
        window(from.as_deref(), to.as_deref(), state.clock.now().date())
    }
}

/// The days from `from` to `to`, both included; the last 91 days when nothing is said.
fn window(from: Option<&str>, to: Option<&str>, today: Date) -> Result<Window, ApiError> {
    let to = match to {
        None => today,
        Some(text) => first_moment("to", text)?.date(),
    };
    let from = match from {
        None => Window::ending(to, DEFAULT_DAYS).from,
        Some(text) => first_moment("from", text)?.date(),
    };
    let window = Window { from, to };
    if window.days() == 0 || window.days() > MAX_DAYS {
        return Err(ApiError::invalid(format!(
            "`from` must come before `to`, by at most {MAX_DAYS} days"
        )));
    }
    Ok(window)
}

#[cfg(test)]
mod tests {
    use super::{first_moment, moment_after, window};
    use time::macros::{date, datetime};

    #[test]
    fn a_day_as_the_end_includes_that_day() {
        assert_eq!(
            moment_after("to", "2026-11-22").unwrap(),
            datetime!(2026-11-23 0:00 UTC)
        );
        assert_eq!(
            first_moment("from", "2026-11-22T10:00:00+02:00").unwrap(),
            datetime!(2026-11-22 8:00 UTC)
        );
        assert!(first_moment("from", "yesterday").is_err());
    }

    #[test]
    fn without_ends_the_window_is_the_last_quarter() {
        let window = window(None, None, date!(2026 - 11 - 22)).unwrap();
        assert_eq!(window.days(), 91);
        assert_eq!(window.to, date!(2026 - 11 - 22));
    }

    #[test]
    fn a_window_that_ends_before_it_starts_is_refused() {
        assert!(window(Some("2026-11-22"), Some("2026-11-21"), date!(2026 - 11 - 22)).is_err());
    }
}
