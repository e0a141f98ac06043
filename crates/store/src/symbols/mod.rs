//! Symbol files: those that were uploaded, and those that crashes missed.
//!
//! ```text
//! upload ──► blob ──► symbol_file (queued) + job `symbol`      one transaction, after the blob is durable
//!                         │ a worker reads it
//!                         ├──► failed, with the reason
//!                         └──► ready ──► job `reanalyze` for every dump whose crash missed its key
//! ```
//!
//! A file is looked for by its kind and its key in lower case, `amdppm.sys/c9c030003b000`. There is one current file of
//! each: other bytes under the same key take its place. This crate does not parse keys; callers hand in checked ones.

use time::OffsetDateTime;

use crate::{Error, Sha256, SymbolFileId, TokenId};

mod add;
mod list;
mod missed;
mod missing;
mod pending;
mod settle;

pub use add::{Added, NewSymbolFile, add, delete};
pub use list::{FileCursor, find, find_by_key, list, ready};
pub(crate) use missed::{intern, recheck};
pub use missing::{MissingCursor, Ranked, StopCodeMissed, missing};
pub use pending::{begin_upload, may_send, sent, take_upload};
pub use settle::{reanalyze, settle_failed, settle_ready};

/// What a symbol file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SymbolKind {
    /// A program, library or driver.
    Image,
    /// A PDB or Breakpad file.
    Debug,
}

impl SymbolKind {
    /// The word in the table and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            SymbolKind::Image => "image",
            SymbolKind::Debug => "debug",
        }
    }

    /// The kind that an id is likely of: an image's has at most 16 digits (two numbers of 32 bits), a debug file's a GUID
    /// of 32 and an age.
    pub fn of_id(id: &str) -> SymbolKind {
        if id.len() <= 16 {
            SymbolKind::Image
        } else {
            SymbolKind::Debug
        }
    }

    pub(crate) fn read(word: &str, table: &'static str) -> Result<SymbolKind, Error> {
        match word {
            "image" => Ok(SymbolKind::Image),
            "debug" => Ok(SymbolKind::Debug),
            _ => Err(Error::Row {
                table,
                column: "kind",
            }),
        }
    }
}

/// A key that was checked: a file name and an id. They are kept as they were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// File name, e.g. `amdppm.sys`.
    pub name: String,
    /// Id, e.g. `C9C030003b000`.
    pub id: String,
}

impl Key {
    /// In lower case, as keys are compared.
    pub fn canonical(&self) -> String {
        format!("{}/{}", self.name, self.id).to_ascii_lowercase()
    }

    /// Where a symbol server has the file.
    pub fn path(&self) -> String {
        format!("{0}/{1}/{0}", self.name, self.id)
    }
}

/// Where an uploaded file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileState {
    /// Stored, waiting for a worker to read it.
    Queued,
    /// In use.
    Ready,
    /// It could not be read, or is not what its key says.
    Failed,
}

impl FileState {
    /// The word in the table and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            FileState::Queued => "queued",
            FileState::Ready => "ready",
            FileState::Failed => "failed",
        }
    }

    /// The state of this name.
    pub fn from_name(word: &str) -> Option<FileState> {
        [FileState::Queued, FileState::Ready, FileState::Failed]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// An uploaded file and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolFile {
    /// Its id. Other bytes under the same key have another.
    pub id: SymbolFileId,
    /// What it is.
    pub kind: SymbolKind,
    /// What it was uploaded under.
    pub key: Key,
    /// The file name it came under, e.g. `amdppm.pd_`.
    pub file_name: String,
    /// Hash of its bytes: where its blob lies.
    pub sha256: Sha256,
    /// Size as it is stored.
    pub size_bytes: u64,
    /// Where it stands.
    pub state: FileState,
    /// Why it failed, in a sentence.
    pub reason: Option<String>,
    /// Of an image that is ready: the key of the debug file it names, in lower case.
    pub debug_key: Option<String>,
    /// When it was taken.
    pub uploaded_at: OffsetDateTime,
    /// The token it was uploaded with.
    pub token: Option<TokenId>,
}

/// The columns of a file.
struct Row {
    id: SymbolFileId,
    kind: String,
    name: String,
    symbol_id: String,
    file_name: String,
    sha256: Vec<u8>,
    size_bytes: i64,
    state: String,
    reason: Option<String>,
    debug_key: Option<String>,
    uploaded_at: OffsetDateTime,
    token: Option<TokenId>,
}

impl TryFrom<Row> for SymbolFile {
    type Error = Error;

    fn try_from(row: Row) -> Result<SymbolFile, Error> {
        let unreadable = |column| Error::Row {
            table: "symbol_file",
            column,
        };
        Ok(SymbolFile {
            id: row.id,
            kind: SymbolKind::read(&row.kind, "symbol_file")?,
            key: Key {
                name: row.name,
                id: row.symbol_id,
            },
            file_name: row.file_name,
            sha256: Sha256::from_slice(&row.sha256).ok_or_else(|| unreadable("sha256"))?,
            size_bytes: row.size_bytes.unsigned_abs(),
            state: FileState::from_name(&row.state).ok_or_else(|| unreadable("state"))?,
            reason: row.reason,
            debug_key: row.debug_key,
            uploaded_at: row.uploaded_at,
            token: row.token,
        })
    }
}
