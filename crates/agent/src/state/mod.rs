//! What the agent must not forget: which dumps were sent, what the server asked for, which events were read.
//!
//! One small JSON file in the state folder, written after every step ([`mod@file`]). Losing it loses nothing but time:
//! dumps lie where Windows wrote them or in the spool, and the server is asked which of them it has.

mod file;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use time::{Date, Duration, OffsetDateTime};
use wire::inventory::Event;
use wire::policy::Policy;

pub(crate) use self::file::{StateFile, read, write_whole};
use crate::machine::Boot;

/// The most dumps that are remembered, those that are gone and done first to be forgotten.
const DUMPS_MOST: usize = 4096;

/// The most driver sets whose hash is remembered.
const DRIVER_SETS_MOST: usize = 8;

/// The most days that wait to be told: over a year offline.
const DAYS_MOST: usize = 400;

/// Everything that is remembered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    /// Whether this state began with the loss of an earlier one: then the server is asked before a dump is sent.
    pub(crate) is_rebuilt: bool,
    /// Dumps by the SHA-256 of their bytes.
    pub(crate) dumps: BTreeMap<String, DumpRecord>,
    /// Full memory dumps whose body is not wanted, by path.
    pub(crate) withheld: BTreeMap<String, Withheld>,
    /// UTC days on which the machine was on, not yet told.
    pub(crate) days: BTreeSet<Date>,
    /// The last day that was told.
    pub(crate) told_until: Option<Date>,
    /// The last check-in.
    pub(crate) check_in: Option<CheckedIn>,
    /// The last inventory.
    pub(crate) inventory: Option<SentInventory>,
    /// Hashes that the server gave for driver lists, newest last: fingerprint and hash.
    pub(crate) driver_sets: VecDeque<(String, String)>,
    /// The event log.
    pub(crate) events: EventState,
    /// When the server last answered.
    #[serde(with = "time::serde::rfc3339::option")]
    pub(crate) last_contact: Option<OffsetDateTime>,
    /// What is in the way, in words; `None` after a round without trouble.
    pub(crate) trouble: Option<NotedTrouble>,
    /// Not before this may the server be asked again, because it said that it admits this machine no more.
    #[serde(with = "time::serde::rfc3339::option")]
    pub(crate) shut_out_until: Option<OffsetDateTime>,
    /// The SHA-256 of the configured token that was shut out: another one is tried at once.
    pub(crate) shut_out_token: Option<String>,
}

/// One dump.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DumpRecord {
    /// Where it was found.
    pub(crate) path: String,
    /// Its size.
    pub(crate) size_bytes: u64,
    /// When the file was changed last, in seconds since 1970.
    pub(crate) modified: i64,
    /// What kind it is, in a word.
    pub(crate) kind: String,
    /// The crash, if the dump is of the kernel.
    pub(crate) crash: Option<Crash>,
    /// Where it stands.
    pub(crate) standing: Standing,
    /// How often the server failed on it.
    #[serde(default)]
    pub(crate) failures: u32,
    /// When it is tried next.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub(crate) not_before: Option<OffsetDateTime>,
}

/// What the header of a kernel dump says of the crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Crash {
    /// The stop code as stored.
    pub(crate) raw_code: u32,
    /// Its parameters.
    pub(crate) parameters: [u64; 4],
    /// When, in seconds since 1970.
    pub(crate) at: Option<i64>,
}

/// Where a dump stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Standing {
    /// It waits to be sent.
    Pending,
    /// It was being sent, or the answer was lost: the server is asked before it is sent again.
    Unsure,
    /// The server has it.
    Sent,
    /// It is not sent, for this reason.
    Refused(String),
}

/// A full memory dump of which only the head was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Withheld {
    /// Its size.
    pub(crate) size_bytes: u64,
    /// When the file was changed last, in seconds since 1970.
    pub(crate) modified: i64,
    /// What kind it is, in a word.
    pub(crate) kind: String,
    /// The crash, if the dump is of the kernel.
    pub(crate) crash: Option<Crash>,
}

/// A check-in that the server answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CheckedIn {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) at: OffsetDateTime,
    /// In which run of the machine.
    pub(crate) boot: Boot,
    /// What was said of the locked pages, as JSON.
    pub(crate) told: String,
    /// What the server asked for.
    pub(crate) policy: Policy,
}

/// An inventory that the server answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SentInventory {
    /// Everything but the time it was taken, as one hash.
    pub(crate) fingerprint: String,
    /// In which run of the machine it was taken.
    pub(crate) boot: Boot,
}

/// How far the event log was read, and what waits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct EventState {
    /// The last record that was read.
    pub(crate) record: u64,
    /// Size and time of the log when it was read.
    pub(crate) log: Option<(u64, i64)>,
    /// Bug checks not told yet.
    pub(crate) pending: Vec<Event>,
    /// Bug checks told or known from a dump, newest last.
    pub(crate) told: VecDeque<Event>,
}

