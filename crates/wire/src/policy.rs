//! How an agent joins, what it tells once a day, and what it is asked to do.

use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// An agent that asks for a token of its own. It shows the enrolment token with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Enrolment {
    /// The agent's version, e.g. `0.1.0`.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[A-Za-z0-9.+_-]{1,40}$"))]
    pub agent_version: String,
}

/// What an agent needs from then on. The token is shown here and never again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Enrolled {
    /// The machine that the token writes for.
    pub machine: String,
    /// The token, of scope `agent`.
    pub token: String,
}

impl std::fmt::Debug for Enrolled {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { machine, token: _ } = self;
        formatter
            .debug_struct("Enrolled")
            .field("machine", machine)
            .finish_non_exhaustive()
    }
}

/// The one request of a day on which nothing happened: an agent sends it once a day and after each start of its machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckIn {
    /// The agent's version.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[A-Za-z0-9.+_-]{1,40}$"))]
    pub agent_version: String,
    /// UTC days on which the machine was on and that no earlier check-in told.
    #[cfg_attr(feature = "openapi", schema(max_items = 400))]
    #[serde(with = "crate::day::list")]
    pub days: Vec<Date>,
    /// When the machine was started last.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub started_at: Option<OffsetDateTime>,
    /// Whether the machine's owner lets the server have locked pages tracked on it.
    #[serde(default)]
    pub may_track_locked_pages: bool,
    /// How tracking stands; absent while it was never set by the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_pages: Option<LockedPages>,
}

/// Whether `TrackLockedPages` is set on a machine, and whether Windows works by it yet: it reads the value at its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LockedPages {
    /// Whether the value is set in the registry.
    pub set: bool,
    /// Since which start of the machine it is in force; `null` while it waits for one, and when it is not set.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub in_force_since: Option<OffsetDateTime>,
    /// Why it could not be set or removed, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// What the agent of one machine is asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Policy {
    /// How often it should look for something to upload.
    pub upload_interval_seconds: u64,
    /// How long after a check-in the next one is due when nothing happens.
    #[serde(default = "a_day")]
    pub check_in_seconds: u64,
    /// Whether the bodies of full memory dumps are wanted; of others only what they are is told.
    #[serde(default)]
    pub wants_full_dumps: bool,
    /// Whether it should set `TrackLockedPages`, if its owner lets it.
    pub track_locked_pages: bool,
    /// Until when it should be set. The agent removes it then even if it hears nothing more.
    #[serde(with = "time::serde::rfc3339::option")]
    pub track_locked_pages_until: Option<OffsetDateTime>,
    /// The experiment that asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<Uuid>,
}

fn a_day() -> u64 {
    24 * 60 * 60
}
