//! Crashes and reports in which no driver of the fleet is to blame, or that are no crashes.

use super::Scene;
use super::stack::{BUG_CHECK_CALLER, StackWords};
use crate::dump::{Attributes, DumpDescription, Writer};

/// 0x124: a machine check; P2 is the error record, P3 and P4 the status register.
pub fn hardware_error(scene: &Scene) -> DumpDescription {
    let mut description = scene.describe(0x124, [0; 4]);
    let record = description.process.address + 0x40_0028;
    description.parameters = [0, record, 0xBE00_0000, 0x0080_0400];
    description
}

/// 0x9F with P1 = 3: a device held a power request for too long. The stack is the kernel's watchdog.
pub fn power_failure(scene: &Scene) -> DumpDescription {
    let mut description = scene.describe(0x9F, [0; 4]);
    let pool = description.process.address;
    description.parameters = [3, pool + 0x1060, description.stack.base, pool + 0x5010];
    description
}

/// 0xE2: somebody pressed the keys that stop the machine.
pub fn manual(scene: &Scene) -> DumpDescription {
    let mut description = scene.describe(0xE2, [0; 4]);
    let keyboard: Vec<u64> = ["i8042prt.sys", "kbdclass.sys"]
        .iter()
        .filter_map(|name| description.driver(name))
        .map(|driver| driver.address_at(0x1C18))
        .collect();
    let kernel = description.drivers[0].address_at(BUG_CHECK_CALLER);
    StackWords::of(&description)
        .calls(keyboard)
        .call(kernel, 4)
        .finish(&mut description);
    description
}

/// 0x141, live: a video engine timed out and the machine went on; P2 lies in the display driver.
pub fn live_video_timeout(scene: &Scene) -> DumpDescription {
    let mut description = live(scene, 0x141);
    let display = scene.culprit_in(&description);
    let context = description.process.address + 0x2_0050;
    description.parameters = [context, display.address_at(0x334C), 0, 0x1A4C];
    description
}

/// 0x193, live: the graphics kernel reports something and the machine went on.
pub fn live_watchdog(scene: &Scene) -> DumpDescription {
    let mut description = live(scene, 0x193);
    description.parameters = [0x80E, description.process.address + 0x2_0050, 0, 0];
    description
}

fn live(scene: &Scene, stop_code: u32) -> DumpDescription {
    let mut description = scene.describe(stop_code, [0; 4]);
    description.writer = Writer::KernelWritten; // a converted dump has no attributes
    description.attributes = Attributes::KERNEL_TRIAGE | Attributes::LIVE;
    description
}
