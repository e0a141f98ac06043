//! Tests of the header on headers that are built field by field.

use super::Header;
use super::layout::Layout;
use crate::bytes::Bytes;
use crate::{Address, FileTime, Machine};

fn put(header: &mut [u8], offset: usize, bytes: &[u8]) {
    header[offset..offset + bytes.len()].copy_from_slice(bytes);
}

fn read(header: &[u8], layout: &Layout) -> Header {
    Header::read(Bytes::new(header).record(0, layout.size).unwrap(), layout)
}

#[test]
fn a_header_of_nothing_but_filler_has_nothing() {
    let header = read(&b"PAGE".repeat(0x800), &Layout::BITS_64);
    assert_eq!(header.directory_table_base, None);
    assert_eq!(header.ps_loaded_module_list, None);
    assert_eq!(header.number_processors, None);
    assert_eq!(header.bug_check.code, 0);
    assert_eq!(header.bug_check.parameters, [0; 4]);
    assert_eq!(header.version_user, None);
    assert_eq!(header.kd_secondary_version, None);
    assert_eq!(header.required_dump_space, None);
    assert_eq!(header.system_time, None);
    assert_eq!(header.system_up_time, None);
    assert_eq!(header.boot_time(), None);
    assert_eq!(header.comment, None);
    assert_eq!(header.mini_dump_fields, None);
    assert_eq!(header.product_type, None);
    assert_eq!(header.attributes, None);
    assert_eq!(header.boot_id, None);
}

#[test]
fn a_32_bit_header_reads_its_own_offsets() {
    let mut bytes = b"PAGE".repeat(0x400);
    put(&mut bytes, 0xC, &7601_u32.to_le_bytes());
    put(&mut bytes, 0x18, &0x82F6_8850_u32.to_le_bytes());
    put(&mut bytes, 0x20, &0x14C_u32.to_le_bytes());
    put(&mut bytes, 0x28, &0xD1_u32.to_le_bytes());
    put(&mut bytes, 0x38, &0x8F00_1234_u32.to_le_bytes());
    put(&mut bytes, 0x5C, &[1]);
    put(&mut bytes, 0xF88, &4_u32.to_le_bytes());
    let header = read(&bytes, &Layout::BITS_32);
    assert_eq!(header.minor_version, 7601);
    assert_eq!(header.ps_loaded_module_list, Some(Address(0x82F6_8850)));
    assert_eq!(header.machine, Machine::X86);
    assert_eq!(header.bug_check.code, 0xD1);
    assert_eq!(header.bug_check.parameters, [0, 0, 0, 0x8F00_1234]);
    assert_eq!(header.pae_enabled, Some(true));
    assert_eq!(header.pfn_data_base, None);
}

#[test]
fn boot_time_is_the_stop_less_the_uptime() {
    let mut bytes = b"PAGE".repeat(0x800);
    put(&mut bytes, 0xFA8, &132_583_559_020_000_000_u64.to_le_bytes());
    put(&mut bytes, 0x1030, &30_000_000_u64.to_le_bytes());
    let header = read(&bytes, &Layout::BITS_64);
    assert_eq!(header.boot_time(), Some(FileTime(132_583_558_990_000_000)));
}
