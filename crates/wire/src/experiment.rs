//! Experiments: locked pages tracked on a few machines at risk, until Windows names the driver in a 0xCB.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StopCodeNumber;

/// A wish for an experiment. Everything may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewExperiment {
    /// `0x76` unless given. Only locked pages can be tracked, so only `0x76` and `0xcb` are taken.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::hex::openapi::AnyStopCode>))]
    pub stop_code: Option<StopCodeNumber>,
    /// Base name of the suspected driver; the first suspect of the ranking unless given. Goes with `version`.
    #[serde(default)]
    pub driver: Option<String>,
    /// Its version.
    #[serde(default)]
    pub version: Option<String>,
    /// On how many machines, 5 unless given, at most 50. It runs on fewer if no more can be taken.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 50))]
    pub machines: Option<u32>,
    /// When it ends by itself, at most 60 days from now. Instead of `days`.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub until: Option<OffsetDateTime>,
    /// After how many days it ends by itself, 14 unless given, at most 60.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 60))]
    pub days: Option<u32>,
}

/// A driver version by its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NamedDriver {
    /// Base name, lower case.
    pub name: String,
    /// File version; `null` when no inventory knows the image.
    pub version: Option<String>,
}

/// Where an experiment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
    /// The name as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            ExperimentState::Running => "running",
            ExperimentState::Confirmed => "confirmed",
            ExperimentState::Refuted => "refuted",
            ExperimentState::Cancelled => "cancelled",
            ExperimentState::Expired => "expired",
        }
    }
}

/// One experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Experiment {
    /// Its id.
    pub id: Uuid,
    /// The stop code whose suspect it tests.
    pub stop_code: StopCodeNumber,
    /// The suspect.
    pub driver: NamedDriver,
    /// Where it stands.
    pub state: ExperimentState,
    /// On how many machines it was to run.
    pub machines_wanted: u32,
    /// How many machines have got how far.
    pub counts: ExperimentCounts,
    /// When it was started.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// When it ends by itself.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub ended_at: Option<OffsetDateTime>,
    /// The 0xCB that decided it.
    pub ended_by_crash: Option<Uuid>,
    /// Whom that 0xCB named.
    pub named: Option<NamedDriver>,
}

/// How many machines of an experiment have got how far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExperimentCounts {
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

/// One experiment with its machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExperimentDetail {
    /// What the list shows.
    #[serde(flatten)]
    pub experiment: Experiment,
    /// Its machines by name.
    pub machines: Vec<ExperimentMachine>,
}

/// How far a machine of an experiment has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ExperimentMachineState {
    /// Its agent has not told yet that the value is set.
    Asked,
    /// The value is set and waits for a start of the machine.
    Set,
    /// Windows works by it.
    InForce,
    /// It stopped with a 0xCB.
    Crashed,
    /// The experiment no longer asks; the agent has not told yet that the value is gone.
    Released,
    /// Its owner no longer allows it; the agent has not told yet that the value is gone.
    OptedOut,
    /// The value is gone.
    Removed,
}

impl ExperimentMachineState {
    /// The name as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            ExperimentMachineState::Asked => "asked",
            ExperimentMachineState::Set => "set",
            ExperimentMachineState::InForce => "in-force",
            ExperimentMachineState::Crashed => "crashed",
            ExperimentMachineState::Released => "released",
            ExperimentMachineState::OptedOut => "opted-out",
            ExperimentMachineState::Removed => "removed",
        }
    }
}

/// One machine of an experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExperimentMachine {
    /// The machine.
    pub machine: String,
    /// How far it has got.
    pub state: ExperimentMachineState,
    /// From when on its policy asks for the setting.
    #[serde(with = "time::serde::rfc3339")]
    pub asked_at: OffsetDateTime,
    /// When its agent first told that the value is set.
    #[serde(with = "time::serde::rfc3339::option")]
    pub set_at: Option<OffsetDateTime>,
    /// Since which start Windows works by it.
    #[serde(with = "time::serde::rfc3339::option")]
    pub in_force_since: Option<OffsetDateTime>,
    /// When it stopped with a 0xCB, for the first time since it was asked.
    #[serde(with = "time::serde::rfc3339::option")]
    pub crashed_at: Option<OffsetDateTime>,
    /// That crash.
    pub crash: Option<Uuid>,
    /// From when on its policy no longer asks for the setting.
    #[serde(with = "time::serde::rfc3339::option")]
    pub released_at: Option<OffsetDateTime>,
    /// Whether it was released because its owner no longer allows it.
    pub opted_out: bool,
    /// When its agent told that the value is no longer set.
    #[serde(with = "time::serde::rfc3339::option")]
    pub removed_at: Option<OffsetDateTime>,
    /// When its agent last checked in.
    #[serde(with = "time::serde::rfc3339::option")]
    pub checked_in_at: Option<OffsetDateTime>,
    /// Why its agent could not set or remove the value, in its words.
    pub trouble: Option<String>,
}

/// How often Windows named whom the ranking of 0x76 put first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProofScore {
    /// 0xCBs in which Windows named a driver.
    pub proofs: u64,
    /// Those of them that arrived when the ranking of 0x76 accused somebody.
    pub judged: u64,
    /// Those of these that named its first suspect.
    pub right: u64,
}

/// One page of experiments, and what proofs say of the rankings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Experiments {
    /// The experiments, newest first.
    pub items: Vec<Experiment>,
    /// What to send as `cursor` for the next page; `null` on the last one.
    pub next_cursor: Option<String>,
    /// How often the first suspect was right.
    pub proofs: ProofScore,
}
