//! The format of a compiled debug file: everything is found in place, nothing is parsed when it is opened.
//!
//! ```text
//! 0x00  "STOPSYM\0"
//! 0x08  1             version of this format, u32; the symcache's own version is a part of it
//! 0x0c  0
//! 0x10  0x70 0x1c60   symcache            offset and length, u64 each; every section begins at a multiple of 8
//! 0x20  ....          frame data index    entries of 16 bytes: address, size, offset into the text, length (u32 each)
//! 0x30  ....          FPO index           the same
//! 0x40  ....          CFI index           the same
//! 0x50  ....          parameters          entries of 8 bytes: address of a function, its parameter bytes (u32 each)
//! 0x60  ....          text                STACK records, one a line
//! 0x70  ....          the sections
//! ```
//!
//! Entries stand in order of their addresses and do not overlap, so one is found by halving. A file whose numbers lie
//! gives wrong answers or none; it cannot lead outside its bytes.

use std::ops::Range;

use symbolic_symcache::{SYMCACHE_VERSION, SymCache};

use super::SymbolBytes;
use super::records::{Entry, Records};

const MAGIC: &[u8; 8] = b"STOPSYM\0";
const VERSION: u32 = 1;
const SECTIONS: usize = 6;
const HEADER_BYTES: usize = 16 + SECTIONS * 16;
/// Sections begin at multiples of this.
const ALIGNMENT: usize = 8;

/// Why bytes are no compiled debug file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// They are something else.
    #[error("it is not a compiled symbol file")]
    NotCompiled,
    /// Another version of this program compiled it.
    #[error(
        "it has version {version} of the format of compiled symbol files, and this program reads {VERSION}"
    )]
    OtherVersion {
        /// Its version.
        version: u32,
    },
    /// A section reaches past the end.
    #[error("its {section} is cut short: {needed} bytes needed at offset {offset:#x}, and it has {there}")]
    Truncated {
        /// Which section.
        section: &'static str,
        /// Where it should be.
        offset: u64,
        /// How many bytes it should have.
        needed: u64,
        /// How many bytes the file has.
        there: u64,
    },
    /// It was mapped or read to an address that 8 does not divide.
    #[error("it is not in memory at a multiple of 8")]
    Misaligned,
    /// Its names cannot be read.
    #[error("its table of names is damaged")]
    Names,
}

/// What a section holds.
#[derive(Debug, Clone, Copy)]
enum Section {
    SymCache,
    FrameData,
    Fpo,
    Cfi,
    Parameters,
    Text,
}

const NAMES: [&str; SECTIONS] = [
    "table of names",
    "frame data",
    "FPO data",
    "CFI",
    "table of parameters",
    "text",
];

/// The kinds of stack records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `STACK WIN 4`.
    FrameData,
    /// `STACK WIN 0`.
    Fpo,
    /// `STACK CFI`.
    Cfi,
}

/// Writes the file.
pub(super) fn write(symcache: &[u8], records: &Records) -> Vec<u8> {
    let index = |entries: &[Entry]| -> Vec<u8> {
        let numbers = entries
            .iter()
            .flat_map(|entry| [entry.address, entry.size, entry.offset, entry.length]);
        numbers.flat_map(u32::to_le_bytes).collect()
    };
    let parameters = records
        .parameters
        .iter()
        .flat_map(|(address, bytes)| [*address, *bytes]);
    let parameters: Vec<u8> = parameters.flat_map(u32::to_le_bytes).collect();
    let sections: [&[u8]; SECTIONS] = [
        symcache,
        &index(&records.frame_data),
        &index(&records.fpo),
        &index(&records.cfi),
        &parameters,
        &records.text,
    ];
    let mut file = Vec::new();
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&VERSION.to_le_bytes());
    file.extend_from_slice(&[0; 4]);
    let mut offset = HEADER_BYTES;
    for section in sections {
        for number in [offset as u64, section.len() as u64] {
            file.extend_from_slice(&number.to_le_bytes());
        }
        offset = offset.saturating_add(section.len()).next_multiple_of(ALIGNMENT);
    }
    for section in sections {
        file.extend_from_slice(section);
        file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
    }
    file
}

/// A compiled debug file, opened.
pub(super) struct Container {
    bytes: SymbolBytes,
    sections: [Range<usize>; SECTIONS],
}

