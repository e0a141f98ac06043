//! A copy of a minidump that is safe to process: lists checked and cut, memory left out.
//!
//! ```text
//! header      stream count and directory changed
//! ...         the original's bytes
//! threads     new: at most 128, the crashing one among them, without stacks
//! modules     new: only those whose name and CodeView record can be read at a sensible size
//! directory   new: one entry for each stream that is needed
//! ```
//!
//! The new parts stand behind the original, so that streams that overlap each other or the directory cannot undo a
//! check. Nothing that is copied is larger than what the original holds.

use crate::Error;
use crate::error::MinidumpProblem;

/// Most threads that are looked at.
pub(super) const MAX_THREADS: usize = 128;
/// Most entries of any list that are accepted.
const MAX_ENTRIES: u64 = 65_536;
/// Most streams that are accepted; real dumps have 10 to 30.
const MAX_STREAMS: u64 = 1_024;
/// Most modules that are kept.
const MAX_MODULES: usize = 8_192;
/// Longest name that is kept, in bytes of UTF-16.
const MAX_NAME_BYTES: u32 = 2_048;
/// Largest CodeView record that is kept.
const MAX_CODEVIEW_BYTES: u32 = 4_096;
/// Largest file that is copied: offsets have 32 bits.
const MAX_FILE_BYTES: u64 = 2 << 30;

const HEADER_BYTES: usize = 32;
const THREAD_BYTES: usize = 48;
const MODULE_BYTES: usize = 108;

const THREADS: u32 = 3;
const MODULES: u32 = 4;
const EXCEPTION: u32 = 6;
const SYSTEM_INFO: u32 = 7;
const MISC_INFO: u32 = 15;
const THREAD_NAMES: u32 = 24;
const BREAKPAD_INFO: u32 = 0x4767_0001;

/// One stream of the directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    /// What it is.
    pub(super) kind: u32,
    size: u32,
    offset: u32,
}

/// The copy.
pub(super) struct Prepared {
    bytes: Vec<u8>,
    left_out: LeftOut,
}

/// What did not fit the limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// Threads beyond the first 128.
    pub(super) threads: usize,
    /// Modules that cannot be read, or beyond the first 8,192.
    pub(super) modules: usize,
}

impl Prepared {
    /// Makes the copy.
    ///
    /// # Errors
    ///
    /// When the header or the directory cannot be read, when a list claims more entries than its bytes or than any
    /// real dump has.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, Error> {
        limit("bytes", bytes.len() as u64, MAX_FILE_BYTES)?;
        let streams = directory(bytes)?;
        let find = |kind| streams.iter().rev().find(|stream| stream.kind == kind).copied();
        let mut left_out = LeftOut::default();
        let mut copy = Copy {
            bytes: bytes.to_vec(),
            directory: Vec::new(),
        };

        let threads = find(THREADS).ok_or(MinidumpProblem::Missing {
            what: "list of threads",
        })?;
        let crashed = crashed_thread(bytes, find(EXCEPTION), find(BREAKPAD_INFO));
        let threads = entries(bytes, threads, "list of threads", THREAD_BYTES)?;
        let kept = without_stacks(&threads, crashed);
        left_out.threads = threads.len().saturating_sub(kept.len());
        copy.append_list(THREADS, &kept);

        if let Some(stream) = find(MODULES) {
            let modules = entries(bytes, stream, "list of modules", MODULE_BYTES)?;
            let kept: Vec<_> = modules
                .iter()
                .filter_map(|module| readable_module(bytes, module))
                .take(MAX_MODULES)
                .collect();
            left_out.modules = modules.len().saturating_sub(kept.len());
            copy.append_list(MODULES, &kept);
        }
        copy.keep(find(SYSTEM_INFO).filter(|stream| has_short_text(bytes, *stream)));
        copy.keep(find(EXCEPTION));
        copy.keep(find(MISC_INFO));
        copy.keep(find(BREAKPAD_INFO));
        copy.keep(find(THREAD_NAMES).filter(|stream| has_short_names(bytes, *stream)));
        Ok(Prepared {
            bytes: copy.finish(),
            left_out,
        })
    }

    /// The copy's bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What did not fit the limits.
    pub(super) fn left_out(&self) -> LeftOut {
        self.left_out
    }
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

/// The thread that crashed or asked for the dump.
fn crashed_thread(file: &[u8], exception: Option<Stream>, breakpad: Option<Stream>) -> Option<u32> {
    let by_exception = exception.and_then(|stream| u32_at(stream.bytes(file)?, 0));
    by_exception.or_else(|| u32_at(breakpad?.bytes(file)?, 8))
}

