//! The list of drivers that had been unloaded before the crash.
//!
//! A count (u64 in 64-bit dumps, u32 in 32-bit ones), then entries of 0x38 or 0x28 bytes: a `UNICODE_STRING` of which
//! only the length means something, twelve UTF-16 units of name, and the range the image had. There is no time stamp
//! and no version. The kernel keeps the last 50.

use crate::bytes::{Bytes, Record};
use crate::{Address, Part, Triage, Warning, WideText, Width};

/// More than the 50 that the kernel keeps.
const MAX_UNLOADED: u64 = 64;
/// Bytes of name in an entry.
const NAME_BYTES: u16 = 24;

/// A driver that had been loaded and was gone at the crash.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnloadedDriver {
    /// Its file name, at most twelve UTF-16 units: `dump_storport.sys` reads `dump_storpor`.
    pub name: String,
    /// Whether the name fills all twelve units, so that its end may have been cut off.
    pub is_name_full: bool,
    /// Where the image began.
    pub start: Address,
    /// The first address behind the image.
    pub end: Address,
}

impl UnloadedDriver {
    /// Whether the image covered `address`.
    pub fn contains(&self, address: Address) -> bool {
        self.start <= address && address < self.end
    }
}

/// Where the entries are, and how many of them can be there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnloadedList {
    offset: u64,
    count: u64,
    width: Width,
}

impl UnloadedList {
    pub(crate) fn find(
        content: Bytes<'_>,
        triage: &Triage,
        width: Width,
        warnings: &mut Vec<Warning>,
    ) -> UnloadedList {
        let start = u64::from(triage.unloaded_drivers_offset);
        let count_size = width.pointer_size_bytes();
        let stored = match width {
            _ if start == 0 => Some(0),
            Width::Bits32 => content.u32(start).map(u64::from),
            Width::Bits64 => content.u64(start),
        };
        if stored.is_none() {
            let there = content.there(start);
            warnings.extend(Warning::cut_short(
                Part::UnloadedDrivers,
                start,
                count_size,
                there,
            ));
        }
        let stored = stored.unwrap_or(0);
        let offset = start.saturating_add(count_size);
        let count = stored.min(MAX_UNLOADED);
        let needed = count.saturating_mul(stride(width));
        let there = content.there(offset);
        warnings.extend(Warning::too_many(
            Part::UnloadedDrivers,
            start,
            stored,
            MAX_UNLOADED,
        ));
        warnings.extend(Warning::cut_short(Part::UnloadedDrivers, offset, needed, there));
        UnloadedList { offset, count, width }
    }

    /// The entries that are there, newest first as the kernel lists them.
    pub(crate) fn iter(self, content: Bytes<'_>) -> impl Iterator<Item = UnloadedDriver> {
        (0..self.count)
            .map_while(move |index| {
                let stride = stride(self.width);
                let offset = index.checked_mul(stride)?.checked_add(self.offset)?;
                content.record(offset, stride)
            })
            .map(move |record| read(record, self.width))
            .filter(|driver| !driver.name.is_empty() || !driver.start.is_null())
    }
}

fn stride(width: Width) -> u64 {
    match width {
        Width::Bits32 => 0x28,
        Width::Bits64 => 0x38,
    }
}

fn read(record: Record<'_>, width: Width) -> UnloadedDriver {
    let (name, start, end) = match width {
        Width::Bits32 => (0x08, 0x20, 0x24),
        Width::Bits64 => (0x10, 0x28, 0x30),
    };
    // A length of 0, or one beyond the field, is damage: then the NUL alone ends the name.
    let length = Some(record.u16(0)).filter(|length| (1..=NAME_BYTES).contains(length));
    let field = record.slice(name, usize::from(length.unwrap_or(NAME_BYTES)));
    let text = WideText::until_nul(field).decode();
    UnloadedDriver {
        is_name_full: text.encode_utf16().count() >= usize::from(NAME_BYTES / 2),
        name: text,
        start: Address(record.pointer(start, width)),
        end: Address(record.pointer(end, width)),
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::bytes::Bytes;
    use crate::{Address, UnloadedDriver, Width};

    fn entry(length: u16, name: &str) -> UnloadedDriver {
        let mut bytes = [0; 0x38];
        bytes[..2].copy_from_slice(&length.to_le_bytes());
        for (index, unit) in name.encode_utf16().enumerate() {
            bytes[0x10 + 2 * index..0x12 + 2 * index].copy_from_slice(&unit.to_le_bytes());
        }
        bytes[0x28] = 0x10;
        bytes[0x30] = 0x20;
        read(Bytes::new(&bytes).record(0, 0x38).unwrap(), Width::Bits64)
    }

    #[test]
    fn a_name_of_twelve_units_has_no_nul_and_may_be_cut() {
        let driver = entry(24, "dump_storpor");
        assert_eq!(driver.name, "dump_storpor");
        assert!(driver.is_name_full);
    }

    #[test]
    fn the_length_cuts_what_an_earlier_longer_name_left_behind() {
        let driver = entry(14, "dam.syspor.s");
        assert_eq!(driver.name, "dam.sys");
        assert!(!driver.is_name_full);
    }

    #[test]
    fn a_length_that_cannot_be_is_not_believed() {
        assert_eq!(entry(0, "dam.sys").name, "dam.sys");
        assert_eq!(entry(0xFFFF, "dam.sys").name, "dam.sys");
    }

    #[test]
    fn the_range_holds_its_start_and_not_its_end() {
        let driver = entry(14, "dam.sys");
        assert!(driver.contains(Address(0x10)) && driver.contains(Address(0x1F)));
        assert!(!driver.contains(Address(0x20)));
    }
}
