//! The streams of a minidump: where they are, and the entries of those that are lists.
//!
//! ```text
//! 0x00  MDMP, version, stream count, offset of the directory, ...   32 bytes
//! ....  directory: {kind u32, size u32, offset u32} for each stream
//! ```

use crate::Error;
use crate::error::MinidumpProblem;

/// The list of threads.
pub(super) const THREADS: u32 = 3;
/// The list of modules.
pub(super) const MODULES: u32 = 4;
/// The list of memory ranges.
pub(super) const MEMORY: u32 = 5;
/// The exception.
pub(super) const EXCEPTION: u32 = 6;
/// What the system was.
pub(super) const SYSTEM_INFO: u32 = 7;
/// The list of memory ranges of a full dump.
pub(super) const MEMORY_64: u32 = 9;
/// Process id and times.
pub(super) const MISC_INFO: u32 = 15;
/// The names of threads.
pub(super) const THREAD_NAMES: u32 = 24;
/// Which thread asked for the dump, as Breakpad writes it.
pub(super) const BREAKPAD_INFO: u32 = 0x4767_0001;

/// Most entries of any list that are accepted.
const MAX_ENTRIES: u64 = 65_536;
/// Most streams that are accepted; real dumps have 10 to 30.
const MAX_STREAMS: u64 = 1_024;
const HEADER_BYTES: usize = 32;

/// One stream of the directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    /// What it is.
    pub(super) kind: u32,
    /// How many bytes it has by its own word.
    pub(super) size: u32,
    /// Where it begins in the file.
    pub(super) offset: u32,
}

/// The streams that a minidump lists.
pub(super) fn directory(bytes: &[u8]) -> Result<Vec<Stream>, Error> {
    let there = bytes.len() as u64;
    let truncated = |part, offset, needed| MinidumpProblem::Truncated {
        part,
        offset,
        needed,
        there,
    };
    let header = bytes
        .get(..HEADER_BYTES)
        .ok_or_else(|| truncated("header", 0, HEADER_BYTES as u64))?;
    let count = u64::from(u32_at(header, 8).unwrap_or_default());
    let offset = u64::from(u32_at(header, 12).unwrap_or_default());
    let needed = count * 12;
    if offset.saturating_add(needed) > there {
        return Err(truncated("directory of streams", offset, needed).into());
    }
    limit("streams", count, MAX_STREAMS)?;
    let directory = slice(bytes, offset, needed).unwrap_or_default();
    Ok(directory
        .chunks_exact(12)
        .filter_map(|entry| {
            Some(Stream {
                kind: u32_at(entry, 0)?,
                size: u32_at(entry, 4)?,
                offset: u32_at(entry, 8)?,
            })
        })
        .collect())
}

impl Stream {
    /// The stream's bytes, or `None` if it reaches past the end of the file.
    pub(super) fn bytes(self, file: &[u8]) -> Option<&[u8]> {
        slice(file, u64::from(self.offset), u64::from(self.size))
    }
}

/// The entries of a list stream: a count, sometimes four bytes of padding, then the entries.
pub(super) fn entries<'a>(
    file: &'a [u8],
    stream: Stream,
    list: &'static str,
    entry_bytes: usize,
) -> Result<Vec<&'a [u8]>, Error> {
    let bytes = stream.bytes(file).ok_or(MinidumpProblem::Truncated {
        part: list,
        offset: u64::from(stream.offset),
        needed: u64::from(stream.size),
        there: file.len() as u64,
    })?;
    let count = u64::from(u32_at(bytes, 0).unwrap_or_default());
    limit(list, count, MAX_ENTRIES)?;
    let needed = count * entry_bytes as u64;
    let padding = (bytes.len() as u64).checked_sub(needed + 4);
    let Some(0 | 4) = padding else {
        return Err(MinidumpProblem::CountMismatch {
            list,
            count,
            size: u64::from(stream.size),
        }
        .into());
    };
    let first = bytes.len() as u64 - needed;
    let entries = slice(bytes, first, needed).unwrap_or_default();
    Ok(entries.chunks_exact(entry_bytes).collect())
}

/// Refuses a count that no real dump reaches.
pub(super) fn limit(what: &'static str, count: u64, limit: u64) -> Result<(), Error> {
    if count > limit {
        return Err(Error::TooMuch { what, count, limit });
    }
    Ok(())
}

/// The bytes from `offset` on, or `None` if they are not all there.
pub(super) fn slice(bytes: &[u8], offset: u64, length: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    let end = usize::try_from(offset.checked_add(length)?).ok()?;
    bytes.get(start..end)
}

/// The little-endian number at `offset`.
pub(super) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let number = bytes.get(offset..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*number))
}

/// The little-endian number at `offset`.
pub(super) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    let number = bytes.get(offset..)?.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*number))
}
