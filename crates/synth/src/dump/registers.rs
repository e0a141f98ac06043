//! Registers and exception records, and their CONTEXT and `EXCEPTION_RECORD` bytes.

use super::Cpu;
use super::buffer::Buffer;

/// Integer registers of the three CPUs.
///
/// `general` is in the order of the instruction encoding: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8… (the first eight for
/// x86), or x0 to x28. The stack and frame pointers are taken from `sp` and `frame`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Registers {
    /// Program counter.
    pub pc: u64,
    /// Stack pointer.
    pub sp: u64,
    /// Frame pointer: rbp, ebp or x29.
    pub frame: u64,
    /// Link register, x30; Arm64 only.
    pub link: u64,
    /// The other registers.
    pub general: [u64; 29],
}

impl Registers {
    /// The CPU's CONTEXT record: 0x4D0 bytes (x64), 0x390 (Arm64) or 0x2CC (x86).
    #[must_use]
    pub fn to_context(&self, cpu: Cpu) -> Vec<u8> {
        match cpu {
            Cpu::X64 => self.to_amd64(),
            Cpu::Arm64 => self.to_arm64(),
            Cpu::X86 => self.to_x86(),
        }
    }

    fn to_amd64(self) -> Vec<u8> {
        let mut context = Buffer::zeros(0x4D0);
        context.put_u32(0x30, 0x0010_005F); // ContextFlags: all but the debug registers' upper forms
        context.put_u32(0x34, 0x1F80); // MxCsr
        context.put_u16(0x38, 0x10); // SegCs, kernel
        context.put_u16(0x42, 0x18); // SegSs
        context.put_u32(0x44, 0x0005_0246); // EFlags
        for (index, value) in self.general.iter().take(16).enumerate() {
            context.put_u64(0x78 + 8 * index, *value);
        }
        context.put_u64(0x98, self.sp);
        context.put_u64(0xA0, self.frame);
        context.put_u64(0xF8, self.pc);
        context.into_bytes()
    }

    fn to_arm64(self) -> Vec<u8> {
        let mut context = Buffer::zeros(0x390);
        context.put_u32(0x00, 0x0040_001F); // ContextFlags
        context.put_u32(0x04, 0x6000_0004); // Cpsr: EL1
        for (index, value) in self.general.iter().enumerate() {
            context.put_u64(0x08 + 8 * index, *value);
        }
        context.put_u64(0xF0, self.frame);
        context.put_u64(0xF8, self.link);
        context.put_u64(0x100, self.sp);
        context.put_u64(0x108, self.pc);
        context.into_bytes()
    }

    fn to_x86(self) -> Vec<u8> {
        /// Offsets of eax, ecx, edx, ebx, esp, ebp, esi, edi.
        const GENERAL: [usize; 8] = [0xB0, 0xAC, 0xA8, 0xA4, 0xC4, 0xB4, 0xA0, 0x9C];
        let mut context = Buffer::zeros(0x2CC);
        context.put_u32(0x00, 0x0001_003F); // ContextFlags
        for (at, value) in GENERAL.into_iter().zip(self.general) {
            context.put_pointer(at, value, 4);
        }
        context.put_pointer(0xB4, self.frame, 4);
        context.put_pointer(0xB8, self.pc, 4);
        context.put_u32(0xBC, 0x08); // SegCs, kernel
        context.put_u32(0xC0, 0x246); // EFlags
        context.put_pointer(0xC4, self.sp, 4);
        context.into_bytes()
    }
}

/// An exception record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exception {
    /// Exception code, e.g. 0xC0000005.
    pub code: u32,
    /// Flags.
    pub flags: u32,
    /// Where it happened.
    pub address: u64,
    /// Up to 15 parameters.
    pub information: Vec<u64>,
}

impl Exception {
    /// The record as in memory: 152 bytes on 64-bit CPUs, 0x50 on x86.
    #[must_use]
    pub fn to_record(&self, cpu: Cpu) -> Vec<u8> {
        let (size, address, count, information, width) = if cpu.is_64_bit() {
            (152, 0x10, 0x18, 0x20, 8)
        } else {
            (0x50, 0x0C, 0x10, 0x14, 4)
        };
        let mut record = Buffer::zeros(size);
        record.put_u32(0x00, self.code);
        record.put_u32(0x04, self.flags);
        record.put_pointer(address, self.address, width);
        let parameters = self.information.iter().take(15);
        record.put_u32(count, super::buffer::offset_of(parameters.len()));
        for (index, value) in parameters.enumerate() {
            record.put_pointer(information + width * index, *value, width);
        }
        record.into_bytes()
    }
}
