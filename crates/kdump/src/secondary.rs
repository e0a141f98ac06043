//! What follows the triage part of a small dump: blobs that drivers and firmware added.
//!
//! ```text
//! 0x00  "DumpBlob"     then blobs, each:  0x00  header size, 0x20
//! 0x08  0x10                              0x04  tag, a GUID
//! 0x0C  0xF0000000 + build                0x14  size of data
//!                                         0x18  bytes before the data
//!                                         0x1C  bytes after it
//! ```
//!
//! There is no count. The chain ends with the file or at the first header whose size is not 0x20: dumps that the
//! kernel wrote have stale bytes there. Blobs hold personal data (event logs, paths with user names, serial numbers);
//! nothing in them is needed to find the driver at fault.

use std::fmt;

use crate::bytes::{Bytes, Record};
use crate::{Part, Warning};

const MAGIC: &[u8] = b"DumpBlob";
const HEADER_SIZE: u64 = 0x10;
const BLOB_HEADER_SIZE: u64 = 0x20;
/// Far more blobs than any dump has; 42 were seen.
const MAX_BLOBS: usize = 4096;

/// The kind of a blob, a GUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag {
    first: u32,
    second: u16,
    third: u16,
    /// The last two groups; they are stored in the order they are written in.
    last: u64,
}

impl Tag {
    /// The firmware's SMBIOS tables.
    pub const SMBIOS: Tag = Tag::new(0xBC5C_008F, 0x1E3A, 0x44D7, 0x988D_86F6_884C_6758);
    /// Event logs and traces; holds personal data.
    pub const EVENT_LOG: Tag = Tag::new(0x2B88_B710, 0x1C93, 0x4F7C, 0xB06C_655E_CC50_DECC);

    /// The tag that is written `first-second-third-last`, with `last` being the last two groups together.
    pub const fn new(first: u32, second: u16, third: u16, last: u64) -> Tag {
        Tag {
            first,
            second,
            third,
            last,
        }
    }

    fn read(header: Record<'_>) -> Tag {
        Tag::new(
            header.u32(0x04),
            header.u16(0x08),
            header.u16(0x0A),
            header.u64(0x0C).swap_bytes(),
        )
    }
}

impl fmt::Display for Tag {
    /// Writes `bc5c008f-1e3a-44d7-988d-86f6884c6758`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tag {
            first,
            second,
            third,
            last,
        } = self;
        let (fourth, node) = (last >> 48, last & 0xFFFF_FFFF_FFFF);
        write!(
            formatter,
            "{first:08x}-{second:04x}-{third:04x}-{fourth:04x}-{node:012x}"
        )
    }
}

/// A piece of secondary data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Blob<'a> {
    /// Its kind. The same kind may come twice; then the first counts.
    pub tag: Tag,
    /// Where its data is in the file.
    pub file_offset: u64,
    /// Its data; cut where the file ends.
    pub data: &'a [u8],
    /// How long the data is by its header.
    pub stored_size: u32,
}

/// The chain of blobs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Secondary {
    start: Option<u64>,
}

impl Secondary {
    /// The chain that begins at `offset`; without its magic there is none.
    pub(crate) fn find(file: Bytes<'_>, offset: u64, warnings: &mut Vec<Warning>) -> Secondary {
        let there = file.there(offset);
        if there == 0 {
            return Secondary { start: None };
        }
        let has_magic = file.slice_clipped(offset, HEADER_SIZE).starts_with(MAGIC);
        if has_magic {
            warnings.extend(Warning::cut_short(Part::Secondary, offset, HEADER_SIZE, there));
        }
        let start = offset.checked_add(HEADER_SIZE).filter(|_| has_magic);
        let secondary = Secondary { start };
        let cut = secondary
            .iter(file)
            .find(|blob| Bytes::new(blob.data).len() < u64::from(blob.stored_size));
        warnings.extend(cut.map(|blob| Warning::CutShort {
            what: Part::Blob,
            offset: blob.file_offset,
            needed: u64::from(blob.stored_size),
            there: Bytes::new(blob.data).len(),
        }));
        secondary
    }