/// Something in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NotedTrouble {
    /// Since when, without a round that went well in between.
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) since: OffsetDateTime,
    /// What, in words.
    pub(crate) what: String,
    /// Rounds in a row that ended in trouble.
    pub(crate) rounds: u32,
}

impl DumpRecord {
    /// Whether it is still to be sent.
    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.standing, Standing::Pending | Standing::Unsure)
    }
}

impl State {
    /// How many dumps are still to be sent.
    pub(crate) fn pending_dumps(&self) -> usize {
        self.dumps.values().filter(|dump| dump.is_pending()).count()
    }

    /// The policy that holds, or `None` before the first check-in.
    pub(crate) fn policy(&self) -> Option<&Policy> {
        self.check_in.as_ref().map(|check_in| &check_in.policy)
    }

    /// Notes that the machine is on today.
    ///
    /// Days noted by a clock that stood in the future stay, because a clock that stands in the past cannot tell them
    /// from real ones; [`State::days_to_tell`] leaves them out.
    pub(crate) fn note_day(&mut self, now: OffsetDateTime) {
        let today = now.date();
        if self
            .told_until
            .is_some_and(|told| told > today + Duration::days(1))
        {
            self.told_until = None;
        }
        if self.told_until.is_none_or(|told| told < today) {
            self.days.insert(today);
        }
        while self.days.len() > DAYS_MOST {
            let is_future = self.days.last().is_some_and(|day| *day > today);
            if is_future {
                self.days.pop_last()
            } else {
                self.days.pop_first()
            };
        }
    }

    /// The days to tell: those noted that are not in the future.
    pub(crate) fn days_to_tell(&self, now: OffsetDateTime) -> Vec<Date> {
        self.days.range(..=now.date()).copied().collect()
    }

    /// Remembers the hash that the server gave for a list of drivers.
    pub(crate) fn remember_driver_set(&mut self, fingerprint: &str, hash: &str) {
        self.driver_sets.retain(|(known, _)| known != fingerprint);
        self.driver_sets
            .push_back((fingerprint.to_owned(), hash.to_owned()));
        while self.driver_sets.len() > DRIVER_SETS_MOST {
            self.driver_sets.pop_front();
        }
    }

    /// The hash that the server gave for a list of drivers.
    pub(crate) fn driver_set(&self, fingerprint: &str) -> Option<&str> {
        let known = self.driver_sets.iter().find(|(known, _)| known == fingerprint);
        known.map(|(_, hash)| hash.as_str())
    }

    /// Forgets the oldest dumps that are done, until the file is small again.
    pub(crate) fn trim(&mut self) {
        let surplus = self.dumps.len().saturating_sub(DUMPS_MOST);
        if surplus == 0 {
            return;
        }
        let done = self.dumps.iter().filter(|(_, dump)| !dump.is_pending());
        let mut done: Vec<_> = done
            .map(|(sha256, dump)| (dump.modified, sha256.clone()))
            .collect();
        done.sort();
        for (_, sha256) in done.into_iter().take(surplus) {
            self.dumps.remove(&sha256);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::State;
    use time::macros::datetime;

    #[test]
    fn a_day_is_noted_once_and_not_again_when_it_was_told() {
        let mut state = State::default();
        state.note_day(datetime!(2026-11-22 01:00 UTC));
        state.note_day(datetime!(2026-11-22 23:00 UTC));
        assert_eq!(state.days.len(), 1);
        state.told_until = state.days.pop_first();
        state.note_day(datetime!(2026-11-22 23:30 UTC));
        assert!(state.days.is_empty());
    }

    #[test]
    fn days_noted_by_a_clock_in_the_future_are_not_told() {
        let mut state = State::default();
        state.note_day(datetime!(2036-01-01 00:00 UTC));
        state.told_until = Some(datetime!(2036-01-01 00:00 UTC).date());
        let now = datetime!(2026-11-22 00:00 UTC);
        state.note_day(now);
        assert_eq!(state.days_to_tell(now), [now.date()]);
    }

    #[test]
    fn a_clock_in_the_past_costs_no_day() {
        let mut state = State::default();
        let now = datetime!(2026-11-22 00:00 UTC);
        state.note_day(now);
        state.note_day(datetime!(2001-01-01 00:00 UTC));
        assert!(state.days_to_tell(now).contains(&now.date()));
    }

    #[test]
    fn only_so_many_driver_sets_are_remembered() {
        let mut state = State::default();
        for number in 0..20 {
            state.remember_driver_set(&format!("f{number}"), "h");
        }
        assert_eq!(state.driver_sets.len(), 8);
        assert_eq!(state.driver_set("f19"), Some("h"));
        assert_eq!(state.driver_set("f0"), None);
    }
}
