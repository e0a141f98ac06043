//! The one file inside a CAB, inflated within bounds.
//!
//! Symbol servers keep files compressed, with `_` for the last letter of the name: `crash.pd_`. Such a CAB holds one
//! file. What a CAB says of sizes is not believed: what comes out is counted.
//!
//! ```text
//! 0x00  MSCF
//! 0x10  offset of the first file's entry    1a  folders u16   1c  files u16
//! entry: size u32, offset within its folder u32, folder u16, date, time, attributes, name with a zero byte
//! ```

use std::io::{Cursor, Read};

use super::error::CompileError;

/// The file inside a CAB.
#[derive(Debug)]
pub(super) struct Inflated {
    /// Its name, as the CAB has it.
    pub(super) name: String,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
}

/// Whether the bytes begin like a CAB.
pub(super) fn is_cabinet(bytes: &[u8]) -> bool {
    bytes.starts_with(b"MSCF")
}

/// Takes the file out of a CAB, if it has no more than `limit` bytes.
pub(super) fn inflate(cab: &[u8], limit: u64) -> Result<Inflated, CompileError> {
    check_entry(cab, limit)?;
    let unreadable = |error: std::io::Error| CompileError::unreadable("CAB", &error);
    let mut cabinet = cab::Cabinet::new(Cursor::new(cab)).map_err(unreadable)?;
    let entry = cabinet
        .folder_entries()
        .flat_map(cab::FolderEntry::file_entries)
        .next();
    let Some((name, claimed)) =
        entry.map(|entry| (entry.name().to_owned(), u64::from(entry.uncompressed_size())))
    else {
        return Err(CompileError::FilesInCab { count: 0 });
    };
    let mut bytes = Vec::new();
    let reader = cabinet.read_file(&name).map_err(unreadable)?;
    reader.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 == claimed {
        Ok(Inflated { name, bytes })
    } else {
        Err(CompileError::Damaged {
            what: "CAB",
            problem: "its file has fewer bytes than it claims",
        })
    }
}

/// Refuses what the CAB's own numbers rule out, before they lead anywhere.
fn check_entry(cab: &[u8], limit: u64) -> Result<(), CompileError> {
    let count = u16_at(cab, 0x1c).ok_or_else(|| truncated(cab, 0, 0x24))?;
    if count != 1 {
        return Err(CompileError::FilesInCab { count });
    }
    let at = u32_at(cab, 0x10).ok_or_else(|| truncated(cab, 0, 0x24))?;
    let offset = usize::try_from(at).unwrap_or(usize::MAX);
    let entry = cab.get(offset..).unwrap_or_default();
    let (Some(size), Some(start)) = (u32_at(entry, 0), u32_at(entry, 4)) else {
        return Err(truncated(cab, u64::from(at), 16));
    };
    if u64::from(size) > limit {
        return Err(CompileError::TooBig {
            what: "CAB",
            bytes: u64::from(size),
            limit,
        });
    }
    if start != 0 {
        return Err(CompileError::Damaged {
            what: "CAB",
            problem: "its only file does not begin where its folder does",
        });
    }
    Ok(())
}

fn truncated(cab: &[u8], offset: u64, needed: u64) -> CompileError {
    CompileError::Truncated {
        what: "CAB",
        offset,
        needed,
        there: cab.len() as u64,
    }
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    let number = bytes.get(offset..)?.first_chunk::<2>()?;
    Some(u16::from_le_bytes(*number))
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let number = bytes.get(offset..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*number))
}
