//! What each scenario promises about its description.

use super::{
    ALL, Scene, fault_in_unloaded, irql_in_driver, left_locked_pages_tracker, locked_pages_at_exit,
    thread_exception, unlocked_twice,
};
use crate::dump::{Cpu, Driver, DumpDescription, Writer};

fn stack_words(description: &DumpDescription) -> Vec<u64> {
    let bytes = &description.stack.bytes;
    let word = |chunk: &[u8]| u64::from_le_bytes(chunk.try_into().unwrap());
    bytes.chunks(8).map(word).collect()
}

/// Drivers other than the kernel with an address on the stack.
fn on_stack(description: &DumpDescription) -> Vec<&str> {
    let words = stack_words(description);
    description.drivers[1..]
        .iter()
        .filter(|driver| words.iter().any(|word| driver.contains(*word)))
        .map(Driver::base_name)
        .collect()
}

#[test]
fn locked_pages_at_exit_leave_no_driver_in_parameters_or_stack() {
    let description = locked_pages_at_exit(&Scene::sample(1));
    assert_eq!(on_stack(&description), Vec::<&str>::new());
    let in_a_driver = |value: &u64| description.drivers.iter().any(|driver| driver.contains(*value));
    assert!(!description.parameters.iter().any(in_a_driver));
}

#[test]
fn a_driver_that_unlocks_twice_is_the_only_driver_on_the_stack() {
    assert_eq!(on_stack(&unlocked_twice(&Scene::sample(1))), ["acmecap.sys"]);
}

#[test]
fn the_lock_tracker_holds_kernel_addresses_first_and_then_the_driver() {
    let description = left_locked_pages_tracker(&Scene::sample(1));
    let block = &description.data_blocks[0];
    assert_eq!(&block.bytes[4..8], b"MmLk");
    let start = usize::try_from(description.parameters[0] + 0x48 - block.address).unwrap();
    let calls: Vec<u64> = block.bytes[start..]
        .chunks_exact(8)
        .map(|chunk| u64::from_le_bytes(chunk.try_into().unwrap()))
        .take(5)
        .collect();
    let kernel = &description.drivers[0];
    assert!(calls[..3].iter().all(|call| kernel.contains(*call)));
    assert!(description.driver("acmecap.sys").unwrap().contains(calls[3]));
}

#[test]
fn two_boots_crash_alike_at_other_addresses() {
    let first = irql_in_driver(&Scene::sample(1));
    let second = irql_in_driver(&Scene::sample(2));
    assert_ne!(first.parameters[3], second.parameters[3]);
    assert_ne!(first.drivers[0].base, second.drivers[0].base);
    let offset = |description: &DumpDescription| {
        description.parameters[3] - description.driver("acmecap.sys").unwrap().base
    };
    assert_eq!(offset(&first), offset(&second));
}

#[test]
fn an_unloaded_culprit_is_gone_from_the_loaded_drivers() {
    let description = fault_in_unloaded(&Scene::sample(3));
    assert!(description.driver("acmecap.sys").is_none());
    let gone = description.unloaded.last().unwrap();
    assert!((gone.start..gone.end).contains(&description.parameters[2]));
    assert!(
        !description
            .drivers
            .iter()
            .any(|driver| driver.contains(gone.start))
    );
}

#[test]
fn images_do_not_overlap_and_begin_on_pages() {
    for cpu in [Cpu::X64, Cpu::Arm64, Cpu::X86] {
        let mut drivers = thread_exception(&Scene::sample(4).with_cpu(cpu)).drivers;
        drivers.sort_by_key(|driver| driver.base);
        for pair in drivers.windows(2) {
            assert!(pair[0].base + u64::from(pair[0].size_of_image) <= pair[1].base);
        }
        assert!(drivers.iter().all(|driver| driver.base % 0x1000 == 0));
    }
}

#[test]
fn every_scenario_can_be_written_for_every_cpu_by_both_writers() {
    for (name, scenario) in ALL {
        for cpu in [Cpu::X64, Cpu::Arm64, Cpu::X86] {
            for writer in [Writer::KernelWritten, Writer::Converted] {
                let scene = Scene::sample(5).with_cpu(cpu).written_by(writer);
                let bytes = scenario(&scene).to_bytes();
                assert_eq!(bytes, scenario(&scene).to_bytes(), "{name} is the same twice");
                assert!(bytes.len() > 0x2000, "{name}");
            }
        }
    }
}
