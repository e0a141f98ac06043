//! The 32-bit x86 `CONTEXT`, 0x2CC bytes.

use std::borrow::Cow;

use crate::bytes::Record;

/// The registers of a 32-bit x86 processor.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "a register's name says all there is")]
pub struct X86Context<'a> {
    /// Which parts of the record are valid.
    pub context_flags: u32,
    /// `dr0`, `dr1`, `dr2`, `dr3`, `dr6`, `dr7`.
    pub debug_registers: [u32; 6],
    pub gs: u32,
    pub fs: u32,
    pub es: u32,
    pub ds: u32,
    pub edi: u32,
    pub esi: u32,
    pub ebx: u32,
    pub edx: u32,
    pub ecx: u32,
    pub eax: u32,
    pub ebp: u32,
    pub eip: u32,
    pub cs: u32,
    pub eflags: u32,
    pub esp: u32,
    pub ss: u32,
    raw: Cow<'a, [u8]>,
}

impl<'a> X86Context<'a> {
    pub(super) const SIZE_BYTES: u64 = 0x2CC;

    pub(super) fn read(record: Record<'_>, raw: Cow<'a, [u8]>) -> X86Context<'a> {
        X86Context {
            context_flags: record.u32(0x00),
            debug_registers: [0x04, 0x08, 0x0C, 0x10, 0x14, 0x18].map(|offset| record.u32(offset)),
            gs: record.u32(0x8C),
            fs: record.u32(0x90),
            es: record.u32(0x94),
            ds: record.u32(0x98),
            edi: record.u32(0x9C),
            esi: record.u32(0xA0),
            ebx: record.u32(0xA4),
            edx: record.u32(0xA8),
            ecx: record.u32(0xAC),
            eax: record.u32(0xB0),
            ebp: record.u32(0xB4),
            eip: record.u32(0xB8),
            cs: record.u32(0xBC),
            eflags: record.u32(0xC0),
            esp: record.u32(0xC4),
            ss: record.u32(0xC8),
            raw,
        }
    }

    /// The whole record as stored.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The integer registers with their names.
    pub(super) fn registers(&self) -> [(&'static str, u64); 9] {
        [
            ("edi", self.edi),
            ("esi", self.esi),
            ("ebx", self.ebx),
            ("edx", self.edx),
            ("ecx", self.ecx),
            ("eax", self.eax),
            ("ebp", self.ebp),
            ("eip", self.eip),
            ("esp", self.esp),
        ]
        .map(|(name, value)| (name, u64::from(value)))
    }
}
