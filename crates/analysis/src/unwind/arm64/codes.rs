//! The codes of full descriptions. Their operands are big-endian.
//!
//! | code | instruction |
//! |---|---|
//! | `000xxxxx`, `11000xxx …`, `e0 …` | `sub sp, sp, x × 16` |
//! | `001zzzzz` | `stp x19, x20, [sp, -z × 8]!` |
//! | `01zzzzzz`, `10zzzzzz` | `stp x29, lr, [sp, z × 8]`, `[sp, -(z + 1) × 8]!` |
//! | `110010xx xxzzzzzz`, `110011…` | `stp x(19 + x), …`, the same two ways |
//! | `110100xx xxzzzzzz`, `1101010x xxxzzzzz` | `str x(19 + x)`, the same two ways |
//! | `1101011x xxzzzzzz` | `stp x(19 + 2x), lr, [sp, z × 8]` |
//! | `11011…` | the same for vector registers |
//! | `e1`, `e2 x` | `mov x29, sp`; `add x29, sp, x × 8` |
//! | `e4`, `e5` | the end; the end of this part, behind which those of the whole function follow |
//! | `e6` | the pair after the one of the store before |
//! | `e7 0pxrrrrr ffoooooo` | any register |
//! | `e9`, `ea` | a machine frame (stack pointer, instruction), a `CONTEXT` |
//! | `e3`, `ec`, `fc` | nothing; a mark; `pacibsp` |

use crate::unwind::Damage;
use crate::unwind::bytes::u8_at;

/// One instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    /// The stack grew by this many bytes.
    Allocate(u32),
    /// The frame pointer was set this many bytes above the stack pointer.
    SetFrame(u32),
    /// Registers were stored this far above the stack pointer, which had been lowered for it by `release`.
    Save {
        saved: Saved,
        distance: u32,
        release: u32,
    },
    /// The pair of registers behind those of the store that was before.
    NextPair,
    /// Stack pointer and instruction of what was interrupted.
    MachineFrame,
    /// All registers of what was interrupted.
    Context,
    /// Something that does not matter to the walk.
    Nothing,
}

/// What a store saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Saved {
    /// Registers that follow one another.
    Registers { first: u8, count: u8 },
    /// One register, and the link.
    WithLink(u8),
    /// Vector registers.
    Vector,
}

/// Codes up to their end, and how many of them are instructions of this part of the function.
pub(super) fn read(mut bytes: &[u8]) -> Result<(Vec<Code>, usize), Damage> {
    const END: u8 = 0xe4;
    const END_OF_PART: u8 = 0xe5;
    const MARK: u8 = 0xec;
    let mut codes = Vec::new();
    let (mut own, mut is_own) = (0_usize, true);
    loop {
        let length = match u8_at(bytes, 0).ok_or(Damage::OutsideFile)? {
            END => return Ok((codes, own)),
            END_OF_PART => {
                is_own = false;
                1
            }
            MARK => 1,
            head => {
                let (code, length) = one(head, bytes)?;
                // What the processor or another function did is no instruction of this one.
                let is_instruction = !matches!(code, Code::MachineFrame | Code::Context);
                own = own.saturating_add(usize::from(is_own && is_instruction));
                codes.push(code);
                length
            }
        };
        bytes = bytes.get(length..).ok_or(Damage::OutsideFile)?;
    }
}

/// The code that `bytes` begin with, and its length.
fn one(head: u8, bytes: &[u8]) -> Result<(Code, usize), Damage> {
    let damage = Damage::Code(head);
    let byte = |index| u8_at(bytes, index).map(u32::from).ok_or(damage);
    let first = u32::from(head);
    let pair = || byte(1).map(|second| (first << 8) | second);
    let code = match head {
        0x00..=0x1f => (Code::Allocate((first & 0x1f).saturating_mul(16)), 1),
        0x20..=0x3f => (lowered(registers(19, 2), first & 0x1f), 1),
        0x40..=0x7f => (stored(registers(29, 2), first & 0x3f), 1),
        0x80..=0xbf => (lowered(registers(29, 2), above(first & 0x3f)), 1),
        0xc0..=0xc7 => (Code::Allocate((pair()? & 0x7ff).saturating_mul(16)), 2),
        0xc8..=0xcb => {
            let word = pair()?;
            (stored(from_19((word >> 6) & 15, 2), word & 0x3f), 2)
        }
        0xcc..=0xcf => {
            let word = pair()?;
            (lowered(from_19((word >> 6) & 15, 2), above(word & 0x3f)), 2)
        }
        0xd0..=0xd3 => {
            let word = pair()?;
            (stored(from_19((word >> 6) & 15, 1), word & 0x3f), 2)
        }
        0xd4 | 0xd5 => {
            let word = pair()?;
            (lowered(from_19((word >> 5) & 15, 1), above(word & 0x1f)), 2)
        }
        0xd6 | 0xd7 => {
            let word = pair()?;
            let first = number(((word >> 6) & 7).saturating_mul(2).saturating_add(19));
            (stored(Saved::WithLink(first), word & 0x3f), 2)
        }
        0xd8 | 0xd9 | 0xdc | 0xdd => (stored(Saved::Vector, pair()? & 0x3f), 2),
        0xda | 0xdb => (lowered(Saved::Vector, above(pair()? & 0x3f)), 2),
        0xde => (lowered(Saved::Vector, above(pair()? & 0x1f)), 2),
        0xe0 => {
            let units = (byte(1)? << 16) | (byte(2)? << 8) | byte(3)?;
            (Code::Allocate(units.saturating_mul(16)), 4)
        }
        0xe1 => (Code::SetFrame(0), 1),
        0xe2 => (Code::SetFrame(byte(1)?.saturating_mul(8)), 2),
        0xe6 => (Code::NextPair, 1),
        0xe7 => (any(byte(1)?, byte(2)?), 3),
        0xe9 => (Code::MachineFrame, 1),
        0xea => (Code::Context, 1),
        // Nothing, and the signing of the link.
        0xe3 | 0xfc => (Code::Nothing, 1),
        _ => return Err(damage),
    };
    Ok(code)
}

/// `e7 0pxrrrrr ffoooooo`: a pair or one, the stack pointer lowered or not, the register, its kind, the distance.
fn any(what: u32, where_: u32) -> Code {
    let (is_pair, is_lowered) = (what & 0x40 != 0, what & 0x20 != 0);
    let kind = where_ >> 6;
    let saved = match kind {
        0 => registers(number(what & 0x1f), if is_pair { 2 } else { 1 }),
        _ => Saved::Vector,
    };
    // In units of 8 bytes, or of 16 where two registers or a long one are stored.
    let units = match (is_pair || is_lowered || kind == 2, where_ & 0x3f) {
        (true, distance) => distance.saturating_mul(2),
        (false, distance) => distance,
    };
    if is_lowered {
        lowered(saved, units.saturating_add(2))
    } else {
        stored(saved, units)
    }
}

fn above(units: u32) -> u32 {
    units.saturating_add(1)
}

fn number(value: u32) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

fn registers(first: u8, count: u8) -> Saved {
    Saved::Registers { first, count }
}

fn from_19(distance: u32, count: u8) -> Saved {
    registers(number(distance.saturating_add(19)), count)
}

/// A store at a distance in units of 8 bytes.
fn stored(saved: Saved, units: u32) -> Code {
    Code::Save {
        saved,
        distance: units.saturating_mul(8),
        release: 0,
    }
}

/// A store that lowers the stack pointer first.
fn lowered(saved: Saved, units: u32) -> Code {
    Code::Save {
        saved,
        distance: 0,
        release: units.saturating_mul(8),
    }
}
