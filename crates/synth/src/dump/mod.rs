//! A description of a crash, and its bytes in the forms that Windows writes.
//!
//! [`DumpDescription`] holds what a crash looks like; [`DumpDescription::to_bytes`] lays it out. Two programs write small
//! dumps on a real machine and fill different fields; [`Writer`] chooses between them, and every measured difference is
//! reproduced:
//!
//! ```text
//!            kernel-written                      converted
//! 0x2000     TRIAGE_DUMP64                       TRIAGE_DUMP64
//! 0x2080     Mm block                            Mm block
//! 0x20D0     PRCB                                unloaded drivers
//!            EPROCESS, ETHREAD, stack            PRCB, EPROCESS, ETHREAD, stack
//!            debugger data, unloaded drivers     debugger data
//!            driver list, names, data blocks     driver list, names, data blocks
//!            padding to 0x200, `TRGD`            `TRGD`
//!            blobs, a zero header, stale bytes   padded blobs, end of file
//! ```

mod buffer;
mod description;
mod header;
mod kernel_blocks;
mod large;
mod modules;
mod registers;
mod secondary;
#[cfg(test)]
mod tests;
mod triage;

pub use description::{
    Attributes, Cpu, DataBlock, DataBlockWidth, Driver, DumpDescription, DumpKind, FileTime, Process, Stack,
    SystemMaker, UnloadedDriver, Writer,
};
pub use registers::{Exception, Registers};
pub use secondary::{Blob, PERSONAL_MARKER, SERIAL_MARKER};