/// At most 128 threads, the crashed one among them, with empty stacks.
fn without_stacks(threads: &[&[u8]], crashed: Option<u32>) -> Vec<Vec<u8>> {
    let is_crashed = |thread: &&&[u8]| crashed.is_some() && u32_at(thread, 0) == crashed;
    let first = threads.iter().take(MAX_THREADS);
    let late = threads.iter().skip(MAX_THREADS).find(is_crashed);
    let mut kept: Vec<Vec<u8>> = first.map(|thread| thread.to_vec()).collect();
    if let (Some(late), Some(last)) = (late, kept.last_mut()) {
        *last = late.to_vec();
    }
    for thread in &mut kept {
        // MINIDUMP_MEMORY_DESCRIPTOR: start, size, offset. The start stays: it is where the walk begins to look.
        if let Some(location) = thread.get_mut(32..40) {
            location.fill(0);
        }
    }
    kept
}

/// The entry of a module whose name can be read; an oversized CodeView record is dropped from it.
fn readable_module(file: &[u8], module: &[u8]) -> Option<Vec<u8>> {
    let name = u32_at(module, 20)?;
    readable_text(file, u64::from(name))?;
    let mut kept = module.to_vec();
    let (size, offset) = (u32_at(module, 76)?, u32_at(module, 80)?);
    let is_readable = size <= MAX_CODEVIEW_BYTES && slice(file, u64::from(offset), u64::from(size)).is_some();
    if !is_readable {
        kept.get_mut(76..84)?.fill(0);
    }
    Some(kept)
}

fn has_short_text(file: &[u8], system_info: Stream) -> bool {
    let service_pack = system_info.bytes(file).and_then(|bytes| u32_at(bytes, 24));
    service_pack.is_some_and(|offset| {
        readable_text(file, u64::from(offset)).is_some() || length_at(file, u64::from(offset)).is_none()
    })
}

fn has_short_names(file: &[u8], names: Stream) -> bool {
    let Ok(names) = entries(file, names, "list of thread names", 12) else {
        return false;
    };
    names.iter().all(|name| {
        let offset = name
            .get(4..12)
            .and_then(|bytes| bytes.try_into().ok())
            .map(u64::from_le_bytes);
        offset
            .and_then(|offset| length_at(file, offset))
            .is_none_or(|length| length <= MAX_NAME_BYTES)
    })
}

/// The length of a text at most 1,024 UTF-16 units long that is wholly there.
fn readable_text(file: &[u8], offset: u64) -> Option<u32> {
    let length = length_at(file, offset).filter(|length| *length <= MAX_NAME_BYTES && length % 2 == 0)?;
    slice(file, offset + 4, u64::from(length)).map(|_| length)
}

fn length_at(file: &[u8], offset: u64) -> Option<u32> {
    u32_at(slice(file, offset, 4)?, 0)
}

fn limit(what: &'static str, count: u64, limit: u64) -> Result<(), Error> {
    if count > limit {
        return Err(Error::TooMuch { what, count, limit });
    }
    Ok(())
}

/// A copy in the making.
struct Copy {
    bytes: Vec<u8>,
    directory: Vec<Stream>,
}

impl Copy {
    fn append_list(&mut self, kind: u32, entries: &[Vec<u8>]) {
        let offset = self.bytes.len();
        // Checked above: no list has more entries than fit a u32.
        self.bytes
            .extend_from_slice(&u32::try_from(entries.len()).unwrap_or_default().to_le_bytes());
        self.bytes.extend(entries.iter().flatten());
        let size = self.bytes.len().saturating_sub(offset);
        self.directory.push(Stream {
            kind,
            size: u32::try_from(size).unwrap_or_default(),
            offset: u32::try_from(offset).unwrap_or_default(),
        });
    }

    fn keep(&mut self, stream: Option<Stream>) {
        self.directory.extend(stream);
    }

    fn finish(mut self) -> Vec<u8> {
        let offset = u32::try_from(self.bytes.len()).unwrap_or_default();
        let count = u32::try_from(self.directory.len()).unwrap_or_default();
        for stream in self.directory {
            for number in [stream.kind, stream.size, stream.offset] {
                self.bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        for (at, number) in [(8..12, count), (12..16, offset)] {
            if let Some(field) = self.bytes.get_mut(at) {
                field.copy_from_slice(&number.to_le_bytes());
            }
        }
        self.bytes
    }
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
