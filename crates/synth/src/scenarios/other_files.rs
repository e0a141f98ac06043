//! Files that are not small dumps of a crash: large dumps, encrypted ones, memory images.

use super::{Scene, locked_pages_at_exit};
use crate::dump::{Attributes, DumpDescription, DumpKind, Writer};

/// A complete memory dump of a 0x76; only its header and two empty pages.
pub fn complete_memory(scene: &Scene) -> DumpDescription {
    of_kind(scene, DumpKind::Full)
}

/// An automatic (kernel) memory dump of a 0x76 with a page bitmap.
pub fn kernel_memory(scene: &Scene) -> DumpDescription {
    of_kind(scene, DumpKind::BitmapKernel)
}

/// A kernel dump that a debugger wrote of a 0x76.
pub fn debugger_written(scene: &Scene) -> DumpDescription {
    of_kind(scene, DumpKind::DebuggerKernel)
}

/// A small dump whose header says that its content is encrypted.
pub fn encrypted(scene: &Scene) -> DumpDescription {
    let mut description = locked_pages_at_exit(scene);
    description.writer = Writer::KernelWritten; // a converted dump has no attributes
    description.attributes |= Attributes::ENCRYPTED;
    description
}

/// A memory image as DumpIt writes it: shaped like a complete dump, with a code that is text.
pub fn memory_imager(scene: &Scene) -> DumpDescription {
    let mut description = of_kind(scene, DumpKind::Full);
    description.stop_code = 0x5454_414D;
    let [moon, sols] = [b"MOON", b"SOLS"].map(|text| u64::from(u32::from_le_bytes(*text)));
    description.parameters = [moon, sols, moon, sols];
    description.attributes = Attributes::KERNEL_TRIAGE | Attributes::LIVE;
    description
}

fn of_kind(scene: &Scene, kind: DumpKind) -> DumpDescription {
    DumpDescription {
        kind,
        attributes: 0,
        ..locked_pages_at_exit(scene)
    }
}
