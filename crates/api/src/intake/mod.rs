//! The bodies of uploads: from bytes on the wire to dumps in memory, and to symbol files on the disk.
//!
//! ```text
//! body ── idle time, wire limit ── Content-Encoding ── gzip or zstd by magic ── inflated limit, SHA-256
//!                                                                                  │
//!                                            multipart parts ◄── multipart? ───────┤
//!                                                                                  ▼
//!                                           zip members ◄── zip by magic? ── one dump
//! ```
//!
//! Everything held is paid for from one [`ByteBudget`] that all requests share, chunk by chunk as it arrives and
//! before it is kept; when the budget is used up the request is refused, never made to wait, so that uploads
//! cannot block each other. What a body claims about its size is never believed.

mod archive;
mod budget;
mod describe;
mod format;
mod hold;
mod lines;
mod multipart;
mod name;
mod stored;
mod symbols;
mod tree;
mod upload;

use std::io;
use std::time::Duration;

pub(crate) use budget::ByteBudget;
pub(crate) use lines::{Line, Lines};
pub(crate) use name::machine_name;
pub(crate) use stored::{store_body, store_form};
pub(crate) use symbols::{
    SymbolFormat, accept_archives, accept_debug_files, accept_symbols, file_name as symbol_file_name,
    key as symbol_key, recognise as recognise_symbols,
};
pub(crate) use tree::{Member, Tree, TreeLimits};
pub(crate) use upload::{TakenDump, Upload, receive, receive_form};

use crate::error::ApiError;

/// How large and how slow a body may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes, both as sent and inflated, over all dumps of one request.
    pub(crate) max_bytes: u64,
    /// How long the body may stay silent.
    pub(crate) idle: Duration,
    /// How long it may take as a whole.
    pub(crate) deadline: Duration,
}

/// Why a body could not be taken. It travels through readers inside an `io::Error`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    /// More bytes than allowed.
    #[error("{what} is larger than {limit_bytes} bytes")]
    TooLarge {
        /// Which bytes: as sent, or inflated.
        what: &'static str,
        /// The limit.
        limit_bytes: u64,
    },
    /// The byte budget is used up.
    #[error("the byte budget is used up")]
    Busy,
    /// Silent for too long, or too long as a whole.
    #[error("the body came too slowly")]
    Slow,
    /// The connection ended in the middle.
    #[error("the body broke off")]
    Broken,
    /// The bytes break the rules of their encoding or archive format.
    #[error("{detail}")]
    Corrupt {
        /// What is broken, in a sentence.
        detail: String,
    },
    /// An encoding that is not decoded.
    #[error("unknown content encoding {encoding:?}")]
    UnknownEncoding {
        /// The header's text.
        encoding: String,
    },
    /// Nothing in the upload is a dump.
    #[error("{saw}")]
    NoDump {
        /// What it is instead, in words.
        saw: String,
    },
}

impl BodyError {
    fn corrupt(detail: impl Into<String>) -> Self {
        BodyError::Corrupt {
            detail: detail.into(),
        }
    }
}

impl From<BodyError> for io::Error {
    fn from(error: BodyError) -> Self {
        io::Error::other(error)
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { what, limit_bytes } => ApiError::TooLarge { what, limit_bytes },
            BodyError::Busy => ApiError::Busy,
            BodyError::Slow => ApiError::SlowBody,
            BodyError::Broken => ApiError::CorruptBody {
                detail: "the body broke off before its end".to_owned(),
            },
            BodyError::Corrupt { detail } => ApiError::CorruptBody { detail },
            BodyError::UnknownEncoding { encoding } => ApiError::UnsupportedEncoding { encoding },
            BodyError::NoDump { saw } => ApiError::UnsupportedFormat { saw },
        }
    }
}

/// The [`BodyError`] that an error carries, at whatever depth.
fn carried(error: &(dyn std::error::Error + 'static)) -> Option<BodyError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<BodyError>() {
            return Some(found.clone());
        }
        // An `io::Error` hides what it wraps from its own `source`.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests;
