//! The driver list with its names, and the list of unloaded drivers.

use super::buffer::{Buffer, offset_of, utf16};
use super::{Cpu, Driver, DumpDescription, UnloadedDriver, Writer};

/// Unloaded drivers that Windows remembers; a kernel-written dump reserves room for all of them.
const REMEMBERED: usize = 50;

/// Bytes of one entry of the driver list.
fn stride(cpu: Cpu) -> usize {
    if cpu.is_64_bit() { 0x90 } else { 0x4C }
}

/// The driver list and the string pool right after it.
pub(super) struct DriverList {
    pub(super) entries: Vec<u8>,
    pub(super) names: Vec<u8>,
}

/// Lays the list out for a file in which it begins at `list_at`.
pub(super) fn driver_list(description: &DumpDescription, list_at: usize) -> DriverList {
    let cpu = description.cpu;
    let pool_at = list_at + stride(cpu) * description.drivers.len();
    let mut entries = Buffer::default();
    let mut names = Buffer::default();
    for driver in &description.drivers {
        let name = match description.writer {
            Writer::KernelWritten => driver.base_name(),
            Writer::Converted => &driver.path,
        };
        // A multiple of 8 from the file's beginning, wherever the pool itself begins.
        while !(pool_at + names.len()).is_multiple_of(8) {
            names.append(&[0]);
        }
        let name_at = names.append(&dump_string(name)) + offset_of(pool_at);
        entries.append(&driver_entry(cpu, driver, name, name_at));
    }
    DriverList {
        entries: entries.into_bytes(),
        names: names.into_bytes(),
    }
}

/// A count of UTF-16 units without the NUL, the units, a NUL.
fn dump_string(text: &str) -> Vec<u8> {
    let units = utf16(text);
    let mut bytes = offset_of(units.len() / 2).to_le_bytes().to_vec();
    bytes.extend_from_slice(&units);
    bytes.extend_from_slice(&[0, 0]);
    bytes
}

fn driver_entry(cpu: Cpu, driver: &Driver, name: &str, name_at: u32) -> Vec<u8> {
    if cpu.is_64_bit() {
        driver_entry_64(driver, name, name_at)
    } else {
        driver_entry_32(driver, name, name_at)
    }
}

fn driver_entry_64(driver: &Driver, name: &str, name_at: u32) -> Vec<u8> {
    let mut entry = Buffer::zeros(0x90);
    let path_bytes = name_length(name);
    entry.put_u32(0x00, name_at);
    entry.put_u64(0x38, driver.base);
    entry.put_u64(0x40, driver.address_at(0x40));
    entry.put_u32(0x48, driver.size_of_image);
    entry.put_u16(0x50, path_bytes);
    entry.put_u16(0x52, path_bytes + 2);
    entry.put_u64(0x58, 0xFFFF_E000_0000_1000); // into memory that is not in the dump
    entry.put_u16(0x60, name_length(driver.base_name()));
    entry.put_u16(0x62, name_length(driver.base_name()) + 2);
    entry.put_u64(0x68, 0xFFFF_E000_0000_2000);
    entry.put_u32(0x70, 0x4902_4000); // Flags
    entry.put_u16(0x74, 1); // LoadCount
    entry.put_u32(0x80, driver.checksum);
    entry.put_u32(0x88, driver.time_date_stamp);
    entry.into_bytes()
}

fn driver_entry_32(driver: &Driver, name: &str, name_at: u32) -> Vec<u8> {
    let mut entry = Buffer::zeros(0x4C);
    entry.put_u32(0x00, name_at);
    entry.put_pointer(0x1C, driver.base, 4);
    entry.put_pointer(0x20, driver.address_at(0x40), 4);
    entry.put_u32(0x24, driver.size_of_image);
    entry.put_u16(0x28, name_length(name));
    entry.put_u16(0x30, name_length(driver.base_name()));
    entry.put_u32(0x38, 0x0900_4000);
    entry.put_u16(0x3C, 1);
    entry.put_u32(0x44, driver.checksum);
    entry.put_u32(0x48, driver.time_date_stamp);
    entry.into_bytes()
}

/// Bytes of a name in UTF-16, as a `UNICODE_STRING` counts them.
fn name_length(name: &str) -> u16 {
    u16::try_from(2 * name.encode_utf16().count()).unwrap_or(u16::MAX - 2)
}

/// The list of unloaded drivers: the count, then the entries; a kernel-written dump keeps room for all 50.
pub(super) fn unloaded_list(description: &DumpDescription) -> Vec<u8> {
    let cpu = description.cpu;
    let width = cpu.pointer_bytes();
    let entry_bytes = if cpu.is_64_bit() { 0x38 } else { 0x28 };
    let mut list = Buffer::zeros(width);
    list.put_pointer(0, description.unloaded.len() as u64, width);
    for driver in &description.unloaded {
        list.append(&unloaded_entry(cpu, driver, entry_bytes));
    }
    if description.writer == Writer::KernelWritten {
        let spare = REMEMBERED.saturating_sub(description.unloaded.len());
        list.append(&vec![0; spare * entry_bytes]);
    }
    list.into_bytes()
}

fn unloaded_entry(cpu: Cpu, driver: &UnloadedDriver, entry_bytes: usize) -> Vec<u8> {
    let width = cpu.pointer_bytes();
    let mut units = utf16(&driver.name);
    units.truncate(24);
    let mut entry = Buffer::zeros(entry_bytes);
    let length = u16::try_from(units.len()).expect("cut to 24 bytes");
    entry.put_u16(0x00, length);
    entry.put_u16(0x02, length);
    entry.put(2 * width, &units);
    entry.put_pointer(2 * width + 24, driver.start, width);
    entry.put_pointer(3 * width + 24, driver.end, width);
    entry.into_bytes()
}
