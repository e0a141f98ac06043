//! A Windows image as it is on disk, as far as unwinding needs it.
//!
//! ```text
//! 0x00 "MZ"     0x3C offset ──► "PE\0\0", COFF header (20 bytes), optional header, section table (40 bytes each)
//!                                              │                    ├ SizeOfImage +56
//!                                              │                    └ directories +112 (64-bit) or +96 (32-bit):
//!                                              └ machine, stamp        [3] functions (.pdata)   [6] debug
//! ```
//!
//! An RVA is a distance in memory; sections say where in the file it is. What lies in memory only,
//! behind a section's bytes in the file, is absent here.

use std::fmt;

use wire::symbols::SymbolKey;

use super::bytes::{slice, u16_at, u32_at, usize_of};
use super::functions::{Function, Functions};
use crate::symbols::SymbolBytes;

/// Windows loads no image with more sections.
const MAX_SECTIONS: usize = 96;
/// Most entries of a debug directory that are looked at.
const MAX_DEBUG_ENTRIES: usize = 32;
/// Longest path of a PDB that is read.
const MAX_PDB_PATH: usize = 1024;
/// The section holds code that can run.
const EXECUTABLE: u32 = 0x2000_0000;

/// A Windows image.
pub(crate) struct Pe {
    bytes: SymbolBytes,
    machine: PeMachine,
    time_date_stamp: u32,
    size_of_image: u32,
    size_of_headers: u32,
    sections: Vec<Section>,
    functions: Functions,
    debug: Option<SymbolKey>,
}

/// The processors whose images can be unwound through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PeMachine {
    /// x64.
    Amd64,
    /// Arm64, also its forms for emulated code.
    Arm64,
    /// Another one; its unwind information is not read.
    Other,
}

/// Why bytes are no image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PeError {
    /// They do not begin as an image does.
    NotAnImage,
    /// The headers lead outside the file.
    CutShort,
    /// There are more sections than Windows would load.
    TooManySections(u16),
}

impl fmt::Display for PeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PeError::NotAnImage => formatter.write_str("is not a Windows image"),
            PeError::CutShort => formatter.write_str("is an image whose headers lead outside it"),
            PeError::TooManySections(count) => write!(formatter, "is an image that claims {count} sections"),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Section {
    rva: u32,
    /// Bytes that are both in the file and in memory.
    size_bytes: u32,
    file_offset: u32,
    is_executable: bool,
}

/// A stretch of memory that a directory names.
#[derive(Debug, Clone, Copy, Default)]
struct Directory {
    rva: u32,
    size_bytes: u32,
}

impl Pe {
    /// Reads the headers.
    ///
    /// # Errors
    ///
    /// [`PeError`] when there is nothing to work with. Damage further in shows up where it matters.
    pub(crate) fn open(bytes: SymbolBytes) -> Result<Pe, PeError> {
        let file: &[u8] = (*bytes).as_ref();
        if !file.starts_with(b"MZ") {
            return Err(PeError::NotAnImage);
        }
        let start = usize_of(u32_at(file, 0x3c).ok_or(PeError::CutShort)?);
        let header = file.get(start..).ok_or(PeError::CutShort)?;
        if !header.starts_with(b"PE\0\0") {
            return Err(PeError::NotAnImage);
        }
        let headers = Headers::read(header).ok_or(PeError::CutShort)?;
        let sections = sections(header, &headers)?;
        let mut image = Pe {
            machine: headers.machine,
            time_date_stamp: headers.time_date_stamp,
            size_of_image: headers.size_of_image,
            size_of_headers: headers.header_bytes,
            functions: Functions::none(),
            debug: None,
            sections,
            bytes,
        };
        let exceptions = headers.exceptions;
        let offset = image.file_offset(exceptions.rva).unwrap_or(usize::MAX);
        let there = image.at(exceptions.rva).unwrap_or_default().len();
        image.functions = Functions::new(
            headers.machine,
            offset,
            usize_of(exceptions.size_bytes).min(there),
        );
        image.debug = image.read_debug(headers.debug);
        Ok(image)
    }

    /// The processor it is for.
    pub(crate) fn machine(&self) -> PeMachine {
        self.machine
    }

    /// Whether this is the image of that stamp and size.
    pub(crate) fn is(&self, time_date_stamp: u32, size_of_image: u32) -> bool {
        (self.time_date_stamp, self.size_of_image) == (time_date_stamp, size_of_image)
    }

