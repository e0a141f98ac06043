//! What was described is what is read, in every form of small dump.

use kdump::{Address, Dump, FormatKind, Machine, ProcessEvidence, Width};
use synth::dump::{Cpu, DataBlock, DataBlockWidth, DumpDescription, Writer};
use synth::scenarios::{self, Scene};

use crate::{all_small, small};

fn for_each(check: impl Fn(&DumpDescription, &Dump<'_>)) {
    for description in all_small() {
        let bytes = description.to_bytes();
        let dump = Dump::parse(&bytes).unwrap();
        assert_eq!(
            dump.warnings(),
            [],
            "{:?} {:?}",
            description.cpu,
            description.writer
        );
        check(&description, &dump);
    }
}

fn narrowed(value: u64, cpu: Cpu) -> u64 {
    if cpu == Cpu::X86 {
        value & 0xFFFF_FFFF
    } else {
        value
    }
}

#[test]
fn the_header_tells_machine_build_code_and_times() {
    for_each(|description, dump| {
        let header = dump.header();
        let (machine, bits) = match description.cpu {
            Cpu::X64 => (Machine::Amd64, Width::Bits64),
            Cpu::Arm64 => (Machine::Arm64, Width::Bits64),
            Cpu::X86 => (Machine::X86, Width::Bits32),
        };
        assert_eq!(header.machine, machine);
        assert_eq!(dump.format().bits, bits);
        assert_eq!(dump.format().kind, FormatKind::Triage);
        assert_eq!(header.minor_version, description.build);
        assert_eq!(header.number_processors, Some(description.processors));
        assert_eq!(header.bug_check.code, description.stop_code);
        assert_eq!(header.bug_check.parameters, description.parameters);
        assert_eq!(header.system_time.unwrap().0, description.system_time.0);
        assert_eq!(header.system_time.unwrap().unix_seconds(), 1_760_000_000);
        assert_eq!(
            header.system_up_time.unwrap().as_nanos(),
            u128::from(description.uptime_100ns) * 100
        );
        assert_eq!(header.comment, None);
    });
}

#[test]
fn every_driver_is_the_one_described() {
    for_each(|description, dump| {
        let drivers: Vec<_> = dump.drivers().collect();
        assert_eq!(drivers.len(), description.drivers.len());
        for (found, described) in drivers.iter().zip(&description.drivers) {
            let stored = match description.writer {
                Writer::Converted => described.path.as_str(),
                Writer::KernelWritten => described.base_name(),
            };
            assert_eq!(found.name.unwrap(), stored);
            assert_eq!(found.base_name().unwrap(), described.base_name());
            assert_eq!(found.base.0, described.base);
            assert_eq!(found.size_of_image, described.size_of_image);
            assert_eq!(found.time_date_stamp, described.time_date_stamp);
            assert_eq!(found.checksum, described.checksum);
        }
    });
}

#[test]
fn every_unloaded_driver_is_the_one_described() {
    for_each(|description, dump| {
        let found: Vec<_> = dump.unloaded_drivers().collect();
        assert_eq!(found.len(), description.unloaded.len());
        for (found, described) in found.iter().zip(&description.unloaded) {
            let cut: String = described.name.chars().take(12).collect();
            assert_eq!(found.name, cut);
            assert_eq!(found.is_name_full, described.name.len() >= 12);
            assert_eq!((found.start.0, found.end.0), (described.start, described.end));
        }
    });
}

#[test]
fn stack_and_registers_are_those_described() {
    for_each(|description, dump| {
        let stack = dump.stack().unwrap();
        assert_eq!(stack.base.0, description.stack.base);
        assert_eq!(stack.bytes, description.stack.bytes);
        let context = dump.context().unwrap();
        let [pc, sp] = [description.registers.pc, description.registers.sp];
        assert_eq!(context.pc().0, narrowed(pc, description.cpu));
        assert_eq!(context.sp().0, narrowed(sp, description.cpu));
        assert_eq!(dump.exception().code, description.exception.code);
        assert_eq!(dump.exception().address.0, description.exception.address);
    });
}

#[test]
fn the_process_is_the_one_described() {
    for_each(|description, dump| {
        let process = dump.process().unwrap();
        assert_eq!(process.image_file_name, description.process.image_name[..14]);
        assert_eq!(process.pid, Some(description.process.id));
        assert_eq!(process.address, Some(Address(description.process.address)));
        assert_eq!(process.found_by, ProcessEvidence::KnownLayout);
        let locked = (description.cpu == Cpu::X64).then_some(description.process.locked_pages);
        assert_eq!(process.locked_pages, locked);
    });
}

#[test]
fn the_copy_of_the_process_is_memory_at_its_address() {
    for_each(|description, dump| {
        let offset = u64::from(dump.triage().unwrap().process_offset);
        let regions = dump.memory().regions();
        let region = regions
            .iter()
            .find(|region| region.address.0 == description.process.address);
        assert_eq!(region.unwrap().file_offset, offset);
    });
}

#[test]
fn writer_build_lab_and_model_are_those_described() {
    for_each(|description, dump| {
        let is_converted = description.writer == Writer::Converted;
        let expected = if is_converted {
            kdump::Writer::Converted
        } else {
            kdump::Writer::KernelWritten
        };
        assert_eq!(dump.writer(), expected);
        assert_eq!(
            dump.build_lab(),
            description.build_lab.clone().filter(|_| is_converted)
        );
        let smbios = dump.smbios().unwrap();
        let system = description.system.as_ref().unwrap();
        assert_eq!(smbios.manufacturer.as_ref(), Some(&system.manufacturer));
        assert_eq!(smbios.product_name.as_ref(), Some(&system.model));
        assert!(!format!("{smbios:?}").contains(synth::dump::SERIAL_MARKER));
        assert_eq!(dump.memory_manager().unwrap().committed_pages, 0x4_5A10);
    });
}

#[test]
fn data_blocks_read_back_in_both_entry_sizes_of_32_bit_dumps() {
    for width in [DataBlockWidth::Twelve, DataBlockWidth::Sixteen] {
        for count in [0, 1, 12, 300] {
            let mut description = small(Cpu::X86, Writer::Converted);
            description.data_block_width = width;
            description.filler_blocks = count;
            description.data_blocks = vec![DataBlock {
                address: 0x9000_1000,
                bytes: vec![7; 99],
            }];
            let bytes = description.to_bytes();
            let dump = Dump::parse(&bytes).unwrap();
            assert_eq!(dump.warnings(), [], "{width:?} {count}");
            let read = dump.memory().read(Address(0x9000_1000), 99).unwrap();
            assert_eq!(*read, [7; 99], "{width:?} {count}");
        }
    }
}

#[test]
fn every_build_with_known_offsets_gives_name_and_id() {
    let builds = [
        7601, 9200, 9600, 10240, 10586, 14393, 15063, 16299, 17134, 17763, 18362, 19045, 22631, 26100,
    ];
    for cpu in [Cpu::X64, Cpu::X86] {
        for build in builds {
            if cpu == Cpu::X86 && build > 19045 {
                continue; // there is no 32-bit Windows 11
            }
            let mut description = small(cpu, Writer::KernelWritten);
            description.build = build;
            let bytes = description.to_bytes();
            let process = Dump::parse(&bytes).unwrap().process().unwrap();
            assert_eq!(process.pid, Some(description.process.id), "{cpu:?} {build}");
            assert_eq!(process.image_file_name, "capture-host.e", "{cpu:?} {build}");
        }
    }
}

#[test]
fn the_fault_of_a_thread_exception_is_behind_its_parameters() {
    for cpu in [Cpu::X64, Cpu::Arm64, Cpu::X86] {
        let scene = Scene::sample(3).with_cpu(cpu);
        let bytes = scenarios::thread_exception_full_code(&scene).to_bytes();
        let dump = Dump::parse(&bytes).unwrap();
        let [_, address, record, context] = dump.header().bug_check.parameters.map(Address);
        assert_eq!(
            dump.exception_record_at(record).unwrap().address,
            address,
            "{cpu:?}"
        );
        assert_eq!(dump.context_at(context).unwrap().pc(), address, "{cpu:?}");
    }
}

#[test]
fn every_scenario_is_read_or_refused_as_encrypted() {
    for (name, scenario) in scenarios::ALL {
        for writer in [Writer::KernelWritten, Writer::Converted] {
            let bytes = scenario(&Scene::sample(9).written_by(writer)).to_bytes();
            let met = crate::walk::walk(&bytes);
            assert_eq!(met.is_none(), name == "encrypted", "{name}");
        }
    }
}
