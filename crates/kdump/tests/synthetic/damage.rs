//! Prefixes, flipped bytes and random bytes: never a panic, and damage in one part leaves the others.

use kdump::{Dump, Part, Warning};
use proptest::prelude::*;
use std::sync::LazyLock;
use synth::dump::{Cpu, DumpDescription, Writer};

use crate::walk::walk;
use crate::{all_small, small};

/// The bytes of every form of small dump.
static FORMS: LazyLock<Vec<Vec<u8>>> =
    LazyLock::new(|| all_small().iter().map(DumpDescription::to_bytes).collect());

/// Where the header of a dump ends and `TRIAGE_DUMP` begins.
fn triage_start(bytes: &[u8]) -> usize {
    if bytes.starts_with(b"PAGEDU64") {
        0x2000
    } else {
        0x1000
    }
}

/// The bytes that hold structure and not content: the header's fields, the table of contents, the first two driver
/// entries and their names, the unloaded list, the block table and the first blob headers.
fn structural_bytes(bytes: &[u8]) -> Vec<usize> {
    let start = triage_start(bytes);
    let dump = Dump::parse(bytes).unwrap();
    let triage = dump.triage().unwrap();
    let part = |offset: u32, length: usize| {
        let offset = usize::try_from(offset).unwrap();
        offset..offset + length
    };
    let header = (0..0x88).chain(0x8A0..0x8A8).chain(0xF00..0x1060.min(start));
    header
        .chain(start..start + 0x80)
        .chain(part(triage.mm_offset, 8))
        .chain(part(triage.unloaded_drivers_offset, 0x48))
        .chain(part(triage.prcb_offset, 0x20))
        .chain(part(triage.thread_offset, 0xC0))
        .chain(part(triage.debugger_data_offset, 0x20))
        .chain(part(triage.debugger_data_offset + 0x200, 0xD0))
        .chain(part(triage.driver_list_offset, 0x130))
        .chain(part(triage.string_pool_offset, 0x60))
        .chain(part(triage.data_blocks_offset, 0x40))
        .chain(part(triage.valid_offset, 4 + 0x10 + 0x40))
        .filter(|&offset| offset < bytes.len())
        .collect()
}

#[test]
fn every_changed_structural_byte_is_survived() {
    // Kernel-written x64, Arm64 and x86 with wide block entries, and converted x86 with narrow ones.
    for form in [0, 1, 2, 7] {
        let sound = &FORMS[form];
        let mut bytes = sound.clone();
        for offset in structural_bytes(sound) {
            for value in [0xFF, sound[offset] ^ 0x01, sound[offset] ^ 0x80] {
                bytes[offset] = value;
                walk(&bytes);
            }
            bytes[offset] = sound[offset];
        }
    }
}

#[test]
fn every_prefix_is_survived_and_a_cut_triage_part_is_told() {
    for (cpu, step) in [(Cpu::X64, 1), (Cpu::X86, 7)] {
        let bytes = small(cpu, Writer::Converted).to_bytes();
        let header = triage_start(&bytes);
        let size = usize::try_from(Dump::parse(&bytes).unwrap().triage().unwrap().size_of_dump).unwrap();
        for length in (0..bytes.len()).step_by(step) {
            match walk(&bytes[..length]) {
                None => assert!(length < header, "{length:#x}"),
                Some(met) => assert!(length >= size || met.warnings > 0, "{length:#x}"),
            }
        }
    }
}

#[test]
fn a_cut_triage_part_says_how_much_was_needed_and_there() {
    let bytes = small(Cpu::X64, Writer::Converted).to_bytes();
    let sound = Dump::parse(&bytes).unwrap();
    let needed = u64::from(sound.triage().unwrap().size_of_dump);
    let cut = &bytes[..0x5000];
    let dump = Dump::parse(cut).unwrap();
    assert!(dump.warnings().contains(&Warning::CutShort {
        what: Part::Triage,
        offset: 0,
        needed,
        there: 0x5000
    }));
}

#[test]
fn a_damaged_name_loses_that_name_and_nothing_else() {
    for description in all_small() {
        let mut bytes = description.to_bytes();
        let list = Dump::parse(&bytes).unwrap().triage().unwrap().driver_list_offset;
        let stride = if description.cpu == Cpu::X86 { 0x4C } else { 0x90 };
        let entry = usize::try_from(list).unwrap() + 2 * stride;
        bytes[entry..entry + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        let dump = Dump::parse(&bytes).unwrap();
        let drivers: Vec<_> = dump.drivers().collect();
        assert_eq!(drivers.len(), description.drivers.len());
        for (index, (found, described)) in drivers.iter().zip(&description.drivers).enumerate() {
            assert_eq!(found.name.is_none(), index == 2);
            assert_eq!(found.base.0, described.base);
        }
        assert!(matches!(
            dump.warnings(),
            [Warning::Damaged {
                what: Part::DriverName,
                count: 1,
                offset: 0xFFFF_FFFF,
                needed: 4,
                there: 0
            }]
        ));
        assert!(dump.process().is_some() && dump.smbios().is_some());
    }
}

#[test]
fn either_mark_of_the_end_is_enough_to_find_the_secondary_data() {
    for field in [0x04, 0x08] {
        let description = small(Cpu::X64, Writer::Converted);
        let mut bytes = description.to_bytes();
        let blobs = Dump::parse(&bytes).unwrap().blobs().count();
        bytes[0x2000 + field] ^= 0x40;
        let dump = Dump::parse(&bytes).unwrap();
        assert_eq!(dump.blobs().count(), blobs);
        assert_eq!(dump.warnings().len(), 1, "{:?}", dump.warnings());
    }
}

#[test]
fn a_table_of_contents_of_nonsense_leaves_the_header() {
    for cpu in [Cpu::X64, Cpu::X86] {
        let description = small(cpu, Writer::KernelWritten);
        let mut bytes = description.to_bytes();
        let start = triage_start(&bytes);
        bytes[start..start + 0x80].fill(0xFF);
        walk(&bytes);
        let dump = Dump::parse(&bytes).unwrap();
        assert_eq!(dump.header().bug_check.code, 0x76);
        assert_eq!(dump.context().unwrap().pc().0, description.registers.pc);
        assert!(!dump.warnings().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn random_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..0x3000)) {
        walk(&bytes);
    }

    #[test]
    fn random_bytes_behind_a_signature_are_survived(
        mut bytes in prop::collection::vec(any::<u8>(), 0x2080..0x4000),
        is_wide: bool,
    ) {
        bytes[..8].copy_from_slice(if is_wide { b"PAGEDU64" } else { b"PAGEDUMP" });
        let dump_type = if is_wide { 0xF98 } else { 0xF88 };
        bytes[dump_type..dump_type + 4].copy_from_slice(&4_u32.to_le_bytes());
        walk(&bytes);
    }

    #[test]
    fn any_bytes_anywhere_in_the_triage_part_are_survived(
        form in 0_usize..8,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<[u8; 4]>()), 1..24),
    ) {
        let mut bytes = FORMS[form].clone();
        let start = triage_start(&bytes);
        for (place, value) in changes {
            let at = start + place.index(bytes.len() - start - 4);
            bytes[at..at + 4].copy_from_slice(&value);
        }
        walk(&bytes);
    }

    #[test]
    fn any_cut_of_any_form_is_survived(form in 0_usize..8, cut: prop::sample::Index) {
        let bytes = FORMS[form].clone();
        walk(&bytes[..cut.index(bytes.len())]);
    }
}
