//! The agent itself: one [`Agent::round`] does all there is to do, [`Agent::once`] and [`Agent::run`] repeat it.
//!
//! ```text
//! round   look      which dumps are new and whole, what the event log says, TrackLockedPages    needs no server
//!         talk      enrol · check in · inventory · dumps, one at a time · events               ends at the first trouble
//!         put by    dumps that could not be sent go into the spool                             after trouble
//! ```
//!
//! Every step that changes something is saved before the next. A round that ends in trouble is repeated later, the
//! longer the more of them there were; there are no other retries, so nothing can retry in a retry.

mod admission;
mod outlook;
mod pace;
mod reports;
mod sending;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use time::OffsetDateTime;
use wire::policy::LockedPages;

use crate::chance::Chance;
use crate::clock::Clock;
use crate::config::Config;
use crate::dumps::spool::Spool;
use crate::dumps::{Sightings, Waits};
use crate::locked_pages::{Asked, Tracking};
use crate::machine::{Boot, Machine};
use crate::server::{Client, Credentials, Trouble};
use crate::state::{NotedTrouble, State, StateFile};
use crate::{events, identity, service};

/// How long a machine that was shut out waits before it asks again.
const SHUT_OUT: Duration = Duration::from_hours(24);

/// Absent locked pages, as JSON.
const NOTHING_TOLD: &str = "null";

/// Collects and sends what one machine has.
pub struct Agent {
    config: Config,
    machine: Box<dyn Machine + Send>,
    clock: Arc<dyn Clock>,
    chance: Chance,
    name: String,
    client: Client,
    credentials: Credentials,
    tracking: Tracking,
    spool: Spool,
    sightings: Sightings,
    /// Trouble with files that was logged, so that it is logged once.
    unreadable: HashMap<PathBuf, String>,
    state: State,
    file: StateFile,
    _lock: File,
}

/// How one round, or all rounds of [`Agent::once`], ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// Dumps that were sent, or that the server had already.
    pub dumps_sent: usize,
    /// Dumps that wait.
    pub dumps_pending: usize,
    /// Files that are being written, or seem to be.
    pub dumps_unsettled: usize,
    /// Events that were sent.
    pub events_sent: usize,
    /// What is in the way, in words; `None` if all that could be sent was.
    pub trouble: Option<String>,
}

/// How a round ended.
#[derive(Debug, Default)]
struct Round {
    dumps_sent: usize,
    events_sent: usize,
    /// Files that are being written, which the next look may take.
    unsettled: usize,
    trouble: Option<Trouble>,
}

impl Agent {
    /// An agent for one machine.
    ///
    /// # Errors
    ///
    /// When no server is configured, or state folder, proxy or certificates cannot be used.
    pub fn new(config: Config, machine: Box<dyn Machine + Send>, clock: Arc<dyn Clock>) -> Result<Self> {
        let client = Client::new(&config)?;
        service::make_private_folder(&config.state_dir)?;
        let lock = lock(&config.state_dir)?;
        let name = identity::of(machine.as_ref(), &config);
        let (file, state) = StateFile::open(&config.state_dir);
        let server = config.server.as_deref().unwrap_or_default();
        let credentials = Credentials::open(&config.state_dir, server, &name, config.token.clone());
        let seed = u64::try_from(clock.now().unix_timestamp()).unwrap_or(0);
        Ok(Self {
            chance: Chance::from_system(seed),
            tracking: Tracking::new(&config.state_dir, config.allow_track_locked_pages),
            spool: Spool::new(&config.state_dir, config.spool_bytes),
            sightings: Sightings::default(),
            unreadable: HashMap::new(),
            config,
            machine,
            clock,
            name,
            client,
            credentials,
            state,
            file,
            _lock: lock,
        })
    }

    /// The machine's id, as the server sees it.
    pub fn machine(&self) -> &str {
        &self.name
    }

