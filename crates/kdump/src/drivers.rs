//! The list of loaded drivers: `DUMP_DRIVER_ENTRY` and the names behind it.
//!
//! The list is in load order, not in address order; entry 0 is ntoskrnl. An entry holds the loader's record of a
//! module and the offset of its name. Entries are 0x90 bytes apart in 64-bit dumps and 0x4C in 32-bit ones:
//!
//! ```text
//!               64-bit  32-bit
//! name offset    0x00    0x00   of: count of UTF-16 units (u32), the units, a NUL
//! DllBase        0x38    0x1C
//! EntryPoint     0x40    0x20
//! SizeOfImage    0x48    0x24
//! CheckSum       0x80    0x44
//! TimeDateStamp  0x88    0x48
//! ```
//!
//! In the sample `triage_x64.dmp` the list begins at 0x10828, has 0x97 entries, and the names begin at 0x15D18:
//! `0x10828 + 0x97 * 0x90 = 0x15D18`.

use crate::bytes::{Bytes, Record};
use crate::damage::Damage;
use crate::{Address, Part, Triage, Warning, WideText, Width};

/// More drivers than any machine loads.
const MAX_DRIVERS: u64 = 4096;
/// More UTF-16 units than a driver's path has.
const MAX_NAME_UNITS: u32 = 1024;
/// Images begin on a page boundary.
const PAGE_MASK: u64 = 0xFFF;

/// A driver or other module that was loaded in the kernel.
///
/// A small dump holds no version. The image is identified by name, `time_date_stamp` and `size_of_image`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Driver<'a> {
    /// Its place in the load order; ntoskrnl is 0.
    pub index: usize,
    /// The name as stored: a path such as `\SystemRoot\system32\ntoskrnl.exe` in converted dumps, `ntoskrnl.exe` in
    /// those that the kernel wrote. `None` if it is damaged.
    pub name: Option<WideText<'a>>,
    /// Where the image begins.
    pub base: Address,
    /// The size of the image in memory.
    pub size_of_image: u32,
    /// The time stamp of the PE header. Since Windows 10 it is a hash of the build, not a time; do not show it as a
    /// date. 0 in some entries of converted dumps, mostly `win32k*.sys` and `cdd.dll`.
    pub time_date_stamp: u32,
    /// The check sum of the PE header; 0 where the time stamp is and in some vendors' images.
    pub checksum: u32,
    /// Where the image's entry point lies.
    pub entry_point: Address,
    /// The loader's flags.
    pub flags: u32,
    /// How often the module is in use.
    pub load_count: u16,
    /// Where its exception table (`.pdata`) lies.
    pub exception_table: Address,
    /// The size of that table.
    pub exception_table_size: u32,
    /// The loader's debug information for pages that cannot be paged out.
    pub non_paged_debug_info: Address,
    /// The image's section object.
    pub section_pointer: Address,
}

impl<'a> Driver<'a> {
    /// The file name without its path, in the case it is stored in.
    pub fn base_name(&self) -> Option<WideText<'a>> {
        self.name.map(WideText::base_name)
    }

    /// The first address behind the image.
    pub fn end(&self) -> Address {
        Address(self.base.0.saturating_add(u64::from(self.size_of_image)))
    }

    /// Whether the image covers `address`.
    pub fn contains(&self, address: Address) -> bool {
        self.base <= address && address < self.end()
    }
}

/// Where the entries are, and how many of them are read if they are there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DriverList {
    offset: u64,
    count: u64,
    width: Width,
    /// Whether count and end of the list contradict each other, so that entries may be what follows the list.
    is_doubtful: bool,
}

impl DriverList {
    pub(crate) fn find(
        content: Bytes<'_>,
        triage: &Triage,
        width: Width,
        warnings: &mut Vec<Warning>,
    ) -> DriverList {
        let offset = u64::from(triage.driver_list_offset);
        let stride = stride(width);
        let stored = u64::from(triage.driver_count);
        let count = stored.min(MAX_DRIVERS);
        let needed = count.saturating_mul(stride);
        let there = content.there(offset);
        warnings.extend(Warning::too_many(Part::Drivers, offset, stored, MAX_DRIVERS));
        warnings.extend(Warning::cut_short(Part::Drivers, offset, needed, there));
        let expected = offset.saturating_add(stored.saturating_mul(stride));
        let found = u64::from(triage.string_pool_offset);
        let is_doubtful = stored != 0 && expected != found;
        if is_doubtful {
            warnings.push(Warning::Unexpected {
                what: Part::Drivers,
                offset: triage.field_offset(0x38),
                expected,
                found,
            });
        }
        let list = DriverList {
            offset,
            count,
            width,
            is_doubtful,
        };
        warnings.extend(list.damaged_names(content));
        list
    }

