//! `TRIAGE_DUMP`, the table of contents of a small dump.
//!
//! It follows the header: at 0x2000 in 64-bit dumps (0x80 bytes), at 0x1000 in 32-bit ones (0x68 bytes). Every
//! `…Offset` is an offset in the file. A small dump ends its triage part with the bytes `TRGD`:
//!
//! ```text
//! 0x0000  header            SizeOfDump = 0x13A28C
//! 0x2000  TRIAGE_DUMP       ValidOffset = 0x13A288
//! 0x2080  figures of the memory manager, unloaded drivers, PRCB, EPROCESS,
//!         ETHREAD, stack, KDDEBUGGER_DATA, driver list, names, data blocks
//! 0x13A288  "TRGD"
//! 0x13A28C  "DumpBlob", secondary data to the end of the file
//! ```

use crate::bytes::{Bytes, Record};
use crate::{Address, Part, Warning, Width};

/// The bytes `TRGD` at `ValidOffset`.
const END_MARKER: u32 = u32::from_le_bytes(*b"TRGD");

/// All fields of `TRIAGE_DUMP` as stored. None of them has been checked against the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Triage {
    /// Service pack build; 0 in all samples.
    pub service_pack_build: u32,
    /// Size of header and triage part; secondary data follows.
    pub size_of_dump: u32,
    /// Where the bytes `TRGD` are: the last four of the triage part.
    pub valid_offset: u32,
    /// Where the context is; it is the one in the header.
    pub context_offset: u32,
    /// Where the exception record is; it is the one in the header.
    pub exception_offset: u32,
    /// Where the figures of the memory manager are.
    pub mm_offset: u32,
    /// Where the list of unloaded drivers is.
    pub unloaded_drivers_offset: u32,
    /// Where the copy of the processor control block is.
    pub prcb_offset: u32,
    /// Where the copy of the current process is.
    pub process_offset: u32,
    /// Where the copy of the current thread is.
    pub thread_offset: u32,
    /// Where the bytes of the stack are.
    pub call_stack_offset: u32,
    /// How many bytes of stack there are.
    pub size_of_call_stack: u32,
    /// Where the driver list is.
    pub driver_list_offset: u32,
    /// How many drivers are listed; 106 to 245 in the samples.
    pub driver_count: u32,
    /// Where the names are; the end of the driver list.
    pub string_pool_offset: u32,
    /// Size of the names.
    pub string_pool_size: u32,
    /// Meaning disputed, 0 in all samples; not used here.
    pub broken_driver_offset: u32,
    /// Options of the writer: 0x41, or all bits set in converted dumps.
    pub triage_options: u32,
    /// The **lowest** address of the saved stack, whatever the name says.
    pub top_of_stack: Address,
    /// Itanium's backing store; `None` in 32-bit dumps.
    pub b_store_offset: Option<u32>,
    /// Its size.
    pub size_of_b_store: Option<u32>,
    /// Its limit.
    pub limit_of_b_store: Option<Address>,
    /// Address of the data page; 0 in all samples.
    pub data_page_address: Address,
    /// Where the data page is.
    pub data_page_offset: u32,
    /// Its size.
    pub data_page_size: u32,
    /// Where the copy of `KDDEBUGGER_DATA64` is.
    pub debugger_data_offset: u32,
    /// Its size: 0x380, or 0x3A0 on build 26100.
    pub debugger_data_size: u32,
    /// Where the table of data blocks is.
    pub data_blocks_offset: u32,
    /// How many data blocks there are; 27 to 2,667 in the samples.
    pub data_blocks_count: u32,
    start: u64,
}

impl Triage {
    pub(crate) fn size_bytes(width: Width) -> u64 {
        match width {
            Width::Bits32 => 0x68,
            Width::Bits64 => 0x80,
        }
    }

    /// Reads the table that begins at `start` of the file.
    pub(crate) fn read(record: Record<'_>, start: u64, width: Width) -> Triage {
        let is_64 = width == Width::Bits64;
        let on_64 = |offset| is_64.then(|| record.u32(offset));
        // From the data page on, the two widths have the same fields at different places.
        let (data_page, after) = if is_64 { (0x60, 0x68) } else { (0x4C, 0x50) };
        let field = |index: usize| record.u32(index.saturating_mul(4).saturating_add(after));
        Triage {
            service_pack_build: record.u32(0x00),
            size_of_dump: record.u32(0x04),
            valid_offset: record.u32(0x08),
            context_offset: record.u32(0x0C),
            exception_offset: record.u32(0x10),
            mm_offset: record.u32(0x14),
            unloaded_drivers_offset: record.u32(0x18),
            prcb_offset: record.u32(0x1C),
            process_offset: record.u32(0x20),
            thread_offset: record.u32(0x24),
            call_stack_offset: record.u32(0x28),
            size_of_call_stack: record.u32(0x2C),
            driver_list_offset: record.u32(0x30),
            driver_count: record.u32(0x34),
            string_pool_offset: record.u32(0x38),
            string_pool_size: record.u32(0x3C),
            broken_driver_offset: record.u32(0x40),
            triage_options: record.u32(0x44),
            top_of_stack: Address(record.pointer(0x48, width)),
            b_store_offset: on_64(0x50),
            size_of_b_store: on_64(0x54),
            limit_of_b_store: is_64.then(|| Address(record.u64(0x58))),
            data_page_address: Address(record.pointer(data_page, width)),
            data_page_offset: field(0),
            data_page_size: field(1),
            debugger_data_offset: field(2),
            debugger_data_size: field(3),
            data_blocks_offset: field(4),
            data_blocks_count: field(5),
            start,
        }
    }

