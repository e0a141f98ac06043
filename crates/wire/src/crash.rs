//! A crash as lists show it; the whole of it is [`Crash`](crate::report::Crash).

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::report::{CrashKind, CrashSource, ProbableDriver};
use crate::{Hex, StopCodeNumber};

/// One crash in the list of crashes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CrashSummary {
    /// The crash's id.
    pub id: Uuid,
    /// The dump it was read from, if there was one.
    pub dump_id: Option<Uuid>,
    /// The machine that crashed, as its client named it; `null` when the upload named none.
    pub machine: Option<String>,
    /// Kernel (bug check) or user (exception in a process).
    pub kind: CrashKind,
    /// How the server learnt of it.
    pub source: CrashSource,
    /// When the machine stopped, by its own clock if that makes sense.
    #[serde(with = "time::serde::rfc3339")]
    pub crashed_at: OffsetDateTime,
    /// When the server learnt of it.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    /// Whole seconds between boot and crash.
    pub uptime_seconds: Option<u64>,
    /// The bug check; `null` for user crashes.
    pub stop_code: Option<StopCodeBrief>,
    /// OS build.
    pub os_build: Option<u32>,
    /// Manufacturer of the machine.
    pub manufacturer: Option<String>,
    /// Hardware model of the machine.
    pub model: Option<String>,
    /// Image name of the current process.
    pub process: Option<String>,
    /// What groups crashes with one cause.
    pub signature: String,
    /// The driver that the dump points at; `via` is only in the whole crash.
    pub probable_driver: Option<ProbableDriver>,
    /// Whether it counts in rates: neither a live dump nor a stop that somebody caused on purpose.
    pub counts: bool,
}

/// A bug check in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StopCodeBrief {
    /// The code with bit 28 cleared.
    pub code: StopCodeNumber,
    /// The code as the dump holds it.
    pub raw_code: Hex,
    /// Its name.
    pub name: String,
}
