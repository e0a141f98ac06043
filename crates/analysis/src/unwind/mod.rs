//! Unwinding by the tables that Windows images carry: from a function's registers to those of its caller.
//!
//! A driver's file has a sorted list of its functions (`.pdata`), each with a description of what its prologue did to
//! the stack (`.xdata`). With the file, the walk needs neither a debug file nor luck.
//!
//! This is code of our own because the ready-made parts cannot be given files of strangers: pe-unwind-info reads a
//! chained entry two bytes early when the number of codes is odd, can be made to slice past the end, and follows a
//! chain that leads to itself for ever; the PE reader of minidump-unwind opens whatever path a dump names. Here every
//! number is checked before it is used, every loop is bounded by bytes that are there or by a small constant, and
//! damage is an answer ([`Stop::Damaged`]), not an end.
//!
//! | module | in it |
//! |---|---|
//! | `pe` | the file: sections, function list, the name of its PDB |
//! | `functions` | the function list, in whatever order it is |
//! | `x64` | prologues, epilogues, chains and machine frames of x64 |
//! | `arm64` | packed and full descriptions of Arm64 |

#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::as_conversions
    )
)]

pub(crate) mod arm64;
mod bytes;
mod functions;
mod pe;
#[cfg(test)]
mod sample;
pub(crate) mod x64;

pub(crate) use pe::{Pe, PeMachine};

use std::fmt;

/// How an instruction address was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    /// It is the instruction that runs next: registers at a fault, or behind a trap.
    Exact,
    /// It is where a call returns to, so the call lies before it and may be the last instruction of its function.
    Return,
}

impl Position {
    /// The address to look a function or a line up by.
    pub(crate) fn inside(self, address: u64) -> u64 {
        match self {
            Position::Exact => address,
            Position::Return => address.saturating_sub(1),
        }
    }
}

/// Reads a word of the stack.
pub(crate) type Stack<'a> = dyn Fn(u64) -> Option<u64> + 'a;

/// The function that called, or that was interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller<R> {
    /// Its registers.
    pub(crate) registers: R,
    /// Whether a call returns there, or an interrupt.
    pub(crate) position: Position,
}

/// Why there is no caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The address is in no function.
    NoFunction,
    /// A register or a word of the stack that is needed is not known.
    Unknown,
    /// The caller's stack pointer would not be above this one's.
    NoProgress,
    /// The caller is a process that entered the kernel here; its stack is another one.
    UserMode,
    /// The image contradicts itself.
    Damaged(Damage),
}

/// What is wrong with an image's unwind information.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Damage {
    /// Something lies outside the file.
    OutsideFile,
    /// The version of an entry is none that is known.
    Version(u8),
    /// A code is none that is known, or lacks its operand.
    Code(u8),
    /// A chain of entries does not end.
    EndlessChain,
    /// The list of functions was not in order.
    OutOfOrder,
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::OutsideFile => formatter.write_str("leads outside the file"),
            Damage::Version(version) => write!(formatter, "has an unknown version, {version}"),
            Damage::Code(code) => write!(formatter, "has an unknown code, {code:#x}"),
            Damage::EndlessChain => formatter.write_str("is a chain that does not end"),
            Damage::OutOfOrder => formatter.write_str("is out of order"),
        }
    }
}

/// Whether an interrupt at `to` led from a process into kernel code at `from`.
fn enters_kernel(from: u64, to: u64) -> bool {
    const KERNEL: u64 = 1 << 63;
    from >= KERNEL && to < KERNEL
}

impl From<Damage> for Stop {
    fn from(damage: Damage) -> Stop {
        Stop::Damaged(damage)
    }
}
