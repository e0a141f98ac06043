//! Crashes whose dump names the driver: by a parameter, by the stack, or by what was unloaded.

use super::Scene;
use super::stack::{BUG_CHECK_CALLER, DEVICE_CONTROL, EXCEPTION_DISPATCH, SYSTEM_THREAD_START, StackWords};
use crate::dump::{Driver, DumpDescription, Exception, Registers, UnloadedDriver};

/// `STATUS_ACCESS_VIOLATION` as a bug check parameter: extended with its sign.
const ACCESS_VIOLATION: u64 = 0xFFFF_FFFF_C000_0005;
/// Where the driver faults.
const FAULT: u64 = 0x334C;

/// 0xD1: P4 is the driver's instruction; the interrupted registers lie in a trap frame on the stack.
pub fn irql_in_driver(scene: &Scene) -> DumpDescription {
    let mut description = scene.describe(0xD1, [0; 4]);
    let culprit = scene.culprit_in(&description);
    let fault = culprit.address_at(FAULT);
    description.parameters = [0x28, 2, 0, fault];
    let kernel = description.drivers[0].clone();
    StackWords::of(&description)
        .call(kernel.address_at(BUG_CHECK_CALLER), 6)
        .call(kernel.address_at(EXCEPTION_DISPATCH[0]), 4)
        .structure(&trap_frame(fault))
        .call(culprit.address_at(0x1C18), 5)
        .calls(DEVICE_CONTROL.map(|offset| kernel.address_at(offset)))
        .finish(&mut description);
    description
}

/// 0x1000007E, the small dump's form of 0x7E: P2 in the driver, record at P3, context at P4, both on the stack.
///
/// The header's context is the faulting one, not that of `KeBugCheckEx`.
pub fn thread_exception(scene: &Scene) -> DumpDescription {
    let mut description = scene.describe(0x1000_007E, [0; 4]);
    let culprit = scene.culprit_in(&description);
    let fault = culprit.address_at(FAULT);
    let stack = FaultStack::of(&description, &culprit, &SYSTEM_THREAD_START);
    let context = stack.registers(fault);
    description.parameters = [ACCESS_VIOLATION, fault, stack.record_at, stack.context_at];
    stack.write(&mut description, fault);
    description.registers = context;
    description
}

/// 0x7E with its full code, as larger dumps and event logs have it.
pub fn thread_exception_full_code(scene: &Scene) -> DumpDescription {
    DumpDescription {
        stop_code: 0x7E,
        ..thread_exception(scene)
    }
}

/// 0x3B: P2 in the driver, context at P3.
pub fn service_exception(scene: &Scene) -> DumpDescription {
    let mut description = scene.describe(0x3B, [0; 4]);
    let culprit = scene.culprit_in(&description);
    let fault = culprit.address_at(FAULT);
    let stack = FaultStack::of(&description, &culprit, &DEVICE_CONTROL);
    description.parameters = [0xC000_0005, fault, stack.context_at, 0];
    stack.write(&mut description, fault);
    description
}

/// 0x1E: P2 in the driver.
pub fn unhandled_exception(scene: &Scene) -> DumpDescription {
    let mut description = scene.describe(0x1E, [0; 4]);
    let culprit = scene.culprit_in(&description);
    let fault = culprit.address_at(FAULT);
    let stack = FaultStack::of(&description, &culprit, &DEVICE_CONTROL);
    description.parameters = [ACCESS_VIOLATION, fault, 0, 0x28];
    stack.write(&mut description, fault);
    description
}

/// 0x50: somebody calls into a driver that was unloaded; P1 and P3 lie in its old range.
pub fn fault_in_unloaded(scene: &Scene) -> DumpDescription {
    let mut description = scene.describe(0x50, [0; 4]);
    let gone = unload_culprit(scene, &mut description);
    description.parameters = [gone.start + 0x1C18, 0x10, gone.start + 0x1C18, 2];
    stack_into(&mut description, &gone);
    description
}

