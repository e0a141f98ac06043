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

use super::streams::{
    BREAKPAD_INFO, EXCEPTION, MISC_INFO, MODULES, SYSTEM_INFO, Stream, THREAD_NAMES, THREADS, directory,
    entries, limit, slice, u32_at, u64_at,
};
use crate::Error;
use crate::error::MinidumpProblem;

/// Most threads that are looked at.
pub(super) const MAX_THREADS: usize = 128;
/// Most modules that are kept.
const MAX_MODULES: usize = 8_192;
/// Longest name that is kept, in bytes of UTF-16.
const MAX_NAME_BYTES: u32 = 2_048;
/// Largest `CodeView` record that is kept.
const MAX_CODEVIEW_BYTES: u32 = 4_096;
/// Largest file that is copied: offsets have 32 bits.
const MAX_FILE_BYTES: u64 = 2 << 30;

const THREAD_BYTES: usize = 48;
const MODULE_BYTES: usize = 108;

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

/// The entry of a module whose name can be read; an oversized `CodeView` record is dropped from it.
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
    service_pack.is_some_and(|offset| is_harmless(file, u64::from(offset)))
}

fn has_short_names(file: &[u8], names: Stream) -> bool {
    let Ok(names) = entries(file, names, "list of thread names", 12) else {
        return false;
    };
    names.iter().all(|name| {
        let offset = name.get(4..).and_then(|bytes| u64_at(bytes, 0));
        offset.is_some_and(|offset| is_harmless(file, offset))
    })
}

/// Whether reading the text at `offset` allocates little: it is short, or it is not there and will not be read.
fn is_harmless(file: &[u8], offset: u64) -> bool {
    let length = length_at(file, offset);
    length
        .is_none_or(|length| length <= MAX_NAME_BYTES || slice(file, offset + 4, u64::from(length)).is_none())
}

/// The length of a text at most 1,024 UTF-16 units long that is wholly there.
fn readable_text(file: &[u8], offset: u64) -> Option<u32> {
    let length = length_at(file, offset).filter(|length| *length <= MAX_NAME_BYTES && length % 2 == 0)?;
    slice(file, offset + 4, u64::from(length)).map(|_| length)
}

fn length_at(file: &[u8], offset: u64) -> Option<u32> {
    u32_at(slice(file, offset, 4)?, 0)
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
