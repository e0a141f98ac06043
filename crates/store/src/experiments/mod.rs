//! Experiments: `TrackLockedPages` on a few machines at risk, until Windows names the driver.
//!
//! ```text
//!            asked by policy      told by check-ins          0xCB
//! running ──► asked ──► set ──► in force since a start ──► crashed ──► confirmed: it names the suspect
//!    │                                                            └──► refuted: it names another
//!    ├── an administrator ──► cancelled        whatever the end is, the machines are released: their policy says
//!    └── its date         ──► expired          that the setting goes, and check-ins tell when it is gone
//! ```
//!
//! A machine is in one running experiment at most; the database sees to it. A 0xCB that names nobody, or only a layer of
//! Windows, decides nothing. What a ranking makes of a 0xCB is not decided here: it counts all of them by itself.

mod check_in;
mod end;
mod list;
mod start;

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{Error, ExperimentId};

pub(crate) use check_in::heard;
pub use check_in::{Asked, asked};
pub use end::{Cancelled, LookedOver, cancel, look_over};
pub use list::{find, list};
pub use start::{AtRisk, NewExperiment, Started, start};

/// `PROCESS_HAS_LOCKED_PAGES`: the crash whose culprit is looked for.
pub const LOCKED_PAGES: u32 = 0x76;

/// `DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS`: the crash that names it.
pub const LEFT_LOCKED_PAGES: u32 = 0xcb;

/// Most machines of one experiment.
pub const MOST_MACHINES: u32 = 50;

/// Most experiments that run at once.
pub const MOST_RUNNING: u32 = 20;

/// The longest that one lasts.
pub const LONGEST: Duration = Duration::days(60);

/// The oldest agent that knows how to set and remove `TrackLockedPages`.
pub const OLDEST_AGENT: &str = "0.1.0";

/// An agent that checked in before this long ago may be gone.
pub const HEARD_WITHIN: Duration = Duration::days(3);

/// Where an experiment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExperimentState {
    /// It waits for a 0xCB.
    Running,
    /// A 0xCB named the suspect.
    Confirmed,
    /// A 0xCB named another driver, or another version of it.
    Refuted,
    /// An administrator ended it.
    Cancelled,
    /// Its date came.
    Expired,
}

impl ExperimentState {
    /// The name as in the table and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            ExperimentState::Running => "running",
            ExperimentState::Confirmed => "confirmed",
            ExperimentState::Refuted => "refuted",
            ExperimentState::Cancelled => "cancelled",
            ExperimentState::Expired => "expired",
        }
    }

    fn read(name: &str) -> Result<ExperimentState, Error> {
        let all = [
            ExperimentState::Running,
            ExperimentState::Confirmed,
            ExperimentState::Refuted,
            ExperimentState::Cancelled,
            ExperimentState::Expired,
        ];
        all.into_iter()
            .find(|state| state.as_str() == name)
            .ok_or(Error::Row {
                table: "experiment",
                column: "state",
            })
    }
}

/// A driver version by its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedDriver {
    /// Base name, lower case.
    pub name: String,
    /// File version; `None` when no inventory knows the image.
    pub version: Option<String>,
}

/// One experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experiment {
    /// Its id.
    pub id: ExperimentId,
    /// The stop code whose suspect it tests.
    pub stop_code: u32,
    /// The suspect.
    pub driver: NamedDriver,
    /// Where it stands.
    pub state: ExperimentState,
    /// How many machines it was to have.
    pub machines_wanted: u32,
    /// How many machines have got how far.
    pub counts: Counts,
    /// When it was started.
    pub started_at: OffsetDateTime,
    /// When it ends by itself.
    pub until: OffsetDateTime,
    /// When it ended.
    pub ended_at: Option<OffsetDateTime>,
    /// The 0xCB that decided it.
    pub ended_by_crash: Option<Uuid>,
    /// Whom that 0xCB named.
    pub named: Option<NamedDriver>,
}

/// How many machines of an experiment have got how far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub asked: u64,
    /// Those whose agent told that the value is set.
    pub set: u64,
    /// Those on which Windows works by it.
    pub in_force: u64,
    /// Those that stopped with a 0xCB.
    pub crashed: u64,
    /// Those whose owner no longer allows it.
    pub opted_out: u64,
    /// Those whose agent told that it is gone again.
    pub removed: u64,
}

/// One machine of an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExperimentMachine {
    /// Its name.
    pub machine: String,
    /// From when on its policy asks for the setting.
    pub asked_at: OffsetDateTime,
    /// When its agent first told that the value is set.
    pub set_at: Option<OffsetDateTime>,
    /// Since which start Windows works by it.
    pub in_force_since: Option<OffsetDateTime>,
    /// When it stopped with a 0xCB, for the first time since it was asked.
    pub crashed_at: Option<OffsetDateTime>,
    /// That crash.
    pub crash_id: Option<Uuid>,
    /// From when on its policy no longer asks for the setting.
    pub released_at: Option<OffsetDateTime>,
    /// Whether it was released because its owner no longer allows it.
    pub opted_out: bool,
    /// When its agent told that the value is no longer set.
    pub removed_at: Option<OffsetDateTime>,
    /// When its agent last checked in.
    pub checked_in_at: Option<OffsetDateTime>,
    /// Why its agent could not set or remove the value, in its words.
    pub trouble: Option<String>,
}
