//! x64: what a prologue did is written down, and undone.
//!
//! ```text
//! UNWIND_INFO   version 3 bits, flags 5 bits │ prologue bytes │ code count │ frame register 4 bits, its offset / 16
//!               codes, 2 bytes each: offset behind the instruction │ operation 4 bits, operand 4 bits; later first
//!               with flag 4: the function this one is a part of, 12 bytes; the codes are padded to an even count
//!
//! 04 02 00 04 …    sub rsp, 0x38 is code 0x62 (operation 2, operand 6: 6 × 8 + 8 bytes), done behind offset 4
//! ```
//!
//! An address in a prologue has done only the codes whose offset it has passed. An address in an epilogue has undone
//! some of them; there the instructions themselves are followed to the return ([`epilogue`]). A function that is not
//! listed calls nothing and has its return address on top of the stack.

mod epilogue;
mod info;

use info::{Info, Operation};

use super::functions::Function;
use super::pe::Pe;
use super::{Damage, Position, Stack, Stop, enters_kernel};

/// Parts of one function that are chained, at most. Compilers make one or two.
const MAX_CHAIN: usize = 32;
/// The position of the stack pointer among the registers.
const RSP: u8 = 4;
/// The names of the registers, in the order of the instruction encoding.
pub(crate) const NAMES: [&str; 16] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
    "r15",
];
/// Those that a function gives back as it found them: rbx, rbp, rsi, rdi, r12 to r15, and rsp.
const KEPT: [bool; 16] = [
    false, false, false, true, true, true, true, true, false, false, false, false, true, true, true, true,
];

/// The registers that matter; the others are never known behind a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Registers {
    /// The instruction.
    pub(crate) rip: u64,
    general: [Option<u64>; 16],
}

impl Registers {
    /// Only these two are known.
    pub(crate) fn new(rip: u64, rsp: u64) -> Registers {
        let mut registers = Registers {
            rip,
            general: [None; 16],
        };
        registers.set(RSP, Some(rsp));
        registers
    }

    /// Adds a register by its name, unless there is none of it.
    pub(crate) fn with(mut self, name: &str, value: Option<u64>) -> Registers {
        let names = NAMES.iter().zip(&mut self.general);
        for (_, register) in names.filter(|(known, _)| **known == name) {
            *register = value;
        }
        self
    }

    /// The registers that are known, with their names.
    pub(crate) fn known(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        NAMES
            .into_iter()
            .zip(self.general)
            .filter_map(|(name, value)| Some((name, value?)))
    }

    /// The stack pointer.
    pub(crate) fn rsp(&self) -> Option<u64> {
        self.get(RSP)
    }

    fn get(&self, number: u8) -> Option<u64> {
        *self.general.get(usize::from(number))?
    }

    fn set(&mut self, number: u8, value: Option<u64>) {
        if let Some(register) = self.general.get_mut(usize::from(number)) {
            *register = value;
        }
    }

    /// Takes the top word off the stack; the word is nothing where the dump has none.
    fn pop(&mut self, stack: &Stack<'_>) -> Result<Option<u64>, Stop> {
        let rsp = self.rsp().ok_or(Stop::Unknown)?;
        self.grow(8)?;
        Ok(stack(rsp))
    }

    fn grow(&mut self, bytes: u64) -> Result<(), Stop> {
        let rsp = self.rsp().ok_or(Stop::Unknown)?;
        self.set(RSP, Some(rsp.checked_add(bytes).ok_or(Stop::NoProgress)?));
        Ok(())
    }

    /// Takes the return address off the stack.
    fn leave(mut self, stack: &Stack<'_>) -> Result<Caller, Stop> {
        self.rip = self.pop(stack)?.ok_or(Stop::Unknown)?;
        Ok(Caller {
            registers: self,
            position: Position::Return,
        })
    }
}

/// The function that called, or that was interrupted.
pub(crate) type Caller = super::Caller<Registers>;

/// The caller of the function that `registers` are in; `base` is where the image lies in memory.
///
/// # Errors
///
/// [`Stop`] when there is none or it cannot be told.
pub(crate) fn caller(
    image: &Pe,
    base: u64,
    registers: &Registers,
    position: Position,
    stack: &Stack<'_>,
) -> Result<Caller, Stop> {
    let before = registers.rsp().ok_or(Stop::Unknown)?;
    let rva = |address: u64| u32::try_from(address.checked_sub(base)?).ok();
    let at = rva(registers.rip).ok_or(Stop::NoFunction)?;
    let inside = rva(position.inside(registers.rip)).ok_or(Stop::NoFunction)?;
    let mut caller = match image.function(inside) {
        Some(function) => of_function(image, function, Place { at, position }, *registers, stack)?,
        // What returns here has called, so it is no leaf.
        None if position == Position::Exact && image.is_executable(inside) => registers.leave(stack)?,
        None => return Err(Stop::NoFunction),
    };
    for (kept, register) in KEPT.iter().zip(&mut caller.registers.general) {
        if !kept {
            *register = None;
        }
    }
    if caller.position == Position::Exact && enters_kernel(registers.rip, caller.registers.rip) {
        return Err(Stop::UserMode);
    }
    let after = caller.registers.rsp().ok_or(Stop::Unknown)?;
    if after <= before || after % 8 != 0 {
        return Err(Stop::NoProgress);
    }
    Ok(caller)
}

