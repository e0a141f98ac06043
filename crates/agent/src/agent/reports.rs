//! What is told about the machine: the daily check-in, the inventory, the events.

use time::Duration;
use wire::inventory::{Events, InventoryAnswer};
use wire::policy::{CheckIn, LockedPages, Policy};

use super::admission::VERSION;
use super::{Agent, Round};
use crate::events;
use crate::inventory::Look;
use crate::server::Trouble;
use crate::state::{CheckedIn, SentInventory};

/// The least and the most time between two check-ins, whatever the server says.
const CHECK_IN_BOUNDS: (Duration, Duration) = (Duration::minutes(1), Duration::days(7));

impl Agent {
    /// Checks in if it is time, or the machine was started, or something is to be told. Says whether it did.
    pub(super) fn check_in(&mut self, locked_pages: Option<LockedPages>) -> Result<bool, Trouble> {
        let now = self.now();
        let boot = self.boot();
        let told = serde_json::to_string(&locked_pages).unwrap_or_default();
        if let Some(last) = &self.state.check_in
            && last.boot.is_same(boot)
            && last.told == told
            && !is_due(last, now)
        {
            return Ok(false);
        }
        let mut body = CheckIn {
            agent_version: VERSION.to_owned(),
            days: self.state.days_to_tell(now),
            started_at: boot.started_at,
            may_track_locked_pages: self.config.allow_track_locked_pages,
            locked_pages,
        };
        let mut policy = self.tell("POST", "check-in", &body)?.json::<Policy>(now);
        if let Err(Trouble::Refused {
            status: 400, detail, ..
        }) = &policy
            && !body.days.is_empty()
        {
            // A clock that stands in the future tells of days that have not come; they must not cost the policy.
            tracing::warn!(
                detail,
                "the server does not take the days; the check-in is sent without them"
            );
            body.days.clear();
            policy = self.tell("POST", "check-in", &body)?.json(now);
        }
        let policy = self.heard(policy)?;
        let days = body.days;
        self.state.days.retain(|day| !days.contains(day));
        self.state.told_until = days.last().copied().or(self.state.told_until);
        self.state.check_in = Some(CheckedIn {
            at: now,
            boot,
            told,
            policy,
        });
        self.save();
        Ok(true)
    }

    /// Sends the inventory if the machine was started or something changed: with the hash of the drivers if the
    /// server gave one, in full only if it does not know that.
    pub(super) fn send_inventory(&mut self) -> Result<(), Trouble> {
        let now = self.now();
        let look = Look::take(self.machine.as_ref(), &self.config, &self.state);
        let sent = SentInventory {
            fingerprint: look.fingerprint.clone(),
            boot: self.boot(),
        };
        let is_told =
            |last: &SentInventory| last.fingerprint == sent.fingerprint && last.boot.is_same(sent.boot);
        if self.state.inventory.as_ref().is_some_and(is_told) {
            return Ok(());
        }
        let known = self.state.driver_set(&look.drivers_fingerprint);
        let short = known.map(|hash| look.with_hash(hash));
        let mut answered = None;
        if let Some(inventory) = short {
            let answer = self.tell("PUT", "inventory", &inventory)?;
            answered = match answer.json::<InventoryAnswer>(now) {
                Err(Trouble::Refused { status: 409, .. }) => None,
                answer => Some(self.heard(answer)?),
            };
        }
        let answered = if let Some(answered) = answered {
            answered
        } else {
            let answer = self.tell("PUT", "inventory", &look.in_full())?;
            let answer = answer.json::<InventoryAnswer>(now);
            self.heard(answer)?
        };
        self.state
            .remember_driver_set(&look.drivers_fingerprint, &answered.driver_set);
        tracing::info!(
            drivers = look.driver_files.len(),
            changed = answered.changed,
            "the inventory is sent"
        );
        self.state.inventory = Some(sent);
        self.save();
        Ok(())
    }

    /// Sends bug checks that left no dump.
    pub(super) fn send_events(&mut self, round: &mut Round) -> Result<(), Trouble> {
        let now = self.now();
        let tell = events::to_tell(&mut self.state, now);
        if tell.is_empty() {
            return Ok(());
        }
        let body = Events { events: tell };
        let answer = self.tell("POST", "events", &body)?;
        match answer.done(now) {
            Err(Trouble::Refused {
                status: 400 | 422,
                detail,
                ..
            }) => {
                tracing::warn!(
                    detail,
                    "the server does not take the events; they are not told again"
                );
            }
            done => self.heard(done)?,
        }
        round.events_sent += body.events.len();
        events::told(&mut self.state, body.events);
        self.save();
        Ok(())
    }
}

/// Whether the time of the last check-in is up, or lies in the future because the clock was set back.
fn is_due(last: &CheckedIn, now: time::OffsetDateTime) -> bool {
    let (shortest, longest) = CHECK_IN_BOUNDS;
    let seconds = i64::try_from(last.policy.check_in_seconds).unwrap_or(i64::MAX);
    let interval = Duration::seconds(seconds).clamp(shortest, longest);
    let passed = now - last.at;
    passed >= interval || passed < Duration::ZERO
}
