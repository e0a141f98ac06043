//! What an image says of itself: its stamp and size, and the PDB it was linked with.
//!
//! ```text
//! 0x3c  offset ─► "PE\0\0", machine, section count, TimeDateStamp +8, size of the optional header +14
//!                 optional header at +18: SizeOfImage +38, directories at +60 (32 bits) or +70 (64 bits)
//! directory 6  ─► entries of 0x1c bytes: type +0c (2 is CodeView), size +10, offset in the file +18
//! CodeView     ─► "RSDS", GUID, age, path
//! ```

use wire::symbols::SymbolKey;

use super::error::CompileError;
use super::pdb::guid_number;

/// Windows loads no image with more.
const MAX_SECTIONS: usize = 96;
/// Most entries of a debug directory that are looked at.
const MAX_DEBUG_ENTRIES: usize = 32;
/// Longest path of a PDB.
const MAX_PATH_BYTES: usize = 1_024;

/// The identity of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImageId {
    /// `TimeDateStamp`; 0 means absent.
    pub(super) time_date_stamp: u32,
    /// `SizeOfImage`.
    pub(super) size_of_image: u32,
    /// The key of its PDB, if it names one whose name is fit for files.
    pub(super) debug: Option<SymbolKey>,
}

/// The identity of an image. A debug directory that cannot be read counts as none.
pub(super) fn id(image: &[u8]) -> Result<ImageId, CompileError> {
    let truncated = |offset: usize, needed: u64| CompileError::Truncated {
        what: "PE image",
        offset: offset as u64,
        needed,
        there: image.len() as u64,
    };
    let start = u32_at(image, 0x3c).ok_or_else(|| truncated(0, 0x40))?;
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let header = image.get(start..).unwrap_or_default();
    if header.len() < 0x58 {
        return Err(truncated(start, 0x58));
    }
    if !header.starts_with(b"PE\0\0") {
        return Err(CompileError::Damaged {
            what: "PE image",
            problem: "its header does not begin with PE",
        });
    }
    Ok(ImageId {
        time_date_stamp: u32_at(header, 8).unwrap_or_default(),
        size_of_image: u32_at(header, 0x18 + 0x38).unwrap_or_default(),
        debug: debug(image, header),
    })
}

fn debug(image: &[u8], header: &[u8]) -> Option<SymbolKey> {
    let directories = match u16_at(header, 0x18)? {
        0x20b => 0x18 + 0x70,
        _ => 0x18 + 0x60,
    };
    let (rva, size) = (
        u32_at(header, directories + 6 * 8)?,
        u32_at(header, directories + 6 * 8 + 4)?,
    );
    let entries = image.get(file_offset(header, rva)?..)?;
    let size = usize::try_from(size).ok()?.min(entries.len());
    let entries = entries.get(..size)?.chunks_exact(0x1c).take(MAX_DEBUG_ENTRIES);
    let mut code_views = entries.filter(|entry| u32_at(entry, 0x0c) == Some(2));
    code_views.find_map(|entry| {
        let at = usize::try_from(u32_at(entry, 0x18)?).ok()?;
        let length = usize::try_from(u32_at(entry, 0x10)?).ok()?;
        let record = image.get(at..at.checked_add(length)?)?.strip_prefix(b"RSDS")?;
        let guid = guid_number(record.first_chunk()?);
        let path = record.get(20..)?;
        let end = path.iter().take(MAX_PATH_BYTES).position(|byte| *byte == 0)?;
        let path = str::from_utf8(path.get(..end)?).ok()?;
        let name = path.rsplit(['/', '\\']).next()?;
        SymbolKey::debug(name, guid, u32_at(record, 16)?)
    })
}

/// Where the bytes at `rva` are in the file.
fn file_offset(header: &[u8], rva: u32) -> Option<usize> {
    let count = usize::from(u16_at(header, 6)?).min(MAX_SECTIONS);
    let sections = 0x18_usize.checked_add(usize::from(u16_at(header, 0x14)?))?;
    let sections = header.get(sections..)?.chunks_exact(0x28).take(count);
    sections.into_iter().find_map(|section| {
        let distance = rva.checked_sub(u32_at(section, 0x0c)?)?;
        let in_file = u32_at(section, 0x14)?.checked_add(distance)?;
        (distance < u32_at(section, 0x10)?).then(|| usize::try_from(in_file).ok())?
    })
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    let number = bytes.get(offset..)?.first_chunk::<2>()?;
    Some(u16::from_le_bytes(*number))
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let number = bytes.get(offset..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*number))
}
