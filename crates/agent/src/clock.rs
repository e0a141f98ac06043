//! Where the time comes from, and how the agent waits: a trait, so that tests run through weeks without sleeping.
//!
//! Two clocks, because a machine's wall clock jumps (a dead battery, a wrong time zone, a restored snapshot). What is
//! told to the server and compared with file times is wall time; how long something has lasted is measured with
//! [`Clock::elapsed`], which only goes forward.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use time::OffsetDateTime;

/// Tells the time and waits.
pub trait Clock: Send + Sync {
    /// The wall clock, in UTC. It may jump either way.
    fn now(&self) -> OffsetDateTime;

    /// Time since some fixed moment; it never goes back.
    fn elapsed(&self) -> Duration;

    /// Waits, and says whether the whole time passed; `false` means that the agent is asked to stop.
    fn sleep(&self, duration: Duration) -> bool;
}

/// The machine's own clock.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
    stop: Stop,
}

impl SystemClock {
    /// A clock whose waits end when `stop` is asked for.
    pub fn new(stop: Stop) -> Self {
        Self {
            start: Instant::now(),
            stop,
        }
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the wall clock"
    )]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, duration: Duration) -> bool {
        self.stop.wait(duration)
    }
}

/// Asks a running agent to stop; clones ask the same agent.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    shared: Arc<(Mutex<bool>, Condvar)>,
}

impl Stop {
    /// Asks. The agent ends at its next wait, at the latest after the request it is in.
    pub fn ask(&self) {
        let (asked, changed) = &*self.shared;
        *asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    /// Waits; `false` if the stop was asked for before the time had passed.
    fn wait(&self, duration: Duration) -> bool {
        let (asked, changed) = &*self.shared;
        let guard = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let (guard, _) = changed
            .wait_timeout_while(guard, duration, |asked| !*asked)
            .unwrap_or_else(PoisonError::into_inner);
        !*guard
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A clock that tests wind.

    use std::sync::Mutex;
    use std::time::Duration;

    use time::OffsetDateTime;

    use super::Clock;

    /// Sleeping moves it on at once. It remembers every sleep.
    #[derive(Debug)]
    pub(crate) struct ManualClock {
        inner: Mutex<Inner>,
    }

    #[derive(Debug)]
    struct Inner {
        now: OffsetDateTime,
        elapsed: Duration,
        slept: Vec<Duration>,
        sleeps_left: usize,
    }

    impl ManualClock {
        pub(crate) fn at(now: OffsetDateTime) -> Self {
            let inner = Inner {
                now,
                elapsed: Duration::ZERO,
                slept: Vec::new(),
                sleeps_left: usize::MAX,
            };
            Self {
                inner: Mutex::new(inner),
            }
        }

        /// Makes only the wall clock jump.
        pub(crate) fn set(&self, now: OffsetDateTime) {
            self.inner.lock().unwrap().now = now;
        }

        pub(crate) fn slept(&self) -> Vec<Duration> {
            self.inner.lock().unwrap().slept.clone()
        }

        /// After so many sleeps the agent is told to stop.
        pub(crate) fn stop_after(&self, sleeps: usize) {
            self.inner.lock().unwrap().sleeps_left = sleeps;
        }
    }

    impl Clock for ManualClock {
        fn now(&self) -> OffsetDateTime {
            self.inner.lock().unwrap().now
        }

        fn elapsed(&self) -> Duration {
            self.inner.lock().unwrap().elapsed
        }

        fn sleep(&self, duration: Duration) -> bool {
            let mut inner = self.inner.lock().unwrap();
            inner.now += duration;
            inner.elapsed += duration;
            inner.slept.push(duration);
            inner.sleeps_left = inner.sleeps_left.saturating_sub(1);
            inner.sleeps_left > 0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Stop, SystemClock};
    use std::time::Duration;

    #[test]
    fn a_wait_ends_when_the_stop_is_asked_for() {
        let stop = Stop::default();
        let clock = SystemClock::new(stop.clone());
        assert!(clock.sleep(Duration::from_millis(1)));
        stop.ask();
        assert!(!clock.sleep(Duration::from_hours(1)));
    }
}