    /// Counts the names that cannot be read.
    fn damaged_names(self, content: Bytes<'_>) -> Option<Warning> {
        let mut damaged = Damage::default();
        for record in self.records(content) {
            let offset = u64::from(record.u32(0));
            if let Err((needed, there)) = name(content, offset) {
                damaged.add(offset, needed, there);
            }
        }
        damaged.into_warning(Part::DriverName)
    }

    fn records(self, content: Bytes<'_>) -> impl Iterator<Item = Record<'_>> {
        let stride = stride(self.width);
        (0..self.count).map_while(move |index| {
            let offset = index.checked_mul(stride)?.checked_add(self.offset)?;
            content.record(offset, stride)
        })
    }

    /// The drivers, without what is no entry: an entry has a name or an image, and both where the list is doubtful.
    pub(crate) fn iter(self, content: Bytes<'_>) -> impl Iterator<Item = Driver<'_>> {
        self.records(content)
            .enumerate()
            .map(move |(index, record)| read(content, record, index, self.width))
            .filter(move |driver| match (driver.name, is_image_base(driver.base)) {
                (Some(_), true) => true,
                (None, false) => false,
                _ => !self.is_doubtful,
            })
    }
}

fn stride(width: Width) -> u64 {
    match width {
        Width::Bits32 => 0x4C,
        Width::Bits64 => 0x90,
    }
}

fn is_image_base(base: Address) -> bool {
    !base.is_null() && base.0 & PAGE_MASK == 0
}

/// The name at `offset`, or how many bytes it needs there and how many there are.
fn name(content: Bytes<'_>, offset: u64) -> Result<WideText<'_>, (u64, u64)> {
    let there = content.there(offset);
    let units = content.u32(offset).ok_or((4, there))?;
    let length = u64::from(units).saturating_mul(2);
    let needed = length.saturating_add(4);
    if units == 0 || units > MAX_NAME_UNITS {
        return Err((needed, there));
    }
    let bytes = content
        .slice(offset.saturating_add(4), length)
        .ok_or((needed, there))?;
    let text = WideText::until_nul(bytes);
    if text.is_empty() {
        Err((needed, there))
    } else {
        Ok(text)
    }
}

fn read<'a>(content: Bytes<'a>, record: Record<'a>, index: usize, width: Width) -> Driver<'a> {
    let name = name(content, u64::from(record.u32(0))).ok();
    match width {
        Width::Bits64 => Driver {
            index,
            name,
            base: Address(record.u64(0x38)),
            size_of_image: record.u32(0x48),
            time_date_stamp: record.u32(0x88),
            checksum: record.u32(0x80),
            entry_point: Address(record.u64(0x40)),
            flags: record.u32(0x70),
            load_count: record.u16(0x74),
            exception_table: Address(record.u64(0x18)),
            exception_table_size: record.u32(0x20),
            non_paged_debug_info: Address(record.u64(0x30)),
            section_pointer: Address(record.u64(0x78)),
        },
        Width::Bits32 => Driver {
            index,
            name,
            base: Address(u64::from(record.u32(0x1C))),
            size_of_image: record.u32(0x24),
            time_date_stamp: record.u32(0x48),
            checksum: record.u32(0x44),
            entry_point: Address(u64::from(record.u32(0x20))),
            flags: record.u32(0x38),
            load_count: record.u16(0x3C),
            exception_table: Address(u64::from(record.u32(0x0C))),
            exception_table_size: record.u32(0x10),
            non_paged_debug_info: Address(u64::from(record.u32(0x18))),
            section_pointer: Address(u64::from(record.u32(0x40))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::name;
    use crate::bytes::Bytes;

    fn stored(units: u32, text: &str) -> Vec<u8> {
        let mut bytes = units.to_le_bytes().to_vec();
        bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        bytes
    }

    #[test]
    fn the_count_of_a_name_is_in_units_and_not_in_bytes() {
        let bytes = stored(7, "hal.dll\0");
        assert_eq!(name(Bytes::new(&bytes), 0).unwrap(), "hal.dll");
    }

    #[test]
    fn a_name_that_runs_past_the_end_says_what_it_needed() {
        let bytes = stored(8, "hal.dll");
        assert_eq!(name(Bytes::new(&bytes), 0), Err((20, 18)));
        assert_eq!(name(Bytes::new(&bytes), 17), Err((4, 1)));
        assert_eq!(name(Bytes::new(&bytes), u64::MAX), Err((4, 0)));
    }

    #[test]
    fn an_empty_name_and_one_of_more_than_1024_units_are_damage() {
        let long = "x".repeat(1025);
        assert!(name(Bytes::new(&stored(0, "hal.dll")), 0).is_err());
        assert!(name(Bytes::new(&stored(2, "\0\0")), 0).is_err());
        assert!(name(Bytes::new(&stored(1025, &long)), 0).is_err());
        assert!(name(Bytes::new(&stored(1024, &long)), 0).is_ok());
    }
}