    /// The blobs in file order.
    pub(crate) fn iter(self, file: Bytes<'_>) -> impl Iterator<Item = Blob<'_>> {
        let mut next = self.start;
        std::iter::from_fn(move || {
            let (blob, after) = blob(file, next?)?;
            next = after;
            Some(blob)
        })
        .take(MAX_BLOBS)
    }
}

/// The blob whose header is at `offset`, and where the next one is.
fn blob(file: Bytes<'_>, offset: u64) -> Option<(Blob<'_>, Option<u64>)> {
    let header = file.record(offset, BLOB_HEADER_SIZE)?;
    if u64::from(header.u32(0)) != BLOB_HEADER_SIZE {
        return None;
    }
    let stored_size = header.u32(0x14);
    let size = u64::from(stored_size);
    let file_offset = offset
        .checked_add(BLOB_HEADER_SIZE)?
        .checked_add(u64::from(header.u32(0x18)))?;
    let blob = Blob {
        tag: Tag::read(header),
        file_offset,
        data: file.slice_clipped(file_offset, size),
        stored_size,
    };
    let next = file_offset
        .checked_add(size)
        .and_then(|end| end.checked_add(u64::from(header.u32(0x1C))));
    Some((blob, next))
}

#[cfg(test)]
mod tests {
    use super::{Secondary, Tag};
    use crate::bytes::Bytes;
    use crate::{Part, Warning};

    fn blob(data: &[u8], stored_size: u32) -> Vec<u8> {
        let mut bytes = 0x20_u32.to_le_bytes().to_vec();
        bytes.extend(b"\x8F\x00\x5C\xBC\x3A\x1E\xD7\x44\x98\x8D\x86\xF6\x88\x4C\x67\x58");
        bytes.extend(stored_size.to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend(data);
        bytes
    }

    fn file(blobs: &[u8]) -> Vec<u8> {
        let mut bytes = b"DumpBlob\x10\0\0\0\x61\x4A\0\xF0".to_vec();
        bytes.extend(blobs);
        bytes
    }

    #[test]
    fn a_tag_is_written_as_a_guid() {
        assert_eq!(Tag::SMBIOS.to_string(), "bc5c008f-1e3a-44d7-988d-86f6884c6758");
    }

    #[test]
    fn the_chain_ends_at_a_header_that_is_none() {
        let file = file(&[blob(b"abc", 3), blob(b"de", 2), vec![0; 64]].concat());
        let mut warnings = Vec::new();
        let secondary = Secondary::find(Bytes::new(&file), 0, &mut warnings);
        let data: Vec<_> = secondary.iter(Bytes::new(&file)).map(|blob| blob.data).collect();
        assert_eq!(data, [&b"abc"[..], b"de"]);
        assert_eq!(warnings, []);
    }

    #[test]
    fn a_blob_that_runs_past_the_file_is_cut_and_told() {
        let file = file(&blob(b"abc", u32::MAX));
        let mut warnings = Vec::new();
        let secondary = Secondary::find(Bytes::new(&file), 0, &mut warnings);
        assert_eq!(secondary.iter(Bytes::new(&file)).count(), 1);
        assert_eq!(
            warnings,
            [Warning::CutShort {
                what: Part::Blob,
                offset: 0x30,
                needed: u64::from(u32::MAX),
                there: 3
            }]
        );
    }

    #[test]
    fn without_its_magic_there_is_no_secondary_data() {
        let mut warnings = Vec::new();
        let secondary = Secondary::find(Bytes::new(&[0; 64]), 0, &mut warnings);
        assert_eq!(secondary.iter(Bytes::new(&[0; 64])).count(), 0);
    }
}
