//! An uploaded dump and where it stands.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// What an upload is answered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadedDumps {
    /// One entry a dump, in the order they were sent.
    pub dumps: Vec<UploadedDump>,
    /// Members of an archive that were not taken, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedDump>,
}

/// A member of an archive that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefusedDump {
    /// Its name in the archive.
    pub file_name: Option<String>,
    /// Why, in a sentence.
    pub reason: String,
}

/// One dump of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadedDump {
    /// The dump's id.
    pub id: Uuid,
    /// SHA-256 of the inflated bytes, 64 hex digits.
    pub sha256: String,
    /// Inflated size.
    pub size_bytes: u64,
    /// What the magic bytes say.
    pub format: DumpFormat,
    /// Where it stands.
    pub state: DumpState,
    /// Whether the server already had these bytes.
    pub duplicate: bool,
    /// The name it was sent under, if any.
    pub file_name: Option<String>,
}

/// One dump and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Dump {
    /// The dump's id.
    pub id: Uuid,
    /// SHA-256 of the bytes, 64 hex digits.
    pub sha256: String,
    /// Size.
    pub size_bytes: u64,
    /// What kind of dump it is.
    pub format: DumpFormat,
    /// Where it stands.
    pub state: DumpState,
    /// How often analysis was tried.
    pub attempts: u32,
    /// Why it failed, in a sentence.
    pub error: Option<String>,
    /// The crash it became.
    pub crash_id: Option<Uuid>,
    /// The machine it was uploaded for.
    pub machine: Option<String>,
    /// The name it was sent under, if any.
    pub file_name: Option<String>,
    /// The other parts of its form, by name, as its crash reporter sent them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub annotations: Option<serde_json::Value>,
    /// When it was received.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
}

/// What kind of dump a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DumpFormat {
    /// A small kernel dump.
    KernelTriage,
    /// A kernel dump with a page bitmap (automatic, active, kernel).
    KernelBitmap,
    /// A complete memory dump.
    KernelFull,
    /// A kernel dump of a machine that went on running.
    KernelLive,
    /// A user-mode minidump (`MDMP`).
    UserMinidump,
}

impl DumpFormat {
    /// The name as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            DumpFormat::KernelTriage => "kernel-triage",
            DumpFormat::KernelBitmap => "kernel-bitmap",
            DumpFormat::KernelFull => "kernel-full",
            DumpFormat::KernelLive => "kernel-live",
            DumpFormat::UserMinidump => "user-minidump",
        }
    }
}

/// Where a dump stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DumpState {
    /// Stored, waiting for a worker.
    Queued,
    /// A worker has it.
    Processing,
    /// Its crash is there.
    Done,
    /// It could not be read; the error says why.
    Failed,
}
