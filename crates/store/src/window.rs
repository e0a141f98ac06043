//! A span of days, and how it lies over ISO weeks.
//!
//! Presence is kept as one bit per day and week (bit 0 is Monday). A window that starts on a Wednesday therefore
//! counts `0b111_1100` of its first week.

use time::{Date, Duration, OffsetDateTime};

/// A span of UTC days, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// First day.
    pub from: Date,
    /// Last day; before `from` for an empty window.
    pub to: Date,
}

impl Window {
    /// The `days` days that end with `to`: at least one.
    pub fn ending(to: Date, days: u16) -> Self {
        let before = i64::from(days.max(1)) - 1;
        let from = to.checked_sub(Duration::days(before)).unwrap_or(Date::MIN);
        Window { from, to }
    }

    /// How many days it has; 0 when it is empty.
    pub fn days(self) -> u64 {
        u64::try_from((self.to - self.from).whole_days() + 1).unwrap_or(0)
    }

    /// Every day of it, in order.
    pub fn iter(self) -> impl Iterator<Item = Date> {
        std::iter::successors(Some(self.from), |day| day.next_day()).take_while(move |day| *day <= self.to)
    }

    /// Its first moment.
    pub fn start(self) -> OffsetDateTime {
        self.from.midnight().assume_utc()
    }

    /// The moment after its last.
    pub fn end(self) -> OffsetDateTime {
        self.to.next_day().unwrap_or(self.to).midnight().assume_utc()
    }

    /// The first of its last seven days: what was first seen since is new.
    pub(crate) fn news_from(self) -> Date {
        self.to.checked_sub(Duration::days(6)).unwrap_or(self.to)
    }

    /// Monday of the week that holds its first day.
    pub(crate) fn first_week(self) -> Date {
        monday(self.from)
    }

    /// Monday of the week that holds its last day.
    pub(crate) fn last_week(self) -> Date {
        monday(self.to)
    }

    /// Mondays of all weeks that it touches, in order.
    pub(crate) fn weeks(self) -> Vec<Date> {
        let next = |week: &Date| week.checked_add(Duration::WEEK);
        std::iter::successors(Some(self.first_week()), next)
            .take_while(|week| *week <= self.to)
            .collect()
    }

    /// The bits of `week` (a Monday) that lie in the window.
    pub(crate) fn mask(self, week: Date) -> i16 {
        let last_of_week = (self.to - week).whole_days().min(6);
        let first_of_week = (self.from - week).whole_days().max(0);
        (first_of_week..=last_of_week).fold(0, |mask, day| mask | (1 << day))
    }
}

/// Monday of the ISO week that holds `day`.
pub(crate) fn monday(day: Date) -> Date {
    let since_monday = i64::from(day.weekday().number_days_from_monday());
    day.checked_sub(Duration::days(since_monday)).unwrap_or(Date::MIN)
}

/// The bit that stands for `day` in its week.
pub(crate) fn day_bit(day: Date) -> i16 {
    1 << day.weekday().number_days_from_monday()
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::{Window, day_bit, monday};

    #[test]
    fn a_window_masks_only_its_first_and_last_week() {
        let window = Window {
            from: date!(2026 - 11 - 04), // a Wednesday
            to: date!(2026 - 11 - 17),   // a Tuesday
        };
        assert_eq!(window.mask(date!(2026 - 11 - 02)), 0b111_1100);
        assert_eq!(window.mask(date!(2026 - 11 - 09)), 0b111_1111);
        assert_eq!(window.mask(date!(2026 - 11 - 16)), 0b000_0011);
        assert_eq!(window.days(), 14);
        assert_eq!(window.iter().count(), 14);
        assert_eq!(window.weeks().len(), 3);
    }

    #[test]
    fn a_window_inside_one_week_masks_both_ends() {
        let window = Window::ending(date!(2026 - 11 - 20), 3);
        assert_eq!(window.mask(monday(window.to)), 0b001_1100);
        assert_eq!(day_bit(window.from), 0b000_0100);
    }
}
