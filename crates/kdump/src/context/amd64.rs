//! The x64 `CONTEXT`, 0x4D0 bytes.

use std::borrow::Cow;

use super::registers_64;
use crate::bytes::Record;

/// The registers of an x64 processor.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "a register's name says all there is")]
pub struct Amd64Context<'a> {
    /// Which parts of the record are valid.
    pub context_flags: u32,
    pub mxcsr: u32,
    pub cs: u16,
    pub ds: u16,
    pub es: u16,
    pub fs: u16,
    pub gs: u16,
    pub ss: u16,
    pub eflags: u32,
    /// `dr0`, `dr1`, `dr2`, `dr3`, `dr6`, `dr7`.
    pub debug_registers: [u64; 6],
    pub rax: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rbx: u64,
    pub rsp: u64,
    pub rbp: u64,
    pub rsi: u64,
    pub rdi: u64,
    pub r8: u64,
    pub r9: u64,
    pub r10: u64,
    pub r11: u64,
    pub r12: u64,
    pub r13: u64,
    pub r14: u64,
    pub r15: u64,
    pub rip: u64,
    raw: Cow<'a, [u8]>,
}

impl<'a> Amd64Context<'a> {
    pub(super) const SIZE_BYTES: u64 = 0x4D0;

    pub(super) fn read(record: Record<'_>, raw: Cow<'a, [u8]>) -> Amd64Context<'a> {
        let [rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi] = registers_64(record, 0x78);
        let [r8, r9, r10, r11, r12, r13, r14, r15, rip] = registers_64(record, 0xB8);
        Amd64Context {
            context_flags: record.u32(0x30),
            mxcsr: record.u32(0x34),
            cs: record.u16(0x38),
            ds: record.u16(0x3A),
            es: record.u16(0x3C),
            fs: record.u16(0x3E),
            gs: record.u16(0x40),
            ss: record.u16(0x42),
            eflags: record.u32(0x44),
            debug_registers: registers_64(record, 0x48),
            rax,
            rcx,
            rdx,
            rbx,
            rsp,
            rbp,
            rsi,
            rdi,
            r8,
            r9,
            r10,
            r11,
            r12,
            r13,
            r14,
            r15,
            rip,
            raw,
        }
    }

    /// The whole record as stored.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The integer registers with their names.
    pub(super) fn registers(&self) -> [(&'static str, u64); 17] {
        [
            ("rax", self.rax),
            ("rcx", self.rcx),
            ("rdx", self.rdx),
            ("rbx", self.rbx),
            ("rsp", self.rsp),
            ("rbp", self.rbp),
            ("rsi", self.rsi),
            ("rdi", self.rdi),
            ("r8", self.r8),
            ("r9", self.r9),
            ("r10", self.r10),
            ("r11", self.r11),
            ("r12", self.r12),
            ("r13", self.r13),
            ("r14", self.r14),
            ("r15", self.r15),
            ("rip", self.rip),
        ]
    }
}
