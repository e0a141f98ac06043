//! Header, triage block, registers and frames as rizin's own test suite expects them.

use std::collections::BTreeMap;

use kdump::{Context, Dump, DumpType, Header, Machine, Triage};

use crate::corpus;

/// The section of rizin's test file that expects the output for `dump`.
fn section(dump: &str) -> Option<String> {
    let text = corpus::expected("rizin-dmp-tests.txt")?;
    let start = text.find(&format!("FILE=dmp://bins/dmp/{dump}"))?;
    let (_, section) = text.split_at(start);
    let (_, expected) = section.split_once("EXPECT=<<EOF\n").unwrap();
    let (expected, _) = expected.split_once("\nEOF\n").unwrap();
    Some(expected.to_owned())
}

/// The `Name : 0x…` lines of the block that begins with `title`.
fn fields(section: &str, title: &str) -> BTreeMap<String, u64> {
    let (_, block) = section.split_once(&format!("{title}:\n")).unwrap();
    block
        .lines()
        .map_while(|line| line.strip_prefix("  ")?.split_once(" : "))
        .map(|(name, value)| {
            let number = value.split_whitespace().next().unwrap();
            (name.to_owned(), corpus::hex(number))
        })
        .collect()
}

/// The `name = 0x…` lines.
fn registers(section: &str) -> BTreeMap<String, u64> {
    section
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, value)| (name.to_owned(), corpus::hex(value)))
        .collect()
}

/// rizin shows the filler as a number, the parser as nothing.
fn number(value: Option<impl Into<u64>>) -> u64 {
    value.map_or(u64::from(u32::from_le_bytes(*b"PAGE")), Into::into)
}

fn machine_number(machine: Machine) -> u64 {
    match machine {
        Machine::Amd64 => 0x8664,
        Machine::Arm64 => 0xAA64,
        other => panic!("{other} is not in the corpus"),
    }
}

fn header_fields(header: &Header) -> BTreeMap<String, u64> {
    let [p1, p2, p3, p4] = header.bug_check.parameters;
    let fields = [
        ("MajorVersion", u64::from(header.major_version)),
        ("MinorVersion", u64::from(header.minor_version)),
        ("DirectoryTableBase", number(header.directory_table_base)),
        ("PfnDataBase", number(header.pfn_data_base)),
        ("PsLoadedModuleList", number(header.ps_loaded_module_list)),
        ("PsActiveProcessHead", number(header.ps_active_process_head)),
        ("MachineImageType", machine_number(header.machine)),
        ("NumberProcessors", number(header.number_processors)),
        ("BugCheckCode", u64::from(header.bug_check.code)),
        ("BugCheckParameter1", p1),
        ("BugCheckParameter2", p2),
        ("BugCheckParameter3", p3),
        ("BugCheckParameter4", p4),
        ("KdDebuggerDataBlock", number(header.kd_debugger_data_block)),
        ("SecondaryDataState", number(header.secondary_data_state)),
        ("ProductType", number(header.product_type)),
        ("SuiteMask", number(header.suite_mask)),
    ];
    fields.map(|(name, value)| (name.to_owned(), value)).into()
}

