//! A driver that the tests build, crashed at each of its instructions, with its file at hand.
//!
//! The oracles are clang's instructions and lld's addresses; what is tested reads the tables that they wrote.

mod build;
mod simulate;

use build::{Driver, WithPdb};
use simulate::{CHAIN, Machine};
use synth::dump::{Cpu, DataBlock, DumpDescription, Stack, UnloadedDriver};
use synth::scenarios::{self, Image, Scene};
use wire::report::{EvidenceKind, Report, Trust};

/// A dump of a machine that the driver is loaded on, still without registers and stack.
fn loaded(driver: &Driver, cpu: Cpu) -> DumpDescription {
    loaded_in(driver, &Scene::sample(7).with_cpu(cpu))
}

fn loaded_in(driver: &Driver, scene: &Scene) -> DumpDescription {
    let mut description = scenarios::unhandled_exception(scene);
    let loaded = description.drivers.iter_mut();
    for image in loaded.filter(|image| image.base_name() == "acmecap.sys") {
        image.size_of_image = driver.size_of_image;
        image.time_date_stamp = driver.time_date_stamp;
    }
    description
}

/// 0x7E with the registers of `machine` where parameter 4 points.
fn crashed(mut description: DumpDescription, machine: &Machine) -> Vec<u8> {
    let context_at = simulate::top(description.cpu) + 0x1_0000;
    let (base, words) = machine.stack();
    description.stop_code = 0x1000_007e;
    description.parameters = [0xffff_ffff_c000_0005, machine.pc, 0, context_at];
    description.stack = Stack::from_words(base, &words, description.cpu);
    description.registers = machine.context();
    description.data_blocks.push(DataBlock {
        address: context_at,
        bytes: machine.context().to_context(description.cpu),
    });
    description.to_bytes()
}

fn analyse(driver: &Driver, dump: &[u8]) -> Report {
    analysis::analyze_with(dump, &mut &*driver, &analysis::Rules::default()).expect("a report")
}

