//! The two bit fields of the header: what is special about the file, and what a small dump holds.

use crate::filler;

/// `Attributes` of the header (`DUMP_FILE_ATTRIBUTES`).
///
/// Seen in files: `0x8` and `0xC` in small dumps that the kernel wrote, `0x21808` on build 26100, `0x18` in live
/// dumps and in an image made by DumpIt. Small dumps that were converted from a larger one leave it unset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attributes(pub u32);

impl Attributes {
    pub(crate) fn read(raw: u32) -> Option<Attributes> {
        filler::u32(raw).map(Attributes)
    }

    fn has(self, bit: u32) -> bool {
        self.0.checked_shr(bit).unwrap_or(0) & 1 == 1
    }

    /// Bit 0: the machine stopped while it hibernated.
    pub fn is_hibernation_crash(self) -> bool {
        self.has(0)
    }

    /// Bit 2: the dump file was too small for what should have gone into it.
    pub fn is_insufficient_file_size(self) -> bool {
        self.has(2)
    }

    /// Bit 3: the kernel wrote the small dump itself, at the time of the crash.
    pub fn is_kernel_generated_triage(self) -> bool {
        self.has(3)
    }

    /// Bit 4: the machine went on running.
    pub fn is_live(self) -> bool {
        self.has(4)
    }

    /// Bit 5: the dump was generated offline.
    pub fn is_generated_offline(self) -> bool {
        self.has(5)
    }

    /// Bit 6: pages were filtered out.
    pub fn is_filtered(self) -> bool {
        self.has(6)
    }

    /// Bit 7: the crash came early while Windows started.
    pub fn is_early_boot(self) -> bool {
        self.has(7)
    }

    /// Bit 8 without bit 9: the content is encrypted and has not been decrypted.
    pub fn is_encrypted(self) -> bool {
        self.has(8) && !self.has(9)
    }
}

/// `MiniDumpFields` of the header: which parts a small dump holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MiniDumpFields(pub u32);

impl MiniDumpFields {
    /// Context record.
    pub const CONTEXT: MiniDumpFields = MiniDumpFields(0x1);
    /// Exception record.
    pub const EXCEPTION: MiniDumpFields = MiniDumpFields(0x2);
    /// Processor control block.
    pub const PRCB: MiniDumpFields = MiniDumpFields(0x4);
    /// Process.
    pub const PROCESS: MiniDumpFields = MiniDumpFields(0x8);
    /// Thread.
    pub const THREAD: MiniDumpFields = MiniDumpFields(0x10);
    /// Stack.
    pub const STACK: MiniDumpFields = MiniDumpFields(0x20);
    /// Driver list.
    pub const DRIVER_LIST: MiniDumpFields = MiniDumpFields(0x40);
    /// Broken driver; no sample holds one, although the bit is set.
    pub const BROKEN_DRIVER: MiniDumpFields = MiniDumpFields(0x80);
    /// Figures of the memory manager.
    pub const MEMORY_MANAGER: MiniDumpFields = MiniDumpFields(0x100);
    /// Data page.
    pub const DATA_PAGE: MiniDumpFields = MiniDumpFields(0x200);
    /// Debugger data.
    pub const DEBUGGER_DATA: MiniDumpFields = MiniDumpFields(0x400);
    /// Data blocks.
    pub const DATA_BLOCKS: MiniDumpFields = MiniDumpFields(0x800);

    /// Whether all bits of `fields` are set.
    pub fn contains(self, fields: MiniDumpFields) -> bool {
        self.0 & fields.0 == fields.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Attributes, MiniDumpFields};

    #[test]
    fn a_decrypted_dump_is_not_encrypted() {
        assert!(Attributes(0x100).is_encrypted());
        assert!(!Attributes(0x300).is_encrypted());
    }

    #[test]
    fn filler_is_no_attribute() {
        assert_eq!(Attributes::read(u32::from_le_bytes(*b"PAGE")), None);
    }

    #[test]
    fn a_converted_dump_says_it_has_data_blocks_but_no_data_page() {
        let fields = MiniDumpFields(0xCFF);
        assert!(fields.contains(MiniDumpFields::DATA_BLOCKS));
        assert!(fields.contains(MiniDumpFields::MEMORY_MANAGER) == (0xCFF & 0x100 != 0));
        assert!(!fields.contains(MiniDumpFields::DATA_PAGE));
    }
}
