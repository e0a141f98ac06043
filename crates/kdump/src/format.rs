//! Telling kernel dumps apart: by their first eight bytes, `DumpType` and `Attributes`.
//!
//! ```text
//! PAGEDU64   64-bit kernel dump, header 0x2000 bytes
//! PAGEDUMP   32-bit kernel dump, header 0x1000 bytes
//! MDMP....   user-mode minidump, not read here
//! ```

use std::fmt;

use crate::bytes::Bytes;
use crate::header::layout::Layout;
use crate::{Attributes, BugCheck, Error, Part, Width};

/// What kind of kernel dump a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format {
    /// The kind, from `DumpType` and `Attributes`.
    pub kind: FormatKind,
    /// Whether the machine was a 32-bit or a 64-bit one.
    pub bits: Width,
    /// `DumpType` as stored. A live dump may be of any type.
    pub dump_type: DumpType,
}

/// The kinds of kernel dumps that users meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FormatKind {
    /// A small dump, as in `C:\Windows\Minidump`. The only kind that is read in full.
    Triage,
    /// A kernel, automatic or active dump: a bitmap says which pages of memory follow.
    Bitmap,
    /// A complete dump: runs in the header say which pages follow.
    Full,
    /// A kernel dump of Windows before 8.
    Summary,
    /// A dump of any type of a machine that went on running.
    Live,
    /// A dump saved by a kernel debugger of 2022 or later (`RDMP`).
    Debugger,
    /// A header without content.
    HeaderOnly,
    /// A type that no published list names.
    Unknown,
}

impl FormatKind {
    /// The kind in one word.
    pub fn as_str(self) -> &'static str {
        match self {
            FormatKind::Triage => "triage",
            FormatKind::Bitmap => "bitmap",
            FormatKind::Full => "full",
            FormatKind::Summary => "summary",
            FormatKind::Live => "live",
            FormatKind::Debugger => "debugger",
            FormatKind::HeaderOnly => "header-only",
            FormatKind::Unknown => "unknown",
        }
    }
}

impl fmt::Display for FormatKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// `DumpType` of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DumpType {
    /// 1: complete memory, runs in the header.
    Full,
    /// 2: kernel memory with the bitmap of old systems.
    Summary,
    /// 3: no content.
    HeaderOnly,
    /// 4: a small dump.
    Triage,
    /// 5: a bitmap dump with user memory (active, complete).
    BitmapFull,
    /// 6: a bitmap dump of kernel memory, also automatic dumps and those of the Task Manager.
    BitmapKernel,
    /// 7: named by published lists, not seen in any file.
    Automatic,
    /// 8: kernel memory, saved by a debugger (`.dump /k`).
    DebuggerKernel,
    /// 9: kernel and user memory, saved by a debugger (`.dump /ka`).
    DebuggerKernelAndUser,
    /// 10: complete memory, saved by a debugger (`.dump /f`).
    DebuggerComplete,
    /// Another number.
    Unknown(u32),
}

impl DumpType {
    /// The type with this number.
    pub fn from_raw(raw: u32) -> DumpType {
        match raw {
            1 => DumpType::Full,
            2 => DumpType::Summary,
            3 => DumpType::HeaderOnly,
            4 => DumpType::Triage,
            5 => DumpType::BitmapFull,
            6 => DumpType::BitmapKernel,
            7 => DumpType::Automatic,
            8 => DumpType::DebuggerKernel,
            9 => DumpType::DebuggerKernelAndUser,
            10 => DumpType::DebuggerComplete,
            other => DumpType::Unknown(other),
        }
    }

    fn kind(self) -> FormatKind {
        match self {
            DumpType::Full => FormatKind::Full,
            DumpType::Summary => FormatKind::Summary,
            DumpType::HeaderOnly => FormatKind::HeaderOnly,
            DumpType::Triage => FormatKind::Triage,
            DumpType::BitmapFull | DumpType::BitmapKernel | DumpType::Automatic => FormatKind::Bitmap,
            DumpType::DebuggerKernel | DumpType::DebuggerKernelAndUser | DumpType::DebuggerComplete => {
                FormatKind::Debugger
            }
            DumpType::Unknown(_) => FormatKind::Unknown,
        }
    }
}