/// The address in a function.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: u32,
    position: Position,
}

fn of_function(
    image: &Pe,
    function: Function,
    place: Place,
    mut registers: Registers,
    stack: &Stack<'_>,
) -> Result<Caller, Stop> {
    let (function, mut info) = direct(image, function)?;
    // Behind a call nothing of an epilogue has run yet, so that undoing all of the prologue is right.
    if place.position == Position::Exact
        && let Some(effects) = epilogue::at(image, function, &info, place.at)
    {
        return epilogue::finish(&effects, registers, stack);
    }
    let done = match place.at.checked_sub(function.begin) {
        Some(offset) if place.at <= function.end => Done::To(offset),
        _ => Done::All,
    };
    let mut frame = Frame::of(&info, done, &registers)?;
    if undo(&info, done, frame, &mut registers, stack)? {
        return Ok(Caller {
            registers,
            position: Position::Exact,
        });
    }
    for _ in 0..MAX_CHAIN {
        let Some(part_of) = info.part_of() else {
            return registers.leave(stack);
        };
        info = direct(image, part_of?)?.1;
        if frame.register.is_none() {
            frame = Frame::of(&info, Done::All, &registers)?;
        }
        if undo(&info, Done::All, frame, &mut registers, stack)? {
            return Ok(Caller {
                registers,
                position: Position::Exact,
            });
        }
    }
    Err(Damage::EndlessChain.into())
}

/// The entry that an entry leads to, and its unwind information: with the lowest bit set it is the address of
/// another entry.
fn direct(image: &Pe, mut function: Function) -> Result<(Function, Info<'_>), Stop> {
    for _ in 0..MAX_CHAIN {
        if function.unwind & 1 == 0 {
            return Ok((function, Info::at(image, function.unwind)?));
        }
        let entry = image.at(function.unwind & !1).and_then(Function::of_x64);
        function = entry.ok_or(Damage::OutsideFile)?;
    }
    Err(Damage::EndlessChain.into())
}

/// How much of a prologue has run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    All,
    To(u32),
}

impl Done {
    fn includes(self, offset: u8) -> bool {
        match self {
            Done::All => true,
            Done::To(reached) => reached >= u32::from(offset),
        }
    }
}

/// What saved registers are addressed from.
#[derive(Debug, Clone, Copy)]
struct Frame {
    base: u64,
    register: Option<u8>,
}

impl Frame {
    fn of(info: &Info<'_>, done: Done, registers: &Registers) -> Result<Frame, Stop> {
        let is_set = info.frame_register.is_some_and(|_| {
            done.includes(info.prologue_bytes) || info.sets_frame(|offset| done.includes(offset))
        });
        let register = info.frame_register.filter(|_| is_set);
        let base = match register {
            Some(number) => info.frame_base(registers.get(number).ok_or(Stop::Unknown)?)?,
            None => registers.rsp().ok_or(Stop::Unknown)?,
        };
        Ok(Frame { base, register })
    }
}

/// Undoes a prologue as far as it was done; says whether it ended in a machine frame, behind which the interrupted
/// function follows.
fn undo(
    info: &Info<'_>,
    done: Done,
    frame: Frame,
    registers: &mut Registers,
    stack: &Stack<'_>,
) -> Result<bool, Stop> {
    for code in info.codes() {
        let code = code?;
        if !done.includes(code.offset) {
            continue;
        }
        match code.operation {
            Operation::Push(number) => {
                let value = registers.pop(stack)?;
                registers.set(number, value);
            }
            Operation::Allocate(bytes) => registers.grow(u64::from(bytes))?,
            Operation::SetFrame => {
                let number = info.frame_register.ok_or(Damage::Code(3))?;
                let value = registers.get(number).ok_or(Stop::Unknown)?;
                registers.set(RSP, Some(info.frame_base(value)?));
            }
            Operation::Save { number, distance } => {
                let at = frame.base.checked_add(u64::from(distance));
                registers.set(number, at.and_then(stack));
            }
            Operation::MachineFrame { has_error_code } => {
                if has_error_code {
                    registers.grow(8)?;
                }
                let frame_at = registers.rsp().ok_or(Stop::Unknown)?;
                let word = |distance| stack(frame_at.checked_add(distance)?);
                registers.rip = word(0).ok_or(Stop::Unknown)?;
                registers.set(RSP, Some(word(24).ok_or(Stop::Unknown)?));
                return Ok(true);
            }
            Operation::Nothing => {}
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