    /// The key of its PDB, when it names one. The age is that of the debug directory, which equals the age in the PDB's
    /// DBI stream.
    pub(crate) fn debug(&self) -> Option<&SymbolKey> {
        self.debug.as_ref()
    }

    /// The bytes from `rva` to the end of what the file has of its section.
    pub(super) fn at(&self, rva: u32) -> Option<&[u8]> {
        if let Some((section, distance)) = self.section(rva) {
            let left = section.size_bytes.checked_sub(distance)?;
            return slice(self.file(), self.file_offset(rva)?, usize_of(left));
        }
        let headers = self.file().get(..usize_of(self.size_of_headers))?;
        headers.get(usize_of(rva)..).filter(|bytes| !bytes.is_empty())
    }

    /// The `length` bytes before `rva`.
    pub(crate) fn before(&self, rva: u32, length: u32) -> Option<&[u8]> {
        self.at(rva.checked_sub(length)?)?.get(..usize_of(length))
    }

    /// Whether code that can run is at `rva`.
    pub(crate) fn is_executable(&self, rva: u32) -> bool {
        self.section(rva)
            .is_some_and(|(section, _)| section.is_executable)
    }

    /// Whether the image lists its functions at all.
    pub(crate) fn lists_functions(&self) -> bool {
        self.functions.count() > 0
    }

    /// The function that `rva` lies in.
    pub(crate) fn function(&self, rva: u32) -> Option<Function> {
        self.functions.find(self, rva)
    }

    /// Whether the function list had to be put in order.
    pub(crate) fn was_out_of_order(&self) -> bool {
        self.functions.was_out_of_order()
    }

    /// The whole file.
    pub(super) fn file(&self) -> &[u8] {
        (*self.bytes).as_ref()
    }

    /// The section that `rva` lies in, and how far.
    fn section(&self, rva: u32) -> Option<(&Section, u32)> {
        self.sections.iter().find_map(|section| {
            let distance = rva.checked_sub(section.rva)?;
            (distance < section.size_bytes).then_some((section, distance))
        })
    }

    fn file_offset(&self, rva: u32) -> Option<usize> {
        match self.section(rva) {
            Some((section, distance)) => section.file_offset.checked_add(distance).map(usize_of),
            None => (rva < self.size_of_headers).then_some(usize_of(rva)),
        }
    }

    /// The `RSDS` record: signature, GUID (16 bytes), age, path.
    fn read_debug(&self, directory: Directory) -> Option<SymbolKey> {
        const CODE_VIEW: u32 = 2;
        let there = self.at(directory.rva)?;
        let entries = there.get(..there.len().min(usize_of(directory.size_bytes)))?;
        let mut entries = entries.chunks_exact(28).take(MAX_DEBUG_ENTRIES);
        entries.find_map(|entry| {
            let record = u32_at(entry, 24).filter(|_| u32_at(entry, 12) == Some(CODE_VIEW))?;
            let size = usize_of(u32_at(entry, 16)?);
            let from = self.file().get(usize_of(record)..)?;
            let record = from.get(..from.len().min(size))?.strip_prefix(b"RSDS")?;
            let path = record.get(20..)?;
            let length = path.iter().take(MAX_PDB_PATH).position(|byte| *byte == 0)?;
            let path = String::from_utf8_lossy(path.get(..length)?);
            let name = path.rsplit(['\\', '/']).next()?;
            SymbolKey::debug(name, guid(record)?, u32_at(record, 16)?)
        })
    }
}

impl fmt::Debug for Pe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Pe")
            .field("machine", &self.machine)
            .field("size_of_image", &self.size_of_image)
            .field("functions", &self.functions.count())
            .finish_non_exhaustive()
    }
}

/// What is needed of the COFF header and the optional header.
struct Headers {
    machine: PeMachine,
    section_count: u16,
    sections_at: usize,
    time_date_stamp: u32,
    size_of_image: u32,
    header_bytes: u32,
    exceptions: Directory,
    debug: Directory,
}

