//! `EXCEPTION_RECORD` in both widths.
//!
//! ```text
//!        64-bit 0x98            32-bit 0x50
//! code        0x00                  0x00
//! flags       0x04                  0x04
//! next record 0x08                  0x08
//! address     0x10                  0x0C
//! count       0x18                  0x10
//! information 0x20 (15 x 8)         0x14 (15 x 4)
//! ```

use crate::bytes::Record;
use crate::{Address, Width, filler};

/// The most values an exception record holds.
const MAX_PARAMETERS: usize = 15;

/// An exception record.
///
/// The one in the dump header is **not** the fault: all 17 dumps that were looked at hold `0x80000003` there, most
/// with the address of `nt!KeBugCheckEx`. The fault is where the bug check parameters point, which
/// [`crate::Dump::exception_record_at`] reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExceptionRecord {
    /// The code, such as `0xC0000005`.
    pub code: u32,
    /// The flags; 1 means that it cannot be continued.
    pub flags: u32,
    /// The record this one came from, null if there is none.
    pub nested_record: Address,
    /// The instruction that raised it.
    pub address: Address,
    count: u32,
    information: [u64; MAX_PARAMETERS],
}

impl ExceptionRecord {
    pub(crate) fn size_bytes(width: Width) -> u64 {
        match width {
            Width::Bits32 => 0x50,
            Width::Bits64 => 0x98,
        }
    }

    pub(crate) fn read(record: Record<'_>, width: Width) -> ExceptionRecord {
        let (address, count, information, step) = match width {
            Width::Bits32 => (0x0C, 0x10, 0x14, 4),
            Width::Bits64 => (0x10, 0x18, 0x20, 8),
        };
        let mut values = [0; MAX_PARAMETERS];
        for (index, value) in values.iter_mut().enumerate() {
            let offset = index.saturating_mul(step).saturating_add(information);
            *value = record.pointer(offset, width);
        }
        ExceptionRecord {
            code: record.u32(0x00),
            flags: record.u32(0x04),
            nested_record: Address(record.pointer(0x08, width)),
            address: Address(record.pointer(address, width)),
            count: record.u32(count),
            information: values,
        }
    }

    /// As [`ExceptionRecord::read`], and all zero for the filler of a header.
    pub(crate) fn read_set(record: Record<'_>, width: Width) -> ExceptionRecord {
        filler::u32(record.u32(0))
            .map_or_else(ExceptionRecord::default, |_| ExceptionRecord::read(record, width))
    }

    /// The values that come with the exception, at most 15.
    ///
    /// For an access violation: 0 read, 1 write or 8 execute, then the address.
    pub fn parameters(&self) -> &[u64] {
        let count = usize::try_from(self.count).unwrap_or(usize::MAX);
        self.information.get(..count).unwrap_or(&self.information)
    }
}

#[cfg(test)]
mod tests {
    use super::ExceptionRecord;
    use crate::bytes::Bytes;
    use crate::{Address, Width};

    #[test]
    fn a_32_bit_record_is_read_in_its_own_layout() {
        let mut bytes = [0; 0x50];
        bytes[..4].copy_from_slice(&0xC000_0005_u32.to_le_bytes());
        bytes[0x0C..0x10].copy_from_slice(&0x8F00_1234_u32.to_le_bytes());
        bytes[0x10] = 2;
        bytes[0x14] = 1;
        bytes[0x18] = 0x45;
        let record = Bytes::new(&bytes).record(0, 0x50).unwrap();
        let exception = ExceptionRecord::read(record, Width::Bits32);
        assert_eq!(exception.code, 0xC000_0005);
        assert_eq!(exception.address, Address(0x8F00_1234));
        assert_eq!(exception.parameters(), [1, 0x45]);
    }

    #[test]
    fn a_lying_count_gives_no_more_than_fifteen_values() {
        let mut bytes = [0; 0x98];
        bytes[0x18..0x1C].copy_from_slice(&u32::MAX.to_le_bytes());
        let record = Bytes::new(&bytes).record(0, 0x98).unwrap();
        let exception = ExceptionRecord::read(record, Width::Bits64);
        assert_eq!(exception.parameters().len(), 15);
    }
}
