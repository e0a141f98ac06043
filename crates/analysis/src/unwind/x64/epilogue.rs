//! Epilogues: told by their instructions, or by the codes of version 2, and followed to the return.
//!
//! ```text
//! add rsp, n  |  lea rsp, [frame register + n]     at most one
//! pop r                                            any number
//! ret  |  jmp out of the function                  the end
//! ```
//!
//! Windows allows no other form, so an address from which the code reads like this is in an epilogue. The codes of
//! version 2 say where epilogues are; then the end may be any instruction.

use super::info::Info;
use super::{Caller, RSP, Registers, Stack, direct};
use crate::unwind::Stop;
use crate::unwind::bytes::{u8_at, u32_at};
use crate::unwind::functions::Function;
use crate::unwind::pe::Pe;

/// More instructions than an epilogue can have: one adjustment and a pop of every register.
const MAX_INSTRUCTIONS: usize = 20;
/// Parts of a function that are followed to the whole.
const MAX_CHAIN: usize = 32;

/// What is left of an epilogue before its return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// The stack pointer rises.
    Add(i32),
    /// The stack pointer becomes a register and a distance.
    Set(u8, i32),
    /// A register is popped.
    Pop(u8),
}

/// One instruction, as far as epilogues have it.
enum Instruction {
    Step(Effect, usize),
    Return,
    /// A jump this far from the instruction's beginning.
    Jump(i64),
    JumpThroughMemory,
    Other,
}

/// What is left to be done, if `at` is in an epilogue of `function`.
pub(super) fn at(image: &Pe, function: Function, info: &Info<'_>, at: u32) -> Option<Vec<Effect>> {
    let is_told = info.version == 2;
    let is_inside = || {
        info.epilogues().any(|(length, distance)| {
            let begin = function.end.checked_sub(distance);
            begin
                .and_then(|begin| at.checked_sub(begin))
                .is_some_and(|offset| offset < length)
        })
    };
    if is_told && !is_inside() {
        return None;
    }
    let mut rest = image.at(at)?;
    let mut position = at;
    let mut effects = Vec::new();
    for _ in 0..MAX_INSTRUCTIONS {
        match instruction(rest, info.frame_register) {
            Instruction::Step(Effect::Add(_) | Effect::Set(..), _) if !effects.is_empty() => return None,
            Instruction::Step(effect, length) => {
                effects.push(effect);
                rest = rest.get(length..)?;
                position = position.checked_add(u32::try_from(length).ok()?)?;
            }
            Instruction::Return | Instruction::JumpThroughMemory => return Some(effects),
            Instruction::Jump(distance) => {
                let target = u32::try_from(i64::from(position).checked_add(distance)?).ok();
                return (is_told || leaves(image, function, target)).then_some(effects);
            }
            Instruction::Other => return is_told.then_some(effects),
        }
    }
    None
}

/// Does what is left and returns.
pub(super) fn finish(
    effects: &[Effect],
    mut registers: Registers,
    stack: &Stack<'_>,
) -> Result<Caller, Stop> {
    for effect in effects {
        match *effect {
            Effect::Add(bytes) => registers.grow(u64::try_from(bytes).map_err(|_| Stop::NoProgress)?)?,
            Effect::Set(number, distance) => {
                let value = registers.get(number).ok_or(Stop::Unknown)?;
                let rsp = value.checked_add_signed(i64::from(distance));
                registers.set(RSP, Some(rsp.ok_or(Stop::NoProgress)?));
            }
            Effect::Pop(number) => {
                let value = registers.pop(stack)?;
                registers.set(number, value);
            }
        }
    }
    registers.leave(stack)
}

/// Whether a jump to `target` ends `function`: it leads neither into it nor into another part of the same one.
fn leaves(image: &Pe, function: Function, target: Option<u32>) -> bool {
    // A jump out of the image ends it as well.
    let Some(target) = target else { return true };
    if target == function.begin {
        return whole(image, function) == Some(function.begin);
    }
    if function.contains(target) {
        return false;
    }
    let Some(other) = image.function(target) else {
        return true;
    };
    match (whole(image, function), whole(image, other)) {
        (Some(ours), Some(theirs)) => ours != theirs,
        _ => false,
    }
}

/// Where the function begins that `function` is, or is a part of.
fn whole(image: &Pe, mut function: Function) -> Option<u32> {
    for _ in 0..MAX_CHAIN {
        let (part, info) = direct(image, function).ok()?;
        match info.part_of() {
            None => return Some(part.begin),
            Some(next) => function = next.ok()?,
        }
    }
    None
}

/// The instruction that `code` begins with.
fn instruction(code: &[u8], frame_register: Option<u8>) -> Instruction {
    let byte = |index| u8_at(code, index).unwrap_or_default();
    let signed_byte = |index| u8_at(code, index).map(|byte| i32::from(byte.cast_signed()));
    let signed = |index| u32_at(code, index).map(u32::cast_signed);
    let step = |effect: Option<Effect>, length| {
        effect.map_or(Instruction::Other, |effect| Instruction::Step(effect, length))
    };
    let jump = |distance: Option<i32>, length: i64| {
        let target = distance.and_then(|distance| i64::from(distance).checked_add(length));
        target.map_or(Instruction::Other, Instruction::Jump)
    };
    match [byte(0), byte(1), byte(2)] {
        [0x48, 0x83, 0xc4] => step(signed_byte(3).map(Effect::Add), 4),
        [0x48, 0x81, 0xc4] => step(signed(3).map(Effect::Add), 7),
        [prefix @ (0x48 | 0x49), 0x8d, mode] => lea(prefix, mode, frame_register, signed_byte(3), signed(3)),
        [pop @ 0x58..=0x5f, ..] => step(Some(Effect::Pop(pop & 7)), 1),
        [0x41, pop @ 0x58..=0x5f, _] => step(Some(Effect::Pop((pop & 7) | 8)), 2),
        [0xc3 | 0xc2, ..] | [0xf3, 0xc3, _] => Instruction::Return,
        [0xeb, ..] => jump(signed_byte(1), 2),
        [0xe9, ..] => jump(signed(1), 5),
        [0xff, 0x25, _] => Instruction::JumpThroughMemory,
        // With the prefix that compilers put before a jump that ends a function.
        [0x48..=0x4f, 0xff, mode] if (mode >> 3) & 7 == 4 => Instruction::JumpThroughMemory,
        _ => Instruction::Other,
    }
}

/// `lea rsp, [frame register + distance]`.
fn lea(prefix: u8, mode: u8, frame_register: Option<u8>, near: Option<i32>, far: Option<i32>) -> Instruction {
    let number = (mode & 7) | ((prefix & 1) << 3);
    let is_into_rsp = (mode >> 3) & 7 == RSP && Some(number) == frame_register;
    let (distance, length) = match mode >> 6 {
        // These two would need another byte or mean something else.
        0 if !matches!(mode & 7, 4 | 5) => (Some(0), 3),
        1 => (near, 4),
        2 => (far, 7),
        _ => (None, 0),
    };
    match distance.filter(|_| is_into_rsp) {
        Some(distance) => Instruction::Step(Effect::Set(number, distance), length),
        None => Instruction::Other,
    }
}
