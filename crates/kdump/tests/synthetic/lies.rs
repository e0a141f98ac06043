//! Counts, sizes and offsets that lie: the work stays within the file, and the lie is told.

use kdump::{Dump, Part, Warning};
use proptest::prelude::*;
use synth::dump::{Cpu, Writer};

use crate::small;
use crate::walk::{Met, walk};

/// Fields of `TRIAGE_DUMP64` that are offsets, sizes or counts.
const FIELDS: [usize; 21] = [
    0x04, 0x08, 0x0C, 0x10, 0x14, 0x18, 0x1C, 0x20, 0x24, 0x28, 0x2C, 0x30, 0x34, 0x38, 0x3C, 0x68, 0x6C,
    0x70, 0x74, 0x78, 0x7C,
];

/// Values that lie in different ways.
const LIES: [u32; 12] = [
    0,
    1,
    7,
    0x2000,
    0x2080,
    0xFFFF,
    0x1_0000,
    0x1_0001,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFFC,
    u32::MAX,
];

fn with_field(bytes: &[u8], field: usize, value: u32) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[0x2000 + field..0x2004 + field].copy_from_slice(&value.to_le_bytes());
    bytes
}

#[test]
fn every_lie_in_every_field_of_the_table_of_contents_is_survived() {
    let sound = small(Cpu::X64, Writer::Converted).to_bytes();
    for field in FIELDS {
        for lie in LIES {
            walk(&with_field(&sound, field, lie)).unwrap();
        }
    }
}

#[test]
fn a_lie_in_one_field_costs_at_most_the_part_it_belongs_to() {
    let description = small(Cpu::X64, Writer::Converted);
    let sound = description.to_bytes();
    for field in FIELDS {
        for lie in LIES {
            let bytes = with_field(&sound, field, lie);
            let dump = Dump::parse(&bytes).unwrap();
            if ![0x30, 0x34].contains(&field) {
                let count = dump.drivers().count();
                assert_eq!(count, description.drivers.len(), "{field:#x} = {lie:#x}");
            }
            if ![0x1C, 0x20, 0x24, 0x70, 0x74].contains(&field) {
                let name = dump.process().unwrap().image_file_name;
                assert_eq!(name, "capture-host.e", "{field:#x} = {lie:#x}");
            }
            if field != 0x18 {
                let count = dump.unloaded_drivers().count();
                assert_eq!(count, description.unloaded.len(), "{field:#x} = {lie:#x}");
            }
        }
    }
}

#[test]
fn a_driver_count_over_any_machines_is_told_and_cut() {
    let description = small(Cpu::X64, Writer::Converted);
    let bytes = with_field(&description.to_bytes(), 0x34, u32::MAX);
    let dump = Dump::parse(&bytes).unwrap();
    assert!(dump.warnings().iter().any(|warning| matches!(
        warning,
        Warning::TooMany {
            what: Part::Drivers,
            count: 0xFFFF_FFFF,
            limit: 4096,
            ..
        }
    )));
    // What follows the list in the file is no image, so the drivers are the real ones.
    assert_eq!(dump.drivers().count(), description.drivers.len());
}

#[test]
fn a_block_count_that_lies_gives_no_more_regions_than_the_file_has_room_for() {
    let sound = small(Cpu::X64, Writer::Converted).to_bytes();
    let bytes = with_field(&sound, 0x7C, u32::MAX);
    let Met { regions, .. } = walk(&bytes).unwrap();
    assert!(regions < bytes.len() / 16);
    let dump = Dump::parse(&bytes).unwrap();
    let is_told = |what| {
        dump.warnings()
            .iter()
            .any(|warning| matches!(warning, Warning::TooMany { what: part, .. } if *part == what))
    };
    assert!(is_told(Part::DataBlocks));
}

#[test]
fn blocks_that_all_claim_the_whole_file_cannot_be_read_beyond_its_size() {
    let sound = small(Cpu::X64, Writer::Converted).to_bytes();
    let dump = Dump::parse(&sound).unwrap();
    let triage = dump.triage().unwrap();
    let table = usize::try_from(triage.data_blocks_offset).unwrap();
    let mut bytes = sound.clone();
    for index in 0..usize::try_from(triage.data_blocks_count).unwrap() {
        let entry = table + index * 16;
        let address = 0xFFFF_8000_0000_0000 + index as u64 * 0x1000;
        bytes[entry..entry + 8].copy_from_slice(&address.to_le_bytes());
        bytes[entry + 8..entry + 12].copy_from_slice(&0_u32.to_le_bytes());
        bytes[entry + 12..entry + 16].copy_from_slice(&u32::MAX.to_le_bytes());
    }
    walk(&bytes).unwrap();
    let dump = Dump::parse(&bytes).unwrap();
    let read = dump
        .memory()
        .read(kdump::Address(0xFFFF_8000_0000_0000), bytes.len() as u64 + 1);
    assert!(matches!(read, Err(kdump::ReadError::OutOfRange { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_values_in_the_table_of_contents_are_survived(
        values in prop::collection::vec((0_usize..FIELDS.len(), any::<u32>()), 1..6),
        is_small: bool,
    ) {
        let mut bytes = small(Cpu::X64, Writer::KernelWritten).to_bytes();
        for (field, value) in values {
            let value = if is_small { value & 0xFFFF } else { value };
            bytes = with_field(&bytes, FIELDS[field], value);
        }
        walk(&bytes);
    }
}
