//! `UNWIND_INFO` and its codes.
//!
//! | code | operation | slots |
//! |---|---|---|
//! | 0 | push of a register | 1 |
//! | 1 | allocation, 16 bits × 8 or 32 bits | 2 or 3 |
//! | 2 | allocation, 4 bits × 8 + 8 | 1 |
//! | 3 | frame register set | 1 |
//! | 4, 5 | register saved, 16 bits × 8 or 32 bits | 2, 3 |
//! | 6 | version 2: epilogue; version 1: a vector register saved, of old compilers | 1; 2 |
//! | 7 | version 1: the same, far | 3 |
//! | 8, 9 | vector register saved | 2, 3 |
//! | 10 | machine frame | 1 |

use crate::unwind::bytes::{slice, u8_at, u16_at, u32_at};
use crate::unwind::functions::Function;
use crate::unwind::pe::Pe;
use crate::unwind::{Damage, Stop};

/// The flag of an entry that is a part of another function.
const CHAINED: u8 = 4;

/// The unwind information of one entry; all of its codes are in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Info<'a> {
    pub(super) version: u8,
    pub(super) prologue_bytes: u8,
    pub(super) frame_register: Option<u8>,
    frame_offset: u64,
    is_chained: bool,
    codes: &'a [u8],
    /// What follows the codes and their padding.
    behind: &'a [u8],
}

/// One step of a prologue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code {
    /// Where the instruction behind it begins.
    pub(super) offset: u8,
    pub(super) operation: Operation,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// The register of this number was pushed.
    Push(u8),
    /// The stack grew by this many bytes.
    Allocate(u32),
    /// The frame register was set.
    SetFrame,
    /// A register was stored this far above the frame's base.
    Save { number: u8, distance: u32 },
    /// The processor pushed where it was interrupted.
    MachineFrame { has_error_code: bool },
    /// Something that does not matter to the walk.
    Nothing,
}

impl<'a> Info<'a> {
    pub(super) fn at(image: &'a Pe, rva: u32) -> Result<Info<'a>, Damage> {
        let bytes = image.at(rva).ok_or(Damage::OutsideFile)?;
        let &[head, prologue_bytes, count, frame] = bytes.first_chunk().ok_or(Damage::OutsideFile)?;
        let version = head & 7;
        if !matches!(version, 1 | 2) {
            return Err(Damage::Version(version));
        }
        let slots = usize::from(count);
        // At most 255: neither product is more than 512.
        let (length, padded) = (
            slots.saturating_mul(2),
            slots.next_multiple_of(2).saturating_mul(2),
        );
        let codes = slice(bytes, 4, length).ok_or(Damage::OutsideFile)?;
        let behind = bytes.get(padded.saturating_add(4)..).unwrap_or_default();
        let register = frame & 15;
        Ok(Info {
            version,
            prologue_bytes,
            frame_register: (register != 0).then_some(register),
            frame_offset: u64::from(frame >> 4).saturating_mul(16),
            is_chained: (head >> 3) & CHAINED != 0,
            codes,
            behind,
        })
    }

    /// The function that this is a part of, if it is one.
    pub(super) fn part_of(&self) -> Option<Result<Function, Damage>> {
        self.is_chained
            .then(|| Function::of_x64(self.behind).ok_or(Damage::OutsideFile))
    }

    /// The base of the frame from the value of the frame register.
    pub(super) fn frame_base(&self, register: u64) -> Result<u64, Stop> {
        register.checked_sub(self.frame_offset).ok_or(Stop::NoProgress)
    }

    /// Whether a code sets the frame register at an offset that `is_done`.
    pub(super) fn sets_frame(&self, is_done: impl Fn(u8) -> bool) -> bool {
        let mut codes = self.codes().map_while(Result::ok);
        codes.any(|code| code.operation == Operation::SetFrame && is_done(code.offset))
    }

    /// The steps of the prologue, the last one first.
    pub(super) fn codes(&self) -> impl Iterator<Item = Result<Code, Damage>> + use<'a> {
        let (mut rest, version) = (self.codes, self.version);
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            match code(rest, version) {
                Ok((code, slots)) => {
                    rest = rest.get(slots.saturating_mul(2)..).unwrap_or_default();
                    Some(Ok(code))
                }
                Err(damage) => {
                    rest = &[];
                    Some(Err(damage))
                }
            }
        })
    }

    /// Version 2: the epilogues as pairs of their length and the distance of their beginning from the function's end.
    pub(super) fn epilogues(&self) -> impl Iterator<Item = (u32, u32)> + use<'a> {
        const EPILOGUE: u8 = 6;
        let codes = if self.version == 2 { self.codes } else { &[] };
        let mut codes = codes.chunks_exact(2).map_while(|code| {
            let (low, high) = (u8_at(code, 0)?, u8_at(code, 1)?);
            (high & 15 == EPILOGUE).then_some((u32::from(low), u32::from(high >> 4)))
        });
        let first = codes.next();
        let length = first.map_or(0, |(length, _)| length);
        // The first one gives the length of all, and whether one of them is at the end.
        let at_end = first.filter(|(_, flags)| flags & 1 != 0).map(|_| length);
        let others = codes
            .map(|(low, high)| low | (high << 8))
            .filter(|distance| *distance != 0);
        at_end
            .into_iter()
            .chain(others)
            .map(move |distance| (length, distance))
    }
}

/// The first of `codes` and how many slots it takes.
fn code(codes: &[u8], version: u8) -> Result<(Code, usize), Damage> {
    let what = u8_at(codes, 1).unwrap_or_default();
    let (operation, operand) = (what & 15, what >> 4);
    let damage = Damage::Code(operation);
    let near = || u16_at(codes, 2).map(u32::from).ok_or(damage);
    let far = || u32_at(codes, 2).ok_or(damage);
    let (operation, slots) = match (operation, operand) {
        (0, number) => (Operation::Push(number), 1),
        (1, 0) => (Operation::Allocate(near()?.saturating_mul(8)), 2),
        (1, 1) => (Operation::Allocate(far()?), 3),
        (2, eighths) => (
            Operation::Allocate(u32::from(eighths).saturating_mul(8).saturating_add(8)),
            1,
        ),
        (3, _) => (Operation::SetFrame, 1),
        (4, number) => {
            let distance = near()?.saturating_mul(8);
            (Operation::Save { number, distance }, 2)
        }
        (5, number) => {
            let distance = far()?;
            (Operation::Save { number, distance }, 3)
        }
        (6, _) if version == 2 => (Operation::Nothing, 1),
        (6 | 8, _) => (near().map(|_| Operation::Nothing)?, 2),
        (7, _) if version == 2 => return Err(damage),
        (7 | 9, _) => (far().map(|_| Operation::Nothing)?, 3),
        (10, 0 | 1) => {
            let has_error_code = operand == 1;
            (Operation::MachineFrame { has_error_code }, 1)
        }
        _ => return Err(damage),
    };
    let offset = u8_at(codes, 0).unwrap_or_default();
    Ok((Code { offset, operation }, slots))
}