impl std::fmt::Debug for Container {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Container")
            .field("sections", &self.sections)
            .finish_non_exhaustive()
    }
}

impl Container {
    /// Checks the header and where the sections are; their content is looked at when it is asked for.
    pub(super) fn open(bytes: SymbolBytes) -> Result<Self, OpenError> {
        let file: &[u8] = (*bytes).as_ref();
        if !file.starts_with(MAGIC) {
            return Err(OpenError::NotCompiled);
        }
        let version = u32_at(file, 8).ok_or(OpenError::NotCompiled)?;
        if version != VERSION {
            return Err(OpenError::OtherVersion { version });
        }
        if !file.as_ptr().addr().is_multiple_of(ALIGNMENT) {
            return Err(OpenError::Misaligned);
        }
        let mut sections = [const { 0..0 }; SECTIONS];
        for ((at, section), name) in (16..).step_by(16).zip(&mut sections).zip(NAMES) {
            *section = range(file, at, name)?;
        }
        let container = Container { bytes, sections };
        container.check_names()?;
        Ok(container)
    }

    fn check_names(&self) -> Result<(), OpenError> {
        let [symcache, ..] = &self.sections;
        if !symcache.start.is_multiple_of(ALIGNMENT) {
            return Err(OpenError::Misaligned);
        }
        // The reader subtracts the second from the first.
        let names = self.section(Section::SymCache);
        let (locations, ranges) = (u32_at(names, 52), u32_at(names, 56));
        let is_read = self
            .symcache()
            .is_some_and(|cache| cache.version() == SYMCACHE_VERSION);
        (is_read && locations >= ranges)
            .then_some(())
            .ok_or(OpenError::Names)
    }

    /// The table of names, which reads only its own header.
    pub(super) fn symcache(&self) -> Option<SymCache<'_>> {
        SymCache::parse(self.section(Section::SymCache)).ok()
    }

    /// The lines of the record of one kind for an address, and the first address it is for.
    pub(super) fn record(&self, kind: Kind, rva: u32) -> Option<&[u8]> {
        let index = self.section(match kind {
            Kind::FrameData => Section::FrameData,
            Kind::Fpo => Section::Fpo,
            Kind::Cfi => Section::Cfi,
        });
        let (entries, _) = index.as_chunks::<16>();
        let after = entries.partition_point(|entry| u32_at(entry, 0).is_some_and(|address| address <= rva));
        let entry = entries.get(after.checked_sub(1)?)?;
        let (address, size) = (u32_at(entry, 0)?, u32_at(entry, 4)?);
        if rva.checked_sub(address)? >= size {
            return None;
        }
        let offset = usize::try_from(u32_at(entry, 8)?).ok()?;
        let length = usize::try_from(u32_at(entry, 12)?).ok()?;
        self.section(Section::Text)
            .get(offset..offset.checked_add(length)?)
    }

    /// The parameter bytes of the function that begins at an address, if it has any.
    pub(super) fn parameter_bytes(&self, function: u32) -> Option<u32> {
        let (entries, _) = self.section(Section::Parameters).as_chunks::<8>();
        let found = entries.binary_search_by_key(&function, |entry| u32_at(entry, 0).unwrap_or_default());
        entries.get(found.ok()?).and_then(|entry| u32_at(entry, 4))
    }

    fn section(&self, section: Section) -> &[u8] {
        let file: &[u8] = (*self.bytes).as_ref();
        let range = self.sections.get(section as usize).cloned();
        range.and_then(|range| file.get(range)).unwrap_or_default()
    }
}

/// Where a section is, from its entry at `at` in the header.
fn range(file: &[u8], at: usize, section: &'static str) -> Result<Range<usize>, OpenError> {
    let truncated = |offset, needed| OpenError::Truncated {
        section,
        offset,
        needed,
        there: file.len() as u64,
    };
    let (Some(offset), Some(length)) = (u64_at(file, at), u64_at(file, at.saturating_add(8))) else {
        return Err(truncated(at as u64, 16));
    };
    let start = usize::try_from(offset).ok();
    let end = start.zip(usize::try_from(length).ok());
    let end = end.and_then(|(start, length)| start.checked_add(length));
    match (start, end) {
        (Some(start), Some(end)) if end <= file.len() => Ok(start..end),
        _ => Err(truncated(offset, length)),
    }
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let number = bytes.get(offset..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*number))
}

fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    let number = bytes.get(offset..)?.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*number))
}