/// The kind of kernel dump that `bytes` begin with, from the header alone.
///
/// A memory image made by DumpIt marks itself as live; it is named by its `DumpType` here, because it is not one of
/// the dumps that Windows makes of a running machine.
///
/// ```
/// let error = kdump::recognise(b"MDMP\x93\xa7\0\0").unwrap_err();
/// assert_eq!(error, kdump::Error::UserMinidump);
/// ```
///
/// # Errors
///
/// [`Error::NotADump`] and [`Error::UserMinidump`] for other files, [`Error::Truncated`] if the file is shorter than
/// its header. An encrypted dump is recognised; only parsing it fails.
pub fn recognise(bytes: &[u8]) -> Result<Format, Error> {
    let layout = signature(bytes)?;
    let header = Bytes::new(bytes).require(Part::Header, 0, layout.size)?;
    let dump_type = DumpType::from_raw(header.u32(layout.dump_type));
    let attributes = Attributes::read(header.u32(layout.attributes));
    let is_live =
        attributes.is_some_and(Attributes::is_live) && !BugCheck::read(header, layout).is_memory_image();
    let kind = if is_live {
        FormatKind::Live
    } else {
        dump_type.kind()
    };
    Ok(Format {
        kind,
        bits: layout.width,
        dump_type,
    })
}

/// The layout of the header that the first eight bytes announce.
pub(crate) fn signature(bytes: &[u8]) -> Result<&'static Layout, Error> {
    let signature = Bytes::new(bytes).require(Part::Signature, 0, 8);
    if bytes.starts_with(b"MDMP") {
        return Err(Error::UserMinidump);
    }
    match signature?.bytes() {
        b"PAGEDU64" => Ok(&Layout::BITS_64),
        b"PAGEDUMP" => Ok(&Layout::BITS_32),
        other => Err(Error::NotADump {
            found: other.first_chunk().copied().unwrap_or_default(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::{DumpType, FormatKind, recognise};
    use crate::{Error, Part, Width};

    fn header(dump_type: u32, attributes: u32) -> Vec<u8> {
        let mut bytes = b"PAGE".repeat(0x800);
        bytes[4..8].copy_from_slice(b"DU64");
        bytes[0xF98..0xF9C].copy_from_slice(&dump_type.to_le_bytes());
        bytes[0x1050..0x1054].copy_from_slice(&attributes.to_le_bytes());
        bytes
    }

    #[test]
    fn a_small_dump_is_recognised_by_its_type() {
        let format = recognise(&header(4, 8)).unwrap();
        assert_eq!(format.kind, FormatKind::Triage);
        assert_eq!(format.bits, Width::Bits64);
    }

    #[test]
    fn unset_attributes_do_not_make_a_dump_live() {
        let filler = u32::from_le_bytes(*b"PAGE");
        assert_ne!(filler & 0x10, 0, "the filler has the bit that means live");
        assert_eq!(recognise(&header(6, filler)).unwrap().kind, FormatKind::Bitmap);
    }

    #[test]
    fn a_dump_of_a_running_machine_is_live_whatever_its_type() {
        let format = recognise(&header(6, 0x10)).unwrap();
        assert_eq!(format.kind, FormatKind::Live);
        assert_eq!(format.dump_type, DumpType::BitmapKernel);
    }

    #[test]
    fn a_memory_image_is_named_by_its_type_although_it_is_marked_live() {
        let mut bytes = header(1, 0x18);
        bytes[0x38..0x3C].copy_from_slice(&0x5454_414D_u32.to_le_bytes());
        assert_eq!(recognise(&bytes).unwrap().kind, FormatKind::Full);
    }

    #[test]
    fn a_header_that_lacks_a_byte_is_truncated() {
        let bytes = header(4, 8);
        let error = recognise(&bytes[..0x1FFF]).unwrap_err();
        assert_eq!(
            error,
            Error::Truncated {
                what: Part::Header,
                offset: 0,
                needed: 0x2000,
                there: 0x1FFF
            }
        );
    }

    #[test]
    fn an_empty_file_is_truncated_and_text_is_no_dump() {
        assert!(matches!(recognise(b""), Err(Error::Truncated { there: 0, .. })));
        assert!(matches!(
            recognise(b"PAGEABLE text"),
            Err(Error::NotADump { found }) if &found == b"PAGEABLE"
        ));
    }
}