    /// Where the field at `field` of this table is in the file.
    pub(crate) fn field_offset(&self, field: u64) -> u64 {
        self.start.saturating_add(field)
    }

    /// The triage part of `file`, as far as the end marker tells where it ends.
    ///
    /// `ValidOffset` and `SizeOfDump` both name the end. One of them is enough if the marker stands there; without a
    /// marker, everything up to the end of the file may belong to the triage part.
    pub(crate) fn extent<'a>(&self, file: Bytes<'a>, warnings: &mut Vec<Warning>) -> Bytes<'a> {
        let size = u64::from(self.size_of_dump);
        let ends = [u64::from(self.valid_offset).saturating_add(4), size];
        let marked = ends.into_iter().find(|end| {
            let marker = end.checked_sub(4).and_then(|offset| file.u32(offset));
            *end > self.start && marker == Some(END_MARKER)
        });
        if size > file.len() {
            warnings.push(Warning::CutShort {
                what: Part::Triage,
                offset: 0,
                needed: size,
                there: file.len(),
            });
        } else if marked.is_none() {
            warnings.push(self.missing_marker(file));
        }
        let Some(end) = marked else { return file };
        for (field, found, expected) in [
            (0x04, size, end),
            (0x08, u64::from(self.valid_offset), end.saturating_sub(4)),
        ] {
            if found != expected && found <= file.len() {
                warnings.push(Warning::Unexpected {
                    what: Part::Triage,
                    offset: self.field_offset(field),
                    expected,
                    found,
                });
            }
        }
        file.until(end)
    }

    fn missing_marker(&self, file: Bytes<'_>) -> Warning {
        let offset = u64::from(self.valid_offset);
        match file.u32(offset) {
            Some(found) => Warning::Unexpected {
                what: Part::Triage,
                offset,
                expected: u64::from(END_MARKER),
                found: u64::from(found),
            },
            None => Warning::CutShort {
                what: Part::Triage,
                offset,
                needed: 4,
                there: file.there(offset),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Triage;
    use crate::bytes::Bytes;
    use crate::{Address, Part, Warning, Width};

    /// A table at 0x10 of a file of 0x100 bytes whose marker is at 0xF8.
    fn file(size_of_dump: u32, valid_offset: u32) -> (Triage, Vec<u8>) {
        let mut bytes = vec![0; 0x100];
        bytes[0x14..0x18].copy_from_slice(&size_of_dump.to_le_bytes());
        bytes[0x18..0x1C].copy_from_slice(&valid_offset.to_le_bytes());
        bytes[0xF8..0xFC].copy_from_slice(b"TRGD");
        let record = Bytes::new(&bytes).record(0x10, 0x80).unwrap();
        (Triage::read(record, 0x10, Width::Bits64), bytes)
    }

    fn extent(size_of_dump: u32, valid_offset: u32) -> (u64, Vec<Warning>) {
        let (triage, bytes) = file(size_of_dump, valid_offset);
        let mut warnings = Vec::new();
        let extent = triage.extent(Bytes::new(&bytes), &mut warnings);
        (extent.len(), warnings)
    }

    #[test]
    fn the_triage_part_ends_behind_its_marker() {
        assert_eq!(extent(0xFC, 0xF8), (0xFC, Vec::new()));
    }

    #[test]
    fn one_wrong_field_is_told_and_the_other_believed() {
        let wrong = |offset, expected, found| {
            vec![Warning::Unexpected {
                what: Part::Triage,
                offset,
                expected,
                found,
            }]
        };
        assert_eq!(extent(0x80, 0xF8), (0xFC, wrong(0x14, 0xFC, 0x80)));
        assert_eq!(extent(0xFC, 0x80), (0xFC, wrong(0x18, 0xF8, 0x80)));
    }

    #[test]
    fn without_a_marker_the_triage_part_may_reach_to_the_end_of_the_file() {
        let (length, warnings) = extent(0x84, 0x80);
        assert_eq!(length, 0x100);
        assert!(matches!(
            warnings[..],
            [Warning::Unexpected {
                offset: 0x80,
                found: 0,
                ..
            }]
        ));
    }

    #[test]
    fn a_cut_file_says_how_much_of_the_triage_part_is_missing() {
        let (length, warnings) = extent(0x1000, 0xFFC);
        assert_eq!(length, 0x100);
        assert_eq!(
            warnings,
            [Warning::CutShort {
                what: Part::Triage,
                offset: 0,
                needed: 0x1000,
                there: 0x100
            }]
        );
    }

    #[test]
    fn the_32_bit_table_has_its_last_fields_earlier() {
        let mut bytes = [0; 0x68];
        bytes[0x48..0x4C].copy_from_slice(&0x8200_0000_u32.to_le_bytes());
        bytes[0x60] = 0x11;
        bytes[0x64] = 0x22;
        let record = Bytes::new(&bytes).record(0, 0x68).unwrap();
        let triage = Triage::read(record, 0, Width::Bits32);
        assert_eq!(triage.top_of_stack, Address(0x8200_0000));
        assert_eq!(
            (triage.data_blocks_offset, triage.data_blocks_count),
            (0x11, 0x22)
        );
        assert_eq!(triage.limit_of_b_store, None);
    }
}
