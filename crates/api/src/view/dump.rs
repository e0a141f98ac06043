//! Dumps as the API shows them.

use store::dumps::DumpState;
use wire::dump::{Dump, DumpFormat};

use crate::error::ApiError;

/// Where a dump stands.
pub(crate) fn state(state: DumpState) -> wire::dump::DumpState {
    match state {
        DumpState::Queued => wire::dump::DumpState::Queued,
        DumpState::Processing => wire::dump::DumpState::Processing,
        DumpState::Done => wire::dump::DumpState::Done,
        DumpState::Failed => wire::dump::DumpState::Failed,
    }
}

/// One dump.
pub(crate) fn dump(dump: store::dumps::Dump) -> Result<Dump, ApiError> {
    Ok(Dump {
        id: dump.id.0,
        sha256: dump.sha256.to_string(),
        size_bytes: dump.size_bytes,
        format: format(&dump.format)?,
        state: state(dump.state),
        attempts: dump.attempts,
        error: dump.error,
        crash_id: dump.crash_id.map(|id| id.0),
        machine: dump.machine,
        file_name: dump.file_name,
        annotations: dump.annotations,
        received_at: dump.received_at,
    })
}

/// The format that a word in the table means.
pub(crate) fn format(word: &str) -> Result<DumpFormat, ApiError> {
    let known = [
        DumpFormat::KernelTriage,
        DumpFormat::KernelBitmap,
        DumpFormat::KernelFull,
        DumpFormat::KernelLive,
        DumpFormat::UserMinidump,
    ];
    known
        .into_iter()
        .find(|format| format.as_str() == word)
        .ok_or_else(|| ApiError::internal(format!("a dump has the unknown format {word:?}")))
}