    fn round(&mut self) -> Round {
        let mut round = Round::default();
        self.state.note_day(self.now());
        let locked_pages = self.track_locked_pages();
        round.unsettled = self.look_for_dumps();
        events::read(self.machine.as_ref(), &mut self.state);
        self.save();
        round.trouble = self.talk(locked_pages, &mut round).err();
        self.note_trouble(round.trouble.as_ref());
        if round.trouble.is_some() {
            self.put_by();
        }
        self.state.trim();
        self.save();
        round
    }

    fn talk(&mut self, locked_pages: Option<LockedPages>, round: &mut Round) -> Result<(), Trouble> {
        self.enrol()?;
        let mut refusal = None;
        let told = go_on(self.check_in(locked_pages), &mut refusal)?;
        if told == Some(true) {
            // The policy may be a new one.
            let locked_pages = self.track_locked_pages();
            go_on(self.check_in(locked_pages), &mut refusal)?;
            round.unsettled = round.unsettled.max(self.look_for_dumps());
        }
        go_on(self.send_inventory(), &mut refusal)?;
        self.send_dumps(round)?;
        go_on(self.send_events(round), &mut refusal)?;
        refusal.map_or(Ok(()), Err)
    }

    /// Sees to `TrackLockedPages` and says how it stands; `None` as long as there was never anything to say.
    fn track_locked_pages(&mut self) -> Option<LockedPages> {
        let check_in = self.state.check_in.as_ref();
        let was_told = check_in.is_some_and(|check_in| check_in.told != NOTHING_TOLD);
        let asked = Asked {
            policy: check_in.map(|check_in| (&check_in.policy, check_in.at)),
            now: self.clock.now(),
            boot: Boot::of(self.machine.as_ref(), self.clock.now()),
        };
        let told = self.tracking.apply(self.machine.as_ref(), asked);
        // An end that could not be told when it came is told until the next beginning.
        told.or_else(|| was_told.then(|| Tracking::at_rest(self.machine.as_ref())))
    }

    fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    fn boot(&self) -> Boot {
        Boot::of(self.machine.as_ref(), self.now())
    }

    fn waits(&self) -> Waits {
        Waits {
            steady: self.config.steady,
            patience: self.config.patience,
        }
    }

    fn save(&mut self) {
        self.file.save(&self.state);
    }

    /// Notes what is in the way, and logs it when it is new.
    fn note_trouble(&mut self, trouble: Option<&Trouble>) {
        let Some(trouble) = trouble else {
            return self.note_end_of_trouble();
        };
        let what = trouble.to_string();
        let noted = self.state.trouble.take();
        if noted.as_ref().is_none_or(|noted| noted.what != what) {
            tracing::warn!("{what}");
        }
        let (since, rounds) = noted.map_or_else(
            || (self.now(), 1),
            |noted| (noted.since, noted.rounds.saturating_add(1)),
        );
        self.state.trouble = Some(NotedTrouble { since, what, rounds });
    }

    fn note_end_of_trouble(&mut self) {
        if let Some(over) = self.state.trouble.take() {
            tracing::info!(rounds = over.rounds, "the trouble is over: {}", over.what);
        }
    }
}

/// Removes what the agent of this configuration set on the machine, before the agent itself is removed.
pub fn leave(config: &Config, machine: &dyn Machine) {
    Tracking::new(&config.state_dir, config.allow_track_locked_pages).give_up(machine);
}

/// Keeps a second agent from the same state. The lock goes with the process, however that ends.
fn lock(state_dir: &Path) -> Result<File> {
    let path = state_dir.join("agent.lock");
    let about = || format!("cannot write in the state folder {}", state_dir.display());
    let file = File::create(path).with_context(about)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("another agent works in {}", state_dir.display()),
        Err(TryLockError::Error(error)) => Err(error).with_context(about),
    }
}

/// Keeps what is wrong with one request from stopping the others: dumps are sent even where inventories are refused.
fn go_on<T>(result: Result<T, Trouble>, refusal: &mut Option<Trouble>) -> Result<Option<T>, Trouble> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(trouble @ (Trouble::Refused { .. } | Trouble::Broken { .. })) => {
            refusal.get_or_insert(trouble);
            Ok(None)
        }
        Err(trouble) => Err(trouble),
    }
}