/// 0xCE: a driver was unloaded without cancelling what it had pending; P1 and P3 lie in its old range.
pub fn unloaded_with_pending_work(scene: &Scene) -> DumpDescription {
    let mut description = scene.describe(0xCE, [0; 4]);
    let gone = unload_culprit(scene, &mut description);
    description.parameters = [gone.start + 0x1C18, 8, gone.start + 0x1C18, 0];
    stack_into(&mut description, &gone);
    description
}

/// Moves the culprit from the loaded to the unloaded drivers, at the address that it had.
fn unload_culprit(scene: &Scene, description: &mut DumpDescription) -> UnloadedDriver {
    let culprit = scene.culprit_in(description);
    description.drivers.retain(|driver| *driver != culprit);
    let gone = UnloadedDriver {
        name: culprit.base_name().to_owned(),
        start: culprit.base,
        end: culprit.base + u64::from(culprit.size_of_image),
    };
    description.unloaded.push(gone.clone());
    gone
}

fn stack_into(description: &mut DumpDescription, gone: &UnloadedDriver) {
    let kernel = description.drivers[0].clone();
    StackWords::of(description)
        .call(kernel.address_at(BUG_CHECK_CALLER), 6)
        .calls(EXCEPTION_DISPATCH.map(|offset| kernel.address_at(offset)))
        .call(gone.start + 0x1C18, 4)
        .calls(SYSTEM_THREAD_START.map(|offset| kernel.address_at(offset)))
        .finish(description);
}

/// An x64 trap frame of 0x190 bytes; only the interrupted instruction and the selectors are filled in.
fn trap_frame(instruction: u64) -> [u8; 0x190] {
    let mut frame = [0; 0x190];
    frame[0x168..0x170].copy_from_slice(&instruction.to_le_bytes());
    frame[0x170] = 0x10;
    frame
}

/// The stack of a fault in a driver, with exception record and context on it.
struct FaultStack {
    kernel: Driver,
    culprit: Driver,
    outer: Vec<u64>,
    record_at: u64,
    context_at: u64,
    /// Where the stack pointer stood at the fault.
    fault_sp: u64,
}

impl FaultStack {
    /// Lays the stack out once to learn the addresses; its contents do not change its size.
    fn of(description: &DumpDescription, culprit: &Driver, outer: &[u64]) -> Self {
        let mut stack = FaultStack {
            kernel: description.drivers[0].clone(),
            culprit: culprit.clone(),
            outer: outer.to_vec(),
            record_at: 0,
            context_at: 0,
            fault_sp: 0,
        };
        let mut scratch = description.clone();
        let (words, marks) = stack.words(&scratch, 0);
        let base = words.finish(&mut scratch);
        let width = description.cpu.pointer_bytes() as u64;
        [stack.record_at, stack.context_at, stack.fault_sp] = marks.map(|mark| base + width * mark as u64);
        stack
    }

    fn registers(&self, fault: u64) -> Registers {
        Registers {
            pc: fault,
            sp: self.fault_sp,
            frame: self.fault_sp,
            link: self.culprit.address_at(0x1C18),
            general: [0x20; 29],
        }
    }

    fn write(&self, description: &mut DumpDescription, fault: u64) {
        self.words(description, fault).0.finish(description);
    }

    /// The words, and how many of them lie below the record, the context and the driver's frame.
    fn words(&self, description: &DumpDescription, fault: u64) -> (StackWords, [usize; 3]) {
        let record = Exception {
            code: 0xC000_0005,
            flags: 0,
            address: fault,
            information: vec![0, 0x28],
        };
        let kernel = |offset: u64| self.kernel.address_at(offset);
        let below = StackWords::of(description)
            .call(kernel(BUG_CHECK_CALLER), 6)
            .calls(EXCEPTION_DISPATCH.map(kernel));
        let record_mark = below.mark();
        let below = below.structure(&record.to_record(description.cpu));
        let context_mark = below.mark();
        let below = below.structure(&self.registers(fault).to_context(description.cpu));
        let fault_mark = below.mark();
        let words = below
            .call(self.culprit.address_at(0x1C18), 0)
            .call(self.culprit.address_at(0x0F30), 5)
            .calls(self.outer.iter().map(|offset| kernel(*offset)));
        (words, [record_mark, context_mark, fault_mark])
    }
}
