//! The bytes against the format description, by its own offsets.

use super::{Attributes, Cpu, DataBlockWidth, DumpDescription, Exception, Registers, Writer};
use crate::scenarios::{
    Scene, complete_memory, debugger_written, kernel_memory, locked_pages_at_exit, thread_exception,
};

fn scene() -> Scene {
    Scene::sample(11)
}

fn description(writer: Writer) -> DumpDescription {
    locked_pages_at_exit(&scene().written_by(writer))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn offset_at(bytes: &[u8], at: usize) -> usize {
    u32_at(bytes, at) as usize
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

fn text_at(bytes: &[u8], at: usize) -> String {
    let units = offset_at(bytes, at);
    let units: Vec<u16> = (0..units).map(|unit| u16_at(bytes, at + 4 + 2 * unit)).collect();
    String::from_utf16(&units).unwrap()
}

#[test]
fn the_64_bit_header_has_its_fields_where_the_table_says() {
    let description = description(Writer::KernelWritten);
    let bytes = description.to_bytes();
    assert_eq!(&bytes[..8], b"PAGEDU64");
    assert_eq!(u32_at(&bytes, 0x008), 0xF);
    assert_eq!(u32_at(&bytes, 0x00C), 19041);
    assert_eq!(u32_at(&bytes, 0x030), 0x8664);
    assert_eq!(u32_at(&bytes, 0x034), 8);
    assert_eq!(u32_at(&bytes, 0x038), 0x76);
    assert_eq!(&bytes[0x03C..0x040], b"PAGE");
    assert_eq!(u64_at(&bytes, 0x048), description.process.address);
    assert_eq!(u64_at(&bytes, 0x050), 0x26);
    assert_eq!(u32_at(&bytes, 0xF00), 0x8000_0003);
    assert_eq!(u32_at(&bytes, 0xF98), 4);
    assert_eq!(u64_at(&bytes, 0xFA8), description.system_time.0);
    assert_eq!(u64_at(&bytes, 0x1030), 937_840_000_000);
    assert_eq!(u32_at(&bytes, 0x1040), 1);
    let kernel = &description.drivers[0];
    assert!(kernel.contains(u64_at(&bytes, 0x020)));
    assert!(kernel.contains(u64_at(&bytes, 0x080)));
}

#[test]
fn the_kernels_own_writer_fills_its_fields() {
    let bytes = description(Writer::KernelWritten).to_bytes();
    assert_eq!(u32_at(&bytes, 0x1050), Attributes::KERNEL_TRIAGE);
    assert_eq!(u32_at(&bytes, 0x103C), 0, "SecondaryDataState");
    assert_eq!(&bytes[0x1048..0x104C], b"PAGE", "WriterStatus");
    assert_eq!(bytes[0x104D], b'A', "KdSecondaryVersion");
    assert_eq!(u32_at(&bytes, 0x1038), 0xDFF, "MiniDumpFields");
    assert_eq!(u32_at(&bytes, 0x2044), 0x41, "TriageOptions");
    assert_eq!(u64_at(&bytes, 0xFA0), bytes.len() as u64);
    assert_eq!(bytes[0x060..0x080], [0; 32], "VersionUser");
    assert_eq!(u32_at(&bytes, 0x088), 2, "runs");
    assert_eq!(&bytes[0x08C..0x090], b"PAGE");
    assert_eq!(u32_at(&bytes, 0x201C), 0x20D0, "PrcbOffset");
    assert!(
        u32_at(&bytes, 0x2018) > u32_at(&bytes, 0x2028),
        "unloaded list after the stack"
    );
    assert_eq!(u32_at(&bytes, 0x2004) % 0x200, 0);
    assert_eq!(
        text_at(&bytes, offset_at(&bytes, offset_at(&bytes, 0x2030))),
        "ntoskrnl.exe"
    );
}

#[test]
fn the_converter_leaves_page_where_it_knows_nothing() {
    let bytes = description(Writer::Converted).to_bytes();
    for (field, at) in [
        ("Attributes", 0x1050),
        ("SecondaryDataState", 0x103C),
        ("VersionUser", 0x060),
        ("PhysicalMemoryBlock", 0x088),
        ("Comment", 0xFB0),
    ] {
        assert_eq!(&bytes[at..at + 4], b"PAGE", "{field}");
    }
    assert_eq!(u32_at(&bytes, 0x1048), 0, "WriterStatus");
    assert_eq!(bytes[0x104D], 0, "KdSecondaryVersion");
    assert_eq!(u32_at(&bytes, 0x1038), 0xCFF);
    assert_eq!(u32_at(&bytes, 0x2044), 0xFFFF_FFFF);
    assert!(u64_at(&bytes, 0xFA0) > bytes.len() as u64);
    assert_eq!(u32_at(&bytes, 0x2018), 0x20D0, "UnloadedDriversOffset");
    assert!(u32_at(&bytes, 0x207C) >= 330, "DataBlocksCount");
    let first_name = text_at(&bytes, offset_at(&bytes, offset_at(&bytes, 0x2030)));
    assert_eq!(first_name, r"\SystemRoot\system32\ntoskrnl.exe");
}

#[test]
fn the_triage_part_ends_in_trgd_and_the_blobs_follow() {
    for writer in [Writer::KernelWritten, Writer::Converted] {
        let bytes = description(writer).to_bytes();
        let size_of_dump = offset_at(&bytes, 0x2004);
        assert_eq!(offset_at(&bytes, 0x2008), size_of_dump - 4);
        assert_eq!(&bytes[size_of_dump - 4..size_of_dump], b"TRGD");
        assert_eq!(&bytes[size_of_dump..size_of_dump + 8], b"DumpBlob");
        assert_eq!(u32_at(&bytes, size_of_dump + 8), 0x10);
        assert_eq!(u32_at(&bytes, size_of_dump + 12), 0xF000_4A61);
    }
}

/// Follows the chain, header by header, until one is none or the file ends.
fn end_of_chain(bytes: &[u8]) -> usize {
    let mut at = offset_at(bytes, 0x2004) + 0x10;
    while at < bytes.len() && u32_at(bytes, at) == 0x20 {
        at += 0x20 + offset_at(bytes, at + 0x14) + offset_at(bytes, at + 0x18) + offset_at(bytes, at + 0x1C);
    }
    at
}

#[test]
fn a_converted_chain_of_blobs_ends_with_the_file() {
    let bytes = description(Writer::Converted).to_bytes();
    assert_eq!(end_of_chain(&bytes), bytes.len());
}

#[test]
fn a_kernel_written_chain_ends_at_a_zero_header_with_stale_bytes_after_it() {
    let bytes = description(Writer::KernelWritten).to_bytes();
    let end = end_of_chain(&bytes);
    assert_eq!(bytes[end..end + 0x20], [0; 0x20]);
    assert!(bytes[end + 0x20..].iter().any(|byte| *byte != 0));
}

#[test]
fn a_driver_entry_of_0x90_bytes_holds_base_size_checksum_and_stamp() {
    let description = description(Writer::Converted);
    let bytes = description.to_bytes();
    let list = offset_at(&bytes, 0x2030);
    let count = offset_at(&bytes, 0x2034);
    assert_eq!(count, description.drivers.len());
    assert_eq!(offset_at(&bytes, 0x2038), list + 0x90 * count);
    for (index, driver) in description.drivers.iter().enumerate() {
        let entry = list + 0x90 * index;
        let name_at = offset_at(&bytes, entry);
        assert_eq!(name_at % 8, 0);
        assert_eq!(text_at(&bytes, name_at), driver.path);
        assert_eq!(u64_at(&bytes, entry + 0x38), driver.base);
        assert_eq!(u32_at(&bytes, entry + 0x48), driver.size_of_image);
        assert_eq!(u32_at(&bytes, entry + 0x80), driver.checksum);
        assert_eq!(u32_at(&bytes, entry + 0x88), driver.time_date_stamp);
    }
}

#[test]
fn unloaded_names_are_cut_after_12_units_without_a_nul() {
    let description = description(Writer::Converted);
    let bytes = description.to_bytes();
    let list = 0x20D0;
    assert_eq!(u64_at(&bytes, list), 2);
    assert_eq!(u16_at(&bytes, list + 8), 24, "dump_stornvme.sys is longer");
    let units: Vec<u16> = (0..12)
        .map(|unit| u16_at(&bytes, list + 8 + 0x10 + 2 * unit))
        .collect();
    assert_eq!(String::from_utf16(&units).unwrap(), "dump_stornvm");
    assert_eq!(u64_at(&bytes, list + 8 + 0x28), description.unloaded[0].start);
    assert_eq!(
        u64_at(&bytes, list + 8 + 0x38 + 0x30),
        description.unloaded[1].end
    );
    assert_eq!(
        offset_at(&bytes, 0x201C),
        list + 8 + 2 * 0x38,
        "the PRCB begins right after"
    );
}

#[test]
fn the_process_has_its_name_id_and_locked_pages_at_the_offsets_of_its_build() {
    for (build, name, id, size, locked) in [
        (17763, 0x450, 0x2E0, 0x850, Some(0x3A0)),
        (19041, 0x5A8, 0x440, 0xA40, Some(0x500)),
        (22631, 0x5A8, 0x440, 0xB80, Some(0x500)),
        (26100, 0x338, 0x1D0, 0x840, None),
    ] {
        let bytes = locked_pages_at_exit(&Scene { build, ..scene() }).to_bytes();
        let process = offset_at(&bytes, 0x2020);
        assert_eq!(&bytes[process + name..process + name + 15], b"capture-host.e\0");
        assert_eq!(u64_at(&bytes, process + id), 7412);
        assert_eq!(offset_at(&bytes, 0x2024) - process, size, "build {build}");
        if let Some(locked) = locked {
            assert_eq!(u64_at(&bytes, process + locked), 0x26);
        }
    }
}

#[test]
fn the_debugger_data_agrees_with_the_header_and_the_driver_list() {
    let description = description(Writer::Converted);
    let bytes = description.to_bytes();
    let data = offset_at(&bytes, 0x2070);
    assert_eq!(u32_at(&bytes, 0x2074), 0x380);
    assert_eq!(&bytes[data + 0x10..data + 0x14], b"KDBG");
    assert_eq!(u32_at(&bytes, data + 0x14), 0x380);
    assert_eq!(u64_at(&bytes, data + 0x18), description.drivers[0].base);
    assert_eq!(u64_at(&bytes, data + 0x48), u64_at(&bytes, 0x020));
    assert_eq!(u16_at(&bytes, data + 0x2A8), 0xA40, "SizeEProcess");
    let newer = locked_pages_at_exit(&Scene {
        build: 26100,
        ..scene()
    })
    .to_bytes();
    assert_eq!(u32_at(&newer, 0x2074), 0x3A0);
}

#[test]
fn the_build_lab_text_is_readable_only_in_a_converted_dump() {
    let text = b"19041.1.amd64fre.vb_release.191206-1406\0";
    let holds_it = |writer| {
        let bytes = description(writer).to_bytes();
        let lab_at = u64_at(&bytes, offset_at(&bytes, 0x2070) + 0x208);
        block_at(&bytes, lab_at).is_some_and(|block| block == text)
    };
    assert!(holds_it(Writer::Converted));
    assert!(!holds_it(Writer::KernelWritten));
}

/// The data block that begins at `address`.
fn block_at(bytes: &[u8], address: u64) -> Option<&[u8]> {
    let table = offset_at(bytes, 0x2078);
    (0..offset_at(bytes, 0x207C))
        .map(|index| table + 16 * index)
        .find(|entry| u64_at(bytes, *entry) == address)
        .map(|entry| {
            let at = offset_at(bytes, entry + 8);
            &bytes[at..at + offset_at(bytes, entry + 12)]
        })
}

#[test]
fn the_table_of_data_blocks_follows_the_names_and_the_data_follows_the_table() {
    let bytes = description(Writer::KernelWritten).to_bytes();
    let table = offset_at(&bytes, 0x2078);
    let names_end = offset_at(&bytes, 0x2038) + offset_at(&bytes, 0x203C);
    assert_eq!(table, names_end.next_multiple_of(8));
    assert_eq!(
        offset_at(&bytes, table + 8),
        table + 16 * offset_at(&bytes, 0x207C)
    );
}

#[test]
fn top_of_stack_is_the_lowest_address_and_the_stack_ends_on_a_page() {
    let description = description(Writer::KernelWritten);
    let bytes = description.to_bytes();
    let top = u64_at(&bytes, 0x2048);
    let size = u64::from(u32_at(&bytes, 0x202C));
    assert_eq!((top + size) % 0x1000, 0);
    let stack_pointer = u64_at(&bytes, 0x3E0);
    assert!((top..top + size).contains(&stack_pointer));
    assert_eq!(u64_at(&bytes, 0x440), description.registers.pc);
}

#[test]
fn contexts_have_their_registers_at_the_offsets_of_their_cpu() {
    let registers = Registers {
        pc: 0x1111,
        sp: 0x2222,
        frame: 0x3333,
        link: 0x4444,
        ..Registers::default()
    };
    let x64 = registers.to_context(Cpu::X64);
    assert_eq!(
        (
            x64.len(),
            u64_at(&x64, 0xF8),
            u64_at(&x64, 0x98),
            u64_at(&x64, 0xA0)
        ),
        (0x4D0, 0x1111, 0x2222, 0x3333)
    );
    let arm = registers.to_context(Cpu::Arm64);
    assert_eq!(
        (
            arm.len(),
            u64_at(&arm, 0x108),
            u64_at(&arm, 0x100),
            u64_at(&arm, 0xF0)
        ),
        (0x390, 0x1111, 0x2222, 0x3333)
    );
    assert_eq!(u64_at(&arm, 0xF8), 0x4444);
    let x86 = registers.to_context(Cpu::X86);
    assert_eq!(
        (
            x86.len(),
            u32_at(&x86, 0xB8),
            u32_at(&x86, 0xC4),
            u32_at(&x86, 0xB4)
        ),
        (0x2CC, 0x1111, 0x2222, 0x3333)
    );
}

#[test]
fn an_exception_record_has_two_widths() {
    let exception = Exception {
        code: 0xC000_0005,
        flags: 0,
        address: 0x7777,
        information: vec![1, 0x28],
    };
    let wide = exception.to_record(Cpu::X64);
    assert_eq!(
        (
            wide.len(),
            u64_at(&wide, 0x10),
            u32_at(&wide, 0x18),
            u64_at(&wide, 0x28)
        ),
        (152, 0x7777, 2, 0x28)
    );
    let narrow = exception.to_record(Cpu::X86);
    assert_eq!(
        (
            narrow.len(),
            u32_at(&narrow, 0x0C),
            u32_at(&narrow, 0x10),
            u32_at(&narrow, 0x18)
        ),
        (0x50, 0x7777, 2, 0x28)
    );
}

#[test]
fn the_32_bit_form_has_its_own_header_lists_and_offsets() {
    let description = locked_pages_at_exit(&scene().with_cpu(Cpu::X86));
    let bytes = description.to_bytes();
    assert_eq!(&bytes[..8], b"PAGEDUMP");
    assert_eq!(u32_at(&bytes, 0x020), 0x14C);
    assert_eq!(u32_at(&bytes, 0x028), 0x76);
    assert_eq!(u32_at(&bytes, 0xF88), 4);
    assert_eq!(u64_at(&bytes, 0xFC0), description.system_time.0);
    assert_eq!(
        u32_at(&bytes, 0x3D8),
        u32::try_from(description.registers.pc).unwrap()
    );
    assert_eq!(
        u32_at(&bytes, 0x1014),
        0x1068,
        "MmOffset: right after the 0x68 bytes"
    );
    let list = offset_at(&bytes, 0x1030);
    assert_eq!(offset_at(&bytes, 0x1038), list + 0x4C * offset_at(&bytes, 0x1034));
    assert_eq!(
        u64::from(u32_at(&bytes, list + 0x1C)),
        description.drivers[0].base
    );
    assert_eq!(
        u32_at(&bytes, list + 0x48),
        description.drivers[0].time_date_stamp
    );
    let unloaded = offset_at(&bytes, 0x1018);
    assert_eq!(u32_at(&bytes, unloaded), 2);
    assert_eq!(
        u64::from(u32_at(&bytes, unloaded + 4 + 0x20)),
        description.unloaded[0].start
    );
    let debugger = offset_at(&bytes, 0x1058);
    assert_eq!(&bytes[debugger + 0x10..debugger + 0x14], b"KDBG");
}

#[test]
fn data_blocks_of_a_32_bit_dump_come_in_both_widths() {
    let mut description = locked_pages_at_exit(&scene().with_cpu(Cpu::X86));
    for (width, entry_bytes) in [(DataBlockWidth::Sixteen, 16), (DataBlockWidth::Twelve, 12)] {
        description.data_block_width = width;
        let bytes = description.to_bytes();
        let table = offset_at(&bytes, 0x1060);
        let first_data = offset_at(&bytes, table + entry_bytes - 8);
        assert_eq!(first_data, table + entry_bytes * offset_at(&bytes, 0x1064));
    }
}

#[test]
fn a_replaced_context_stands_in_the_header_and_on_the_stack() {
    let description = thread_exception(&scene());
    let bytes = description.to_bytes();
    assert_eq!(u64_at(&bytes, 0x440), description.parameters[1], "PC is P2");
    let stack = offset_at(&bytes, 0x2028);
    let in_file = |address: u64| stack + usize::try_from(address - u64_at(&bytes, 0x2048)).unwrap();
    let record = in_file(description.parameters[2]);
    assert_eq!(u32_at(&bytes, record), 0xC000_0005);
    assert_eq!(u64_at(&bytes, record + 0x10), description.parameters[1]);
    let context = in_file(description.parameters[3]);
    assert_eq!(bytes[context..context + 0x4D0], bytes[0x348..0x348 + 0x4D0]);
}

#[test]
fn large_dumps_have_the_header_of_their_type() {
    let full = complete_memory(&scene()).to_bytes();
    assert_eq!((u32_at(&full, 0xF98), full.len()), (1, 0x4000));
    assert_eq!(
        (u32_at(&full, 0x088), u64_at(&full, 0x090)),
        (1, 2),
        "the runs are the pages of the file"
    );
    let bitmap = kernel_memory(&scene()).to_bytes();
    assert_eq!(u32_at(&bitmap, 0xF98), 6);
    assert_eq!(&bitmap[0x2000..0x2008], b"SDMPDUMP");
    assert_eq!(
        (
            u64_at(&bitmap, 0x2020),
            u64_at(&bitmap, 0x2028),
            u64_at(&bitmap, 0x2030)
        ),
        (0x3000, 2, 64)
    );
    let debugger = debugger_written(&scene()).to_bytes();
    assert_eq!((u32_at(&debugger, 0xF98), u32_at(&debugger, 0x2000)), (8, 0x40));
    assert_eq!(&debugger[0x2004..0x200C], b"RDMPDUMP");
    assert_eq!(
        u64_at(&debugger, 0x2010) - 0x20,
        u64_at(&debugger, 0x2018) - 0x2040
    );
}
