//! The memory that a minidump holds: the stacks of its threads and its two lists of regions.
//!
//! Only one question is asked of it: which bytes follow this stack pointer. The answer borrows from the file, so
//! regions that overlap cost nothing.

use super::streams::{MEMORY, MEMORY_64, Stream, THREADS, directory, entries, slice, u32_at, u64_at};
use crate::Error;

/// Most regions that are looked at: a full dump of a large process has some ten thousand.
const MAX_REGIONS: usize = 200_000;

struct Region {
    start: u64,
    offset: u64,
    length: u64,
}

/// The regions of one minidump.
pub(super) struct Memory<'a> {
    file: &'a [u8],
    regions: Vec<Region>,
}

impl<'a> Memory<'a> {
    /// Reads the lists of regions. A list that is damaged counts as empty; without it there are fewer frames.
    pub(super) fn of(file: &'a [u8]) -> Result<Self, Error> {
        let streams = directory(file)?;
        let mut regions = Vec::new();
        for stream in streams {
            match stream.kind {
                THREADS => regions.extend(listed(file, stream, 48, 24)),
                MEMORY => regions.extend(listed(file, stream, 16, 0)),
                MEMORY_64 => regions.extend(listed_64(file, stream).unwrap_or_default()),
                _ => {}
            }
        }
        regions.truncate(MAX_REGIONS);
        Ok(Memory { file, regions })
    }

    /// The bytes from `address` to the end of its region, at most `most` of them.
    pub(super) fn from(&self, address: u64, most: u64) -> Option<&'a [u8]> {
        let region = self.regions.iter().find(|region| {
            address
                .checked_sub(region.start)
                .is_some_and(|distance| distance < region.length)
        })?;
        let distance = address.checked_sub(region.start)?;
        let length = region.length.checked_sub(distance)?.min(most);
        slice(self.file, region.offset.checked_add(distance)?, length)
    }
}

/// Regions as descriptors `{start u64, size u32, offset u32}` within the entries of a list.
fn listed(file: &[u8], stream: Stream, entry_bytes: usize, descriptor: usize) -> Vec<Region> {
    let entries = entries(file, stream, "list of memory ranges", entry_bytes).unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| {
            let entry = entry.get(descriptor..)?;
            let (length, offset) = (u32_at(entry, 8)?, u32_at(entry, 12)?);
            (length > 0 && offset > 0).then_some(Region {
                start: u64_at(entry, 0)?,
                offset: u64::from(offset),
                length: u64::from(length),
            })
        })
        .collect()
}

/// Regions of a full dump: a count, the offset of the first, then `{start u64, size u64}`; their bytes follow one
/// another.
fn listed_64(file: &[u8], stream: Stream) -> Option<Vec<Region>> {
    let bytes = stream.bytes(file)?;
    let mut offset = u64_at(bytes, 8)?;
    let claimed = usize::try_from(u64_at(bytes, 0)?).ok()?;
    let mut regions = Vec::new();
    for entry in bytes.get(16..)?.chunks_exact(16).take(claimed.min(MAX_REGIONS)) {
        let (start, length) = (u64_at(entry, 0)?, u64_at(entry, 8)?);
        regions.push(Region {
            start,
            offset,
            length,
        });
        offset = offset.checked_add(length)?;
    }
    Some(regions)
}
