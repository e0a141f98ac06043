//! `CONTEXT`: the registers of a processor, for the three architectures.
//!
//! | CPU | size | flags | SP | PC | frame |
//! |---|---|---|---|---|---|
//! | AMD64 | 0x4D0 | +0x30 | `rsp` +0x98 | `rip` +0xF8 | `rbp` +0xA0 |
//! | ARM64 | 0x390 | +0x00 | `sp` +0x100 | `pc` +0x108 | `fp` +0xF0 |
//! | x86 | 0x2CC | +0x00 | `esp` +0xC4 | `eip` +0xB8 | `ebp` +0xB4 |
//!
//! The floating-point and vector registers stay in [`Context::raw`].

mod amd64;
mod arm64;
mod x86;

use std::borrow::Cow;

pub use amd64::Amd64Context;
pub use arm64::Arm64Context;
pub use x86::X86Context;

use crate::bytes::{Bytes, Record};
use crate::{Address, Machine};

/// The registers of a processor.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Context<'a> {
    /// Those of an x64 processor.
    Amd64(Amd64Context<'a>),
    /// Those of an Arm64 processor.
    Arm64(Arm64Context<'a>),
    /// Those of a 32-bit x86 processor.
    X86(X86Context<'a>),
}

impl<'a> Context<'a> {
    /// The size of a context of this architecture, or `None` if it is not known here.
    pub fn size_bytes(machine: Machine) -> Option<u64> {
        match machine {
            Machine::Amd64 => Some(Amd64Context::SIZE_BYTES),
            Machine::Arm64 => Some(Arm64Context::SIZE_BYTES),
            Machine::X86 => Some(X86Context::SIZE_BYTES),
            _ => None,
        }
    }

    /// Reads a context from its bytes, or `None` if they are too few or the architecture is not known here.
    pub fn from_bytes(machine: Machine, raw: Cow<'a, [u8]>) -> Option<Context<'a>> {
        let size = Context::size_bytes(machine)?;
        let raw = match raw {
            Cow::Borrowed(bytes) => Cow::Borrowed(Bytes::new(bytes).slice(0, size)?),
            Cow::Owned(bytes) => Cow::Owned(Bytes::new(&bytes).slice(0, size)?.to_vec()),
        };
        let borrowed = raw.clone();
        let record = Bytes::new(&borrowed).record(0, size)?;
        Some(match machine {
            Machine::Amd64 => Context::Amd64(Amd64Context::read(record, raw)),
            Machine::Arm64 => Context::Arm64(Arm64Context::read(record, raw)),
            _ => Context::X86(X86Context::read(record, raw)),
        })
    }

    /// The instruction pointer.
    pub fn pc(&self) -> Address {
        match self {
            Context::Amd64(context) => Address(context.rip),
            Context::Arm64(context) => Address(context.pc),
            Context::X86(context) => Address(u64::from(context.eip)),
        }
    }

    /// The stack pointer.
    pub fn sp(&self) -> Address {
        match self {
            Context::Amd64(context) => Address(context.rsp),
            Context::Arm64(context) => Address(context.sp),
            Context::X86(context) => Address(u64::from(context.esp)),
        }
    }

    /// The frame pointer: `rbp`, `fp` or `ebp`. x64 code uses it for other things as well.
    pub fn fp(&self) -> Address {
        match self {
            Context::Amd64(context) => Address(context.rbp),
            Context::Arm64(context) => Address(context.fp),
            Context::X86(context) => Address(u64::from(context.ebp)),
        }
    }

    /// The whole record as stored.
    pub fn raw(&self) -> &[u8] {
        match self {
            Context::Amd64(context) => context.raw(),
            Context::Arm64(context) => context.raw(),
            Context::X86(context) => context.raw(),
        }
    }

    /// The integer registers with their names, in the order of the record.
    pub fn registers(&self) -> Vec<(&'static str, u64)> {
        match self {
            Context::Amd64(context) => context.registers().to_vec(),
            Context::Arm64(context) => context.registers(),
            Context::X86(context) => context.registers().to_vec(),
        }
    }
}

/// `N` eight-byte registers that lie next to each other from `start` on.
fn registers_64<const N: usize>(record: Record<'_>, start: usize) -> [u64; N] {
    let mut values = [0; N];
    for (index, value) in values.iter_mut().enumerate() {
        *value = record.u64(index.saturating_mul(8).saturating_add(start));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::Context;
    use crate::{Address, Machine};
    use std::borrow::Cow;

    fn numbered(length: usize) -> Vec<u8> {
        (0..length / 4)
            .flat_map(|word| u32::try_from(word * 4).unwrap().to_le_bytes())
            .collect()
    }

    #[test]
    fn each_architecture_finds_pc_sp_and_frame_at_its_own_offsets() {
        let cases = [
            (
                Machine::Amd64,
                0x0000_00FC_0000_00F8,
                0x0000_009C_0000_0098,
                0x0000_00A4_0000_00A0,
            ),
            (
                Machine::Arm64,
                0x0000_010C_0000_0108,
                0x0000_0104_0000_0100,
                0x0000_00F4_0000_00F0,
            ),
            (Machine::X86, 0xB8, 0xC4, 0xB4),
        ];
        for (machine, pc, sp, fp) in cases {
            let context = Context::from_bytes(machine, Cow::Owned(numbered(0x500))).unwrap();
            assert_eq!(context.pc(), Address(pc), "{machine}");
            assert_eq!(context.sp(), Address(sp), "{machine}");
            assert_eq!(context.fp(), Address(fp), "{machine}");
        }
    }

    #[test]
    fn a_context_that_lacks_a_byte_is_none() {
        let bytes = [0; 0x4D0];
        assert!(Context::from_bytes(Machine::Amd64, Cow::Borrowed(&bytes)).is_some());
        assert!(Context::from_bytes(Machine::Amd64, Cow::Borrowed(&bytes[1..])).is_none());
        assert!(Context::from_bytes(Machine::Ia64, Cow::Borrowed(&bytes)).is_none());
    }

    #[test]
    fn raw_is_the_record_and_nothing_behind_it() {
        let context = Context::from_bytes(Machine::X86, Cow::Owned(numbered(0x500))).unwrap();
        assert_eq!(context.raw().len(), 0x2CC);
    }

    #[test]
    fn register_names_come_in_the_order_of_the_record() {
        let context = Context::from_bytes(Machine::Amd64, Cow::Owned(numbered(0x500))).unwrap();
        let registers = context.registers();
        assert_eq!(registers.first(), Some(&("rax", 0x0000_007C_0000_0078)));
        assert_eq!(registers.last().unwrap().0, "rip");
        let arm = Context::from_bytes(Machine::Arm64, Cow::Owned(numbered(0x500))).unwrap();
        assert_eq!(arm.registers()[28].0, "x28");
    }
}