/// Every instruction of every function, as the one that failed.
fn every_instruction_leads_back(cpu: Cpu) {
    let Some(driver) = Driver::build(cpu) else { return };
    let description = loaded(&driver, cpu);
    let base = description.driver("acmecap.sys").expect("it is loaded").base;
    let kernel = description.drivers[0].address_at(0x12_3456);
    let mut seen = 0;
    for (depth, name) in CHAIN.into_iter().enumerate() {
        let machine = simulate::inside(&driver, depth, Machine::new(cpu, base, kernel));
        for machine in machine.states(driver.function(name)) {
            let report = analyse(&driver, &crashed(description.clone(), &machine));
            let found: Vec<_> = report.frames.iter().map(|frame| frame.address.0).collect();
            let calls = machine.returns.iter().rev().copied();
            let wanted: Vec<_> = [machine.pc].into_iter().chain(calls).collect();
            let place = format!("{name}+{:#x}", machine.pc - base);
            assert_eq!(found, wanted, "{place}: {found:x?} instead of {wanted:x?}");
            let trusts = report.frames[1..].iter().map(|frame| frame.trust);
            assert!(trusts.into_iter().all(|trust| trust == Trust::Cfi), "{place}");
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen} instructions are no driver");
}

#[test]
fn every_instruction_of_a_driver_for_x64_leads_back_to_its_callers() {
    every_instruction_leads_back(Cpu::X64);
}

#[test]
fn every_instruction_of_a_driver_for_arm64_leads_back_to_its_callers() {
    every_instruction_leads_back(Cpu::Arm64);
}

/// Stack records say nothing of epilogues and of arguments that are being pushed, so only the innermost function's
/// body is gone through.
#[test]
fn the_pdb_of_a_driver_for_x86_leads_back_to_its_callers() {
    let Some(driver) = Driver::build(Cpu::X86) else {
        return;
    };
    let description = loaded(&driver, Cpu::X86);
    let base = description.driver("acmecap.sys").expect("it is loaded").base;
    let machine = Machine::new(Cpu::X86, base, description.drivers[0].address_at(0x12_3456));
    let machine = simulate::inside(&driver, 7, machine);
    let function = driver.function("write_register");
    let body = function
        .instructions
        .iter()
        .position(|one| one.text.starts_with("mov ecx"));
    let states = machine.states(function);
    for machine in &states[body.expect("a body")..states.len() - 6] {
        let dump = crashed(description.clone(), machine);
        let report = analysis::analyze_with(&dump, &mut WithPdb(&driver), &analysis::Rules::default())
            .expect("a report");
        let found: Vec<_> = report.frames.iter().map(|frame| frame.address.0).collect();
        let calls = machine.returns.iter().rev().copied();
        let wanted: Vec<_> = [machine.pc].into_iter().chain(calls).collect();
        assert_eq!(
            found, wanted,
            "{:#x}: {found:x?} instead of {wanted:x?}",
            machine.pc
        );
        assert!(report.frames[1..].iter().all(|frame| frame.trust == Trust::Cfi));
    }
}

/// On another boot, with one driver more, and at another instruction of the same function.
#[test]
fn signatures_with_names_tell_functions_apart_and_nothing_else() {
    let Some(driver) = Driver::build(Cpu::X64) else {
        return;
    };
    let mut larger = Scene::sample(8).with_cpu(Cpu::X64);
    larger.images.insert(
        20,
        Image {
            path: r"\SystemRoot\System32\drivers\latecomer.sys".to_owned(),
            size_of_image: 0x9000,
            time_date_stamp: 0x5f5f_5f5f,
            checksum: 0x1234,
        },
    );
    let signature = |scene: &Scene, depth: usize, instruction: usize| {
        let description = loaded_in(&driver, scene);
        let base = description.driver("acmecap.sys").expect("it is loaded").base;
        let machine = Machine::new(Cpu::X64, base, description.drivers[0].address_at(0x12_3456));
        let machine = simulate::inside(&driver, depth, machine);
        let states = machine.states(driver.function(CHAIN[depth]));
        let dump = crashed(description, &states[instruction]);
        let rules = analysis::Rules::default();
        let report = analysis::analyze_with(&dump, &mut WithPdb(&driver), &rules).expect("a report");
        report.signature
    };
    let first = Scene::sample(7).with_cpu(Cpu::X64);
    let mut all: Vec<String> = Vec::new();
    for (depth, name) in CHAIN.into_iter().enumerate() {
        let one = signature(&first, depth, 0);
        assert_eq!(
            one,
            format!("SYSTEM_THREAD_EXCEPTION_NOT_HANDLED_c0000005 | acmecap.sys!{name}")
        );
        assert_eq!(signature(&larger, depth, 2), one);
        all.push(one);
    }
    all.sort();
    all.dedup();
    assert_eq!(all.len(), CHAIN.len(), "different causes with one stop code");
}

#[test]
fn a_walk_that_an_image_without_a_file_ends_goes_on_behind_it() {
    let Some(driver) = Driver::build(Cpu::X64) else {
        return;
    };
    let mut description = loaded(&driver, Cpu::X64);
    let base = description.driver("acmecap.sys").expect("it is loaded").base;
    let kernel = description.drivers[0].clone();
    let machine = Machine::new(Cpu::X64, base, kernel.address_at(0x12_3456));
    let mut machine = simulate::inside(&driver, 7, machine);
    let calls: Vec<_> = machine.returns.iter().rev().copied().collect();
    machine.pc = kernel.address_at(0x3f_5780);
    // The kernel's own frame, of which nothing is known: addresses in the driver that no call returns to.
    let (base_of_stack, words) = machine.stack();
    let rsp = base_of_stack - 0x40;
    let no_returns = [
        base + 0x1010,
        base + 0x2080,
        base + 0x1059,
        5,
        0,
        rsp,
        base,
        base + 0x104f,
    ];
    let words: Vec<_> = no_returns.into_iter().chain(words).collect();
    description.stack = Stack::from_words(rsp, &words, Cpu::X64);
    description.registers = synth::dump::Registers {
        pc: machine.pc,
        sp: rsp,
        ..machine.context()
    };
    description.stop_code = 0xd1;
    description.parameters = [0x28, 2, 0, 0];
    let report = analyse(&driver, &description.to_bytes());
    let found: Vec<_> = report.frames.iter().map(|frame| frame.address.0).collect();
    let wanted: Vec<_> = [machine.pc].into_iter().chain(calls).collect();
    // The frame pointer of dynamic_frame is not known behind a guess, so there is a second guess.
    assert_eq!(found, wanted, "{found:x?} instead of {wanted:x?}");
    let trusts: Vec<_> = report.frames.iter().map(|frame| frame.trust).collect();
    assert_eq!(trusts[..4], [Trust::Context, Trust::Scan, Trust::Cfi, Trust::Cfi]);
    let evidence = report
        .evidence
        .iter()
        .find(|evidence| evidence.driver == "acmecap.sys");
    assert_eq!(evidence.expect("it is there").kind, EvidenceKind::StackScan);
}

#[test]
fn a_trap_frame_on_the_stack_gives_the_frame_pointer_too() {
    let Some(driver) = Driver::build(Cpu::X64) else {
        return;
    };
    let mut description = loaded(&driver, Cpu::X64);
    let base = description.driver("acmecap.sys").expect("it is loaded").base;
    let kernel = description.drivers[0].clone();
    let machine = Machine::new(Cpu::X64, base, kernel.address_at(0x12_3456));
    let machine = simulate::inside(&driver, 3, machine);
    // In dynamic_frame once its frame register is needed.
    let states = machine.states(driver.function("dynamic_frame"));
    let machine = &states[states.len() - 8];
    let (sp, words) = machine.stack();
    let registers = machine.context();
    let mut trap_frame = vec![0; 0x190 / 8];
    trap_frame[0x158 / 8] = registers.frame;
    trap_frame[0x168 / 8] = machine.pc;
    trap_frame[0x170 / 8] = 0x10;
    trap_frame[0x180 / 8] = sp;
    let rsp = sp - 0x190 - 0x100;
    let words: Vec<_> = [0; 0x100 / 8]
        .into_iter()
        .chain(trap_frame)
        .chain(words)
        .collect();
    description.stack = Stack::from_words(rsp, &words, Cpu::X64);
    description.registers = synth::dump::Registers {
        pc: kernel.address_at(0x3f_5780),
        sp: rsp,
        ..synth::dump::Registers::default()
    };
    description.stop_code = 0xd1;
    description.parameters = [0x28, 2, 0, machine.pc];
    let report = analyse(&driver, &description.to_bytes());
    let found: Vec<_> = report.frames.iter().map(|frame| frame.address.0).collect();
    let calls = machine.returns.iter().rev().copied();
    let wanted: Vec<_> = [machine.pc].into_iter().chain(calls).collect();
    assert_eq!(found, wanted, "{found:x?} instead of {wanted:x?}");
    assert!(report.frames[1..].iter().all(|frame| frame.trust == Trust::Cfi));
}

#[test]
fn a_driver_in_the_place_of_an_unloaded_one_is_walked_through() {
    let Some(driver) = Driver::build(Cpu::X64) else {
        return;
    };
    let mut description = loaded(&driver, Cpu::X64);
    let base = description.driver("acmecap.sys").expect("it is loaded").base;
    description.unloaded.push(UnloadedDriver {
        name: "acmecap.sys".to_owned(),
        start: base - 0x1000,
        end: base + 0x1_0000,
    });
    let machine = Machine::new(Cpu::X64, base, description.drivers[0].address_at(0x12_3456));
    let machine = &simulate::inside(&driver, 7, machine).states(driver.function("write_register"))[0];
    let report = analyse(&driver, &crashed(description.clone(), machine));
    assert_eq!(report.frames.len(), CHAIN.len() + 1);
    assert_eq!(report.frames[8].trust, Trust::Cfi);
    // And a driver that was called by one that is gone leads back into its place.
    let gone = base - 0x800;
    let machine = Machine::new(Cpu::X64, base, gone);
    let machine = &machine.states(driver.function("DriverEntry"))[0];
    let report = analyse(&driver, &crashed(description, machine));
    assert_eq!(report.frames[1].address.0, gone);
    assert_eq!(report.frames[1].trust, Trust::Cfi);
}

#[test]
fn a_stack_of_thousands_of_frames_is_cut() {
    let Some(driver) = Driver::build(Cpu::X64) else {
        return;
    };
    let description = loaded(&driver, Cpu::X64);
    let base = description.driver("acmecap.sys").expect("it is loaded").base;
    let mut machine = Machine::new(Cpu::X64, base, description.drivers[0].address_at(0x12_3456));
    let (outer, inner) = (driver.function("keeps_many"), driver.function("write_register"));
    for _ in 0..3000 {
        machine.call(outer, inner);
    }
    let machine = &machine.states(inner)[0];
    let report = analyse(&driver, &crashed(description, machine));
    assert_eq!(report.frames.len(), 256);
    assert!(report.frames[1..].iter().all(|frame| frame.trust == Trust::Cfi));
}

#[test]
fn the_driver_names_the_pdb_that_is_missing() {
    let Some(driver) = Driver::build(Cpu::X64) else {
        return;
    };
    let description = loaded(&driver, Cpu::X64);
    let base = description.driver("acmecap.sys").expect("it is loaded").base;
    let machine = Machine::new(Cpu::X64, base, description.drivers[0].address_at(0x12_3456));
    let machine = &machine.states(driver.function("DriverEntry"))[4];
    let report = analyse(&driver, &crashed(description, machine));
    let missing: Vec<_> = report
        .missing_symbols
        .iter()
        .map(|file| file.name.as_str())
        .collect();
    assert_eq!(missing, ["acmecap.pdb", "ntoskrnl.exe"]);
}

#[test]
fn damage_to_the_drivers_file_is_a_warning_and_never_a_failure() {
    let Some(mut driver) = Driver::build(Cpu::X64) else {
        return;
    };
    let description = loaded(&driver, Cpu::X64);
    let base = description.driver("acmecap.sys").expect("it is loaded").base;
    let machine = Machine::new(Cpu::X64, base, description.drivers[0].address_at(0x12_3456));
    let machine = simulate::inside(&driver, 7, machine);
    let machine = &machine.states(driver.function("write_register"))[3];
    let dump = crashed(description, machine);
    let whole = driver.bytes.clone();
    for at in (0x180..whole.len()).step_by(7) {
        driver.bytes = whole.clone();
        driver.bytes[at] ^= 0x5f;
        let report = analyse(&driver, &dump);
        assert!(report.frames.len() <= 256);
    }
    for length in (0..whole.len()).step_by(61) {
        driver.bytes = whole[..length].to_vec();
        let report = analyse(&driver, &dump);
        assert_eq!(report.frames[0].address.0, machine.pc);
    }
    // The list of functions backwards.
    let first = [driver.function("keeps_many"), driver.function("large_frame")].map(|function| {
        let begin = u32::try_from(function.begin()).expect("a small driver");
        begin.to_le_bytes()
    });
    let list = whole
        .windows(16)
        .position(|bytes| bytes.starts_with(&first[0]) && bytes[12..] == first[1]);
    let list = list.expect("the list");
    driver.bytes = whole.clone();
    let count = driver.bytes[list..]
        .chunks(12)
        .take_while(|entry| entry.len() == 12 && entry[1] != 0)
        .count();
    let entries: Vec<u8> = whole[list..list + 12 * count]
        .rchunks(12)
        .flatten()
        .copied()
        .collect();
    driver.bytes[list..list + 12 * count].copy_from_slice(&entries);
    let report = analyse(&driver, &dump);
    assert_eq!(report.frames.len(), CHAIN.len() + 1);
    assert_eq!(
        report.warnings,
        ["The list of functions of acmecap.sys is out of order."]
    );
    // All unwind information of a version that does not exist.
    let unwind = whole.windows(4).position(|bytes| bytes == [1, 11, 6, 0]);
    driver.bytes = whole;
    driver.bytes[unwind.expect("that of keeps_many")] = 7;
    let report = analyse(&driver, &dump);
    assert_eq!(
        report.warnings,
        ["Unwind information of acmecap.sys has an unknown version, 7; the stack may be incomplete."]
    );
}
