//! Processor architectures and their pointer width.

use std::fmt;

/// How wide the pointers of a dump are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Width {
    /// 4 bytes.
    Bits32,
    /// 8 bytes.
    Bits64,
}

impl Width {
    /// The width in bits, 32 or 64.
    pub fn bits(self) -> u32 {
        match self {
            Width::Bits32 => 32,
            Width::Bits64 => 64,
        }
    }

    /// The size of a pointer, 4 or 8.
    pub fn pointer_size_bytes(self) -> u64 {
        match self {
            Width::Bits32 => 4,
            Width::Bits64 => 8,
        }
    }
}

/// `MachineImageType` of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Machine {
    /// 0x8664: x64.
    Amd64,
    /// 0xAA64: Arm64.
    Arm64,
    /// 0x14C: 32-bit x86.
    X86,
    /// 0x1C4: 32-bit Arm. Its context is not read.
    Arm,
    /// 0x200: Itanium. Its context is not read.
    Ia64,
    /// Another number.
    Unknown(u32),
}

impl Machine {
    /// The architecture with this number.
    pub fn from_raw(raw: u32) -> Machine {
        match raw {
            0x8664 => Machine::Amd64,
            0xAA64 => Machine::Arm64,
            0x14C => Machine::X86,
            0x1C4 => Machine::Arm,
            0x200 => Machine::Ia64,
            other => Machine::Unknown(other),
        }
    }
}

impl fmt::Display for Machine {
    /// Writes `x86_64`, `aarch64`, `x86`, `arm`, `ia64` or the number.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Machine::Amd64 => formatter.write_str("x86_64"),
            Machine::Arm64 => formatter.write_str("aarch64"),
            Machine::X86 => formatter.write_str("x86"),
            Machine::Arm => formatter.write_str("arm"),
            Machine::Ia64 => formatter.write_str("ia64"),
            Machine::Unknown(raw) => write!(formatter, "{raw:#x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Machine;

    #[test]
    fn an_unknown_machine_keeps_its_number() {
        assert_eq!(Machine::from_raw(0x9999).to_string(), "0x9999");
    }
}
