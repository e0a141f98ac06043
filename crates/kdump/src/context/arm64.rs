//! The Arm64 `CONTEXT`, 0x390 bytes.

use std::borrow::Cow;

use super::registers_64;
use crate::bytes::Record;

/// The registers of an Arm64 processor.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "a register's name says all there is")]
pub struct Arm64Context<'a> {
    /// Which parts of the record are valid.
    pub context_flags: u32,
    pub cpsr: u32,
    /// `x0` to `x28`.
    pub x: [u64; 29],
    pub fp: u64,
    pub lr: u64,
    pub sp: u64,
    pub pc: u64,
    pub fpcr: u32,
    pub fpsr: u32,
    raw: Cow<'a, [u8]>,
}

/// The names of `Arm64Context::x`.
const NAMES: [&str; 29] = [
    "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
    "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28",
];

impl<'a> Arm64Context<'a> {
    pub(super) const SIZE_BYTES: u64 = 0x390;

    pub(super) fn read(record: Record<'_>, raw: Cow<'a, [u8]>) -> Arm64Context<'a> {
        Arm64Context {
            context_flags: record.u32(0x00),
            cpsr: record.u32(0x04),
            x: registers_64(record, 0x08),
            fp: record.u64(0xF0),
            lr: record.u64(0xF8),
            sp: record.u64(0x100),
            pc: record.u64(0x108),
            fpcr: record.u32(0x310),
            fpsr: record.u32(0x314),
            raw,
        }
    }

    /// The whole record as stored.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The integer registers with their names.
    pub(super) fn registers(&self) -> Vec<(&'static str, u64)> {
        let last = [("fp", self.fp), ("lr", self.lr), ("sp", self.sp), ("pc", self.pc)];
        NAMES.into_iter().zip(self.x).chain(last).collect()
    }
}
