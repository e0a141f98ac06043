//! 0x76 and 0xCB: pages that somebody locked and nobody unlocked.

use super::Scene;
use super::stack::{
    BUG_CHECK_CALLER, DEVICE_CONTROL, EXIT_PATH, LOCK_PAGES, LOCK_TRACKER, MM_UNLOCK_PAGES, StackWords,
};
use crate::dump::{DataBlock, DumpDescription};

/// Where the tracker keeps its return addresses, counted from P1.
const TRACKER_CALLS: u64 = 0x48;

/// 0x76 with P1 = 0: a process ended with pages still locked.
///
/// The stack is the kernel's exit path. No parameter and no word on the stack points into a driver, because the driver's call
/// returned long ago.
pub fn locked_pages_at_exit(scene: &Scene) -> DumpDescription {
    let mut description = scene.describe(0x76, [0; 4]);
    description.process.locked_pages = scene.locked_pages;
    description.parameters = [0, description.process.address, scene.locked_pages, 0];
    exit_path(&description).finish(&mut description);
    description
}

/// 0x76 with P1 = 1: a driver unlocks pages that are not locked, and is on the stack.
pub fn unlocked_twice(scene: &Scene) -> DumpDescription {
    let mut description = scene.describe(0x76, [0; 4]);
    description.parameters = [1, memory_list(&description), scene.locked_pages, 0];
    let kernel = description.drivers[0].clone();
    let culprit = scene.culprit_in(&description);
    StackWords::of(&description)
        .call(kernel.address_at(BUG_CHECK_CALLER), 6)
        .call(kernel.address_at(MM_UNLOCK_PAGES), 8)
        .call(culprit.address_at(0x2A40), 5)
        .call(culprit.address_at(0x1C18), 5)
        .calls(DEVICE_CONTROL.map(|offset| kernel.address_at(offset)))
        .finish(&mut description);
    description
}

/// 0xCB as Windows 2000 wrote it: P1 in the driver, P2 its caller, P4 a string with the driver's name.
pub fn left_locked_pages_2000(scene: &Scene) -> DumpDescription {
    let mut description = scene.describe(0xCB, [0; 4]);
    let culprit = scene.culprit_in(&description);
    let name_at = memory_list(&description) + 0x2000;
    description.parameters = [
        culprit.address_at(0x1C18),
        culprit.address_at(0x0F30),
        memory_list(&description),
        name_at,
    ];
    let name = counted_string(culprit.base_name(), name_at, &description);
    description.data_blocks.push(name);
    exit_path(&description).finish(&mut description);
    description
}

/// 0xCB as documented until 2022: P1 in the driver, P2 its caller, P4 the number of locked pages.
pub fn left_locked_pages_classic(scene: &Scene) -> DumpDescription {
    let mut description = scene.describe(0xCB, [0; 4]);
    let culprit = scene.culprit_in(&description);
    description.parameters = [
        culprit.address_at(0x1C18),
        culprit.address_at(0x0F30),
        memory_list(&description),
        scene.locked_pages,
    ];
    exit_path(&description).finish(&mut description);
    description
}

/// 0xCB as it is today: P1 is a lock tracker, whose return addresses name the driver.
///
/// The tracker is a pool block of 0xA0 bytes with the tag `MmLk`; the dump holds it as a data block. The return addresses
/// stand at P1 + 0x48: tracker, lock routines, driver, callers.
pub fn left_locked_pages_tracker(scene: &Scene) -> DumpDescription {
    let mut description = scene.describe(0xCB, [0; 4]);
    let tracker = memory_list(&description) + 0x4000;
    description.parameters = [tracker, 0, memory_list(&description), scene.locked_pages];
    let block = tracker_block(scene, &description, tracker);
    description.data_blocks.push(block);
    exit_path(&description).finish(&mut description);
    description
}

fn exit_path(description: &DumpDescription) -> StackWords {
    let kernel = &description.drivers[0];
    StackWords::of(description)
        .call(kernel.address_at(BUG_CHECK_CALLER), 6)
        .calls(EXIT_PATH.map(|offset| kernel.address_at(offset)))
}

/// Address of the memory descriptor list: pool memory that the dump does not hold.
fn memory_list(description: &DumpDescription) -> u64 {
    description.process.address + 0x12_3450
}

fn tracker_block(scene: &Scene, description: &DumpDescription, tracker: u64) -> DataBlock {
    const POOL_HEADER: u64 = 0x10;
    let width = description.cpu.pointer_bytes();
    let kernel = &description.drivers[0];
    let culprit = scene.culprit_in(description);
    let calls = [LOCK_TRACKER]
        .into_iter()
        .chain(LOCK_PAGES)
        .map(|offset| kernel.address_at(offset))
        .chain([culprit.address_at(0x1C18), culprit.address_at(0x0F30)])
        .chain(DEVICE_CONTROL.map(|offset| kernel.address_at(offset)));
    let mut bytes = vec![0; 0xA0];
    bytes[4..8].copy_from_slice(b"MmLk");
    let mut at = usize::try_from(POOL_HEADER + TRACKER_CALLS).expect("0x58");
    for address in calls {
        bytes[at..at + width].copy_from_slice(&address.to_le_bytes()[..width]);
        at += width;
    }
    DataBlock {
        address: tracker - POOL_HEADER,
        bytes,
    }
}

/// A `UNICODE_STRING` at `address` with its text right behind it.
fn counted_string(text: &str, address: u64, description: &DumpDescription) -> DataBlock {
    let width = description.cpu.pointer_bytes();
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let length = u16::try_from(units.len()).expect("a base name is short");
    let mut bytes = vec![0; 2 * width];
    bytes[..2].copy_from_slice(&length.to_le_bytes());
    bytes[2..4].copy_from_slice(&length.to_le_bytes());
    let text_at = address + bytes.len() as u64;
    bytes[width..].copy_from_slice(&text_at.to_le_bytes()[..width]);
    bytes.extend_from_slice(&units);
    DataBlock { address, bytes }
}