impl Headers {
    fn read(header: &[u8]) -> Option<Headers> {
        const OPTIONAL: usize = 24;
        let machine = match u16_at(header, 4)? {
            0x8664 => PeMachine::Amd64,
            0xaa64 | 0xa641 | 0xa64e => PeMachine::Arm64,
            _ => PeMachine::Other,
        };
        let optional = header.get(OPTIONAL..)?;
        let directories = match u16_at(optional, 0)? {
            0x20b => 112,
            _ => 96,
        };
        let optional_bytes = usize::from(u16_at(header, 20)?);
        // A directory that lies behind the optional header is not there, whatever the bytes are.
        let inside = optional.get(..optional_bytes)?;
        let directory = |index: usize| {
            let at = index.checked_mul(8)?.checked_add(directories)?;
            Some(Directory {
                rva: u32_at(inside, at)?,
                size_bytes: u32_at(inside, at.checked_add(4)?)?,
            })
        };
        Some(Headers {
            machine,
            section_count: u16_at(header, 6)?,
            sections_at: OPTIONAL.checked_add(optional_bytes)?,
            time_date_stamp: u32_at(header, 8)?,
            size_of_image: u32_at(optional, 56)?,
            header_bytes: u32_at(optional, 60)?,
            exceptions: directory(3).unwrap_or_default(),
            debug: directory(6).unwrap_or_default(),
        })
    }
}

fn sections(header: &[u8], headers: &Headers) -> Result<Vec<Section>, PeError> {
    let count = usize::from(headers.section_count);
    if count > MAX_SECTIONS {
        return Err(PeError::TooManySections(headers.section_count));
    }
    let table = header.get(headers.sections_at..).ok_or(PeError::CutShort)?;
    let entries: Vec<_> = table.chunks_exact(40).take(count).collect();
    if entries.len() < count {
        return Err(PeError::CutShort);
    }
    let section = |entry: &&[u8]| {
        let (virtual_size, raw_size) = (u32_at(entry, 8)?, u32_at(entry, 16)?);
        Some(Section {
            rva: u32_at(entry, 12)?,
            size_bytes: if virtual_size == 0 {
                raw_size
            } else {
                virtual_size.min(raw_size)
            },
            file_offset: u32_at(entry, 20)?,
            is_executable: u32_at(entry, 36)? & EXECUTABLE != 0,
        })
    };
    Ok(entries.iter().filter_map(section).collect())
}

/// A GUID as the number that its 32 digits are: three little-endian numbers, then eight bytes in order.
fn guid(bytes: &[u8]) -> Option<u128> {
    let (first, second, third) = (u32_at(bytes, 0)?, u16_at(bytes, 4)?, u16_at(bytes, 6)?);
    let last = u64::from_be_bytes(*bytes.get(8..)?.first_chunk()?);
    let upper = (u128::from(first) << 32) | (u128::from(second) << 16) | u128::from(third);
    Some((upper << 64) | u128::from(last))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::unwind::sample::{CODE, Image, UNWIND};

    #[test]
    fn headers_sections_and_the_name_of_the_pdb_are_read() {
        let image = Image::x64().pdb(r"C:\build\acme.pdb").open();
        assert_eq!(image.machine(), PeMachine::Amd64);
        assert!(image.is(0x6543_2100, 0x9000));
        assert!(!image.is(0x6543_2100, 0xa000));
        let key = image.debug().unwrap();
        assert_eq!(key.to_string(), "acme.pdb/00112233445566778899AABBCCDDEEFF2");
        assert!(image.is_executable(CODE));
        assert!(!image.is_executable(UNWIND));
        assert!(image.at(0x8fff).is_none());
    }

    #[test]
    fn a_pdb_with_a_name_that_is_no_file_name_is_no_key() {
        assert!(Image::x64().pdb(r"C:\build\..").open().debug().is_none());
    }

    #[test]
    fn what_is_no_image_is_refused_in_words() {
        let open = |bytes: Vec<u8>| Pe::open(Arc::new(bytes)).unwrap_err();
        assert_eq!(open(Vec::new()), PeError::NotAnImage);
        assert_eq!(open(b"MZ".to_vec()), PeError::CutShort);
        let mut many = Image::x64().build();
        many[0x86..0x88].copy_from_slice(&97_u16.to_le_bytes());
        assert_eq!(open(many).to_string(), "is an image that claims 97 sections");
    }

    #[test]
    fn every_prefix_of_an_image_is_read_or_refused() {
        let whole = Image::x64()
            .pdb("acme.pdb")
            .function(0, 0x40, &[1, 0, 0, 0])
            .build();
        for length in 0..whole.len() {
            if let Ok(image) = Pe::open(Arc::new(whole[..length].to_vec())) {
                let _ = image.function(CODE);
                let _ = image.before(CODE + 8, 7);
            }
        }
    }
}