fn triage_fields(triage: &Triage) -> BTreeMap<String, u64> {
    let fields = [
        ("ServicePackBuild", u64::from(triage.service_pack_build)),
        ("SizeOfDump", u64::from(triage.size_of_dump)),
        ("ValidOffset", u64::from(triage.valid_offset)),
        ("ContextOffset", u64::from(triage.context_offset)),
        ("ExceptionOffset", u64::from(triage.exception_offset)),
        ("MmOffset", u64::from(triage.mm_offset)),
        ("UnloadedDriversOffset", u64::from(triage.unloaded_drivers_offset)),
        ("PrcbOffset", u64::from(triage.prcb_offset)),
        ("ProcessOffset", u64::from(triage.process_offset)),
        ("ThreadOffset", u64::from(triage.thread_offset)),
        ("CallStackOffset", u64::from(triage.call_stack_offset)),
        ("SizeOfCallStack", u64::from(triage.size_of_call_stack)),
        ("DriverListOffset", u64::from(triage.driver_list_offset)),
        ("DriverCount", u64::from(triage.driver_count)),
        ("StringPoolOffset", u64::from(triage.string_pool_offset)),
        ("StringPoolSize", u64::from(triage.string_pool_size)),
        ("BrokenDriverOffset", u64::from(triage.broken_driver_offset)),
        ("TriageOptions", u64::from(triage.triage_options)),
        ("TopOfStack", triage.top_of_stack.0),
        ("BStoreOffset", number(triage.b_store_offset)),
        ("SizeOfBStore", number(triage.size_of_b_store)),
        ("LimitOfBStore", number(triage.limit_of_b_store)),
        ("DataPageAddress", triage.data_page_address.0),
        ("DataPageOffset", u64::from(triage.data_page_offset)),
        ("DataPageSize", u64::from(triage.data_page_size)),
        ("DebuggerDataOffset", u64::from(triage.debugger_data_offset)),
        ("DebuggerDataSize", u64::from(triage.debugger_data_size)),
        ("DataBlocksOffset", u64::from(triage.data_blocks_offset)),
        ("DataBlocksCount", u64::from(triage.data_blocks_count)),
    ];
    fields.map(|(name, value)| (name.to_owned(), value)).into()
}

fn context_registers(context: &Context<'_>) -> BTreeMap<String, u64> {
    let flags: &[(&str, u32)] = &match context {
        Context::Amd64(context) => vec![("mxcsr", context.mxcsr), ("rflags", context.eflags)],
        Context::Arm64(context) => vec![
            ("cpsr", context.cpsr),
            ("fpcr", context.fpcr),
            ("fpsr", context.fpsr),
        ],
        other => panic!("{other:?} is not in the corpus"),
    };
    let flags = flags.iter().map(|&(name, value)| (name, u64::from(value)));
    let registers = context.registers().into_iter().chain(flags);
    registers.map(|(name, value)| (name.to_owned(), value)).collect()
}

#[test]
fn every_header_field_is_the_one_that_rizin_prints() {
    for name in ["triage_x64.dmp", "triage_arm64.dmp"] {
        let Some(bytes) = corpus::dump(name) else { return };
        let expected = fields(&section(name).unwrap(), "DUMP_HEADER64");
        let dump = Dump::parse(&bytes).unwrap();
        assert_eq!(header_fields(dump.header()), expected, "{name}");
        assert_eq!(dump.header().dump_type, DumpType::Triage);
    }
}

#[test]
fn every_triage_field_is_the_one_that_rizin_prints() {
    for name in ["triage_x64.dmp", "triage_arm64.dmp"] {
        let Some(bytes) = corpus::dump(name) else { return };
        let expected = fields(&section(name).unwrap(), "TRIAGE_DUMP64");
        let dump = Dump::parse(&bytes).unwrap();
        assert_eq!(triage_fields(dump.triage().unwrap()), expected, "{name}");
    }
}

#[test]
fn every_register_is_the_one_that_rizin_prints() {
    // For 0x1000007E rizin shows the registers at the call of KeBugCheckEx, which are not those in the header.
    let name = "triage_arm64.dmp";
    let Some(bytes) = corpus::dump(name) else { return };
    let expected = registers(&section(name).unwrap());
    let dump = Dump::parse(&bytes).unwrap();
    assert_eq!(context_registers(&dump.context().unwrap()), expected);
}

#[test]
fn the_stack_holds_the_return_addresses_of_rizins_frames() {
    for name in ["triage_x64.dmp", "triage_arm64.dmp"] {
        let Some(bytes) = corpus::dump(name) else { return };
        let section = section(name).unwrap();
        let dump = Dump::parse(&bytes).unwrap();
        let words: Vec<u64> = dump.stack().unwrap().words().map(|(_, word)| word).collect();
        let frames = section.lines().filter(|line| line.contains(" sp: 0x"));
        let addresses = frames.map(|line| corpus::hex(line.split_whitespace().nth(1).unwrap()));
        // Frame 0 is the program counter; the last one is the end of the stack.
        let returns: Vec<u64> = addresses.skip(1).filter(|&address| address != 0).collect();
        assert!(returns.len() >= 4, "{name}");
        for address in returns {
            assert!(
                words.contains(&address),
                "{name}: {address:#x} is not on the stack"
            );
        }
    }
}
