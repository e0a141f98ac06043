//! Where the time comes from: the machine, or a test that moves it by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use time::OffsetDateTime;

/// A source of the current time in UTC. Clones share a fixed time.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A time that stands still until [`Clock::set`] moves it; microseconds since 1970.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `now`.
    pub fn fixed(now: OffsetDateTime) -> Clock {
        Clock::Fixed(Arc::new(AtomicI64::new(micros(now))))
    }

    /// Moves a fixed clock to `now`; the machine's clock is left alone.
    pub fn set(&self, now: OffsetDateTime) {
        if let Clock::Fixed(at) = self {
            at.store(micros(now), Ordering::Relaxed);
        }
    }

    /// The time, in whole microseconds as Postgres keeps them.
    pub fn now(&self) -> OffsetDateTime {
        let micros = match self {
            Clock::Fixed(at) => at.load(Ordering::Relaxed),
            #[expect(
                clippy::disallowed_methods,
                reason = "this is the one place that asks the machine"
            )]
            Clock::System => micros(OffsetDateTime::now_utc()),
        };
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::Clock;

    #[test]
    fn a_fixed_clock_moves_only_when_told_and_for_all_its_clones() {
        let start = datetime!(2026-11-22 16:00 UTC);
        let clock = Clock::fixed(start);
        let other = clock.clone();
        assert_eq!(other.now(), start);
        clock.set(start + Duration::HOUR);
        assert_eq!(other.now(), start + Duration::HOUR);
    }
}
