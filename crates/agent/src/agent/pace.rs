//! When to do the next round: at once, after a wait, or never.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::{Agent, Outcome, Round, SHUT_OUT};
use crate::server::Trouble;

/// How often the agent looks for something to do before the server says how often.
const INTERVAL: Duration = Duration::from_mins(15);

/// The bounds of what the server may ask for as interval.
const INTERVAL_BOUNDS: (Duration, Duration) = (Duration::from_secs(10), Duration::from_hours(24));

/// How long a server that was configured wrongly, or refuses, is left alone.
const REFUSED: Duration = Duration::from_mins(15);

/// `once` ends rather than wait longer than this.
const ONCE_WAIT_MOST: Duration = Duration::from_mins(10);

/// The most looks in a row that are made soon because files are being written.
const LOOKS_MOST: u32 = 60;

impl Agent {
    /// Does all there is to do, once, and waits for files that are being written. While the server cannot be reached
    /// it tries as often as configured.
    pub fn once(&mut self) -> Outcome {
        let mut outcome = self.outcome();
        let (mut failures, mut looks) = (0, 0);
        loop {
            let round = self.round();
            outcome.dumps_sent += round.dumps_sent;
            outcome.events_sent += round.events_sent;
            outcome.dumps_unsettled = round.unsettled;
            let wait = match &round.trouble {
                Some(trouble) if is_worth_a_retry(trouble) => {
                    failures += 1;
                    self.wait_after(trouble, failures)
                }
                _ if round.unsettled > 0 && looks < LOOKS_MOST => {
                    looks += 1;
                    self.config.steady
                }
                Some(_) => break,
                None => match self.wait_until_due() {
                    Some(wait) => {
                        failures += 1;
                        wait
                    }
                    None => break,
                },
            };
            if failures >= self.config.attempts {
                break;
            }
            if wait > ONCE_WAIT_MOST || !self.clock.sleep(wait) {
                break;
            }
        }
        Outcome {
            dumps_pending: self.state.pending_dumps(),
            trouble: self.state.trouble.as_ref().map(|trouble| trouble.what.clone()),
            ..outcome
        }
    }

    /// Repeats rounds until the clock says stop.
    ///
    /// A round that panics is a bug in the agent; it is logged, and the next round comes after a wait like after any
    /// other trouble, so that a file that defeats us cannot make a crash loop.
    pub fn run(&mut self) {
        tracing::info!(machine = %self.name, version = env!("CARGO_PKG_VERSION"), "the agent runs");
        let jitter = self.config.jitter;
        let mut wait = self.chance.up_to(jitter);
        let (mut failures, mut looks) = (0, 0);
        while self.clock.sleep(wait) {
            let round = catch_unwind(AssertUnwindSafe(|| self.round()));
            wait = self.wait_after_round(round.ok(), &mut failures, &mut looks);
        }
        self.file.save(&self.state);
        tracing::info!("the agent stops");
    }

    /// How long to wait after a round of [`Agent::run`]; `None` for one that panicked.
    fn wait_after_round(&mut self, round: Option<Round>, failures: &mut u32, looks: &mut u32) -> Duration {
        let Some(round) = round else {
            *failures += 1;
            tracing::error!("a round ended in a panic; this is a bug in the agent");
            return INTERVAL.max(self.chance.backoff(*failures));
        };
        if let Some(trouble) = &round.trouble {
            *failures += 1;
            return self.wait_after(trouble, *failures);
        }
        *failures = 0;
        *looks = if round.unsettled > 0 { *looks + 1 } else { 0 };
        self.wait_until_next(*looks)
    }

    fn outcome(&self) -> Outcome {
        Outcome {
            dumps_sent: 0,
            dumps_pending: self.state.pending_dumps(),
            dumps_unsettled: 0,
            events_sent: 0,
            trouble: None,
        }
    }

    /// How long to wait after a round that ended in trouble.
    fn wait_after(&mut self, trouble: &Trouble, failures: u32) -> Duration {
        let backoff = self.chance.backoff(failures);
        match trouble {
            // The server said when; the jitter keeps a fleet from coming back in the same second.
            Trouble::Busy {
                retry_after: Some(wait),
                ..
            } => *wait + self.chance.up_to((*wait / 4).max(Duration::from_secs(1))),
            Trouble::Revoked { .. } => self.chance.around(SHUT_OUT),
            Trouble::Refused { .. } | Trouble::NoToken => backoff.max(self.chance.around(REFUSED)),
            _ => backoff,
        }
    }

    fn wait_until_next(&mut self, looks: u32) -> Duration {
        // A file that never stands still is looked at no more often than everything else.
        if (1..=LOOKS_MOST).contains(&looks) {
            return self.config.steady;
        }
        let policy = self.state.policy();
        let interval = policy.map_or(INTERVAL, |policy| {
            Duration::from_secs(policy.upload_interval_seconds)
        });
        let (least, most) = INTERVAL_BOUNDS;
        self.chance.around(interval.clamp(least, most))
    }
}

/// Whether the same could go well a minute later.
fn is_worth_a_retry(trouble: &Trouble) -> bool {
    !matches!(
        trouble,
        Trouble::Revoked { .. } | Trouble::Refused { .. } | Trouble::NoToken
    )
}
