//! Arm64: every instruction of a prologue is one code, and undone by it.
//!
//! ```text
//! entry     begin, then 32 bits: 0 in the lowest two is the RVA of a full description, 1 and 2 are packed ones
//! packed    length / 4: 11 bits at 2 │ saved d: 3 at 13 │ saved x: 4 at 16 │ homes: 1 at 20 │ frame: 2 at 21 │
//!           stack / 16: 9 at 23
//! full      length / 4: 18 bits │ version 2 │ handler 1 │ one epilogue 1 │ epilogues 5 │ code words 5;
//!           if the last two are 0, a second word with 16 and 8 bits; a word for each epilogue; the codes
//! ```
//!
//! A return address is in the link register until a prologue has saved it, so a function that has called has grown
//! its stack. Kernel addresses may be signed; the signature is taken off.

mod codes;
mod packed;

use codes::{Code, Saved};

use super::bytes::{slice, u32_at, usize_of};
use super::functions::Function;
use super::pe::Pe;
use super::{Damage, Position, Stack, Stop, enters_kernel};

/// Where the frame pointer and the link are among the registers.
const FRAME: u8 = 29;
const LINK: u8 = 30;
/// The registers that a function gives back as it found them.
const KEPT: std::ops::RangeInclusive<usize> = 19..=29;

/// The registers that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Registers {
    /// The instruction.
    pub(crate) pc: u64,
    /// The stack pointer.
    pub(crate) sp: u64,
    x: [Option<u64>; 31],
}

impl Registers {
    /// Only these two are known.
    pub(crate) fn new(pc: u64, sp: u64) -> Registers {
        Registers {
            pc,
            sp,
            x: [None; 31],
        }
    }

    /// Adds `x0` to `x28`, the frame pointer (29) or the link (30).
    pub(crate) fn with(mut self, number: u8, value: Option<u64>) -> Registers {
        self.set(number, value);
        self
    }

    /// The frame pointer.
    pub(crate) fn frame_pointer(&self) -> Option<u64> {
        self.get(FRAME)
    }

    /// The link.
    pub(crate) fn link(&self) -> Option<u64> {
        self.get(LINK)
    }

    /// Forgets the link, which only the innermost function has.
    pub(crate) fn take_link(&mut self) {
        self.set(LINK, None);
    }

    /// A register by its number.
    pub(crate) fn get(&self, number: u8) -> Option<u64> {
        *self.x.get(usize::from(number))?
    }

    fn set(&mut self, number: u8, value: Option<u64>) {
        if let Some(register) = self.x.get_mut(usize::from(number)) {
            *register = value;
        }
    }

    fn grow(&mut self, bytes: u32) -> Result<(), Stop> {
        self.sp = self.sp.checked_add(u64::from(bytes)).ok_or(Stop::NoProgress)?;
        Ok(())
    }

    /// Goes where the link leads.
    fn leave(&self) -> Result<Caller, Stop> {
        let mut registers = *self;
        registers.pc = unsigned(self.link().ok_or(Stop::Unknown)?);
        registers.set(LINK, None);
        Ok(Caller {
            registers,
            position: Position::Return,
        })
    }
}

/// The function that called, or that was interrupted.
pub(crate) type Caller = super::Caller<Registers>;

/// A kernel address without a pointer authentication code: all of its upper bits are set.
pub(crate) fn unsigned(address: u64) -> u64 {
    const KERNEL: u64 = 1 << 55;
    const UPPER: u64 = 0xffff << 48;
    if address & KERNEL == 0 {
        address
    } else {
        address | UPPER
    }
}

/// How many bytes of code an entry of the function list stands for.
pub(super) fn length(image: &Pe, unwind: u32) -> Option<u32> {
    let words = match unwind & 3 {
        0 => u32_at(image.at(unwind)?, 0)? & 0x3_ffff,
        1 | 2 => (unwind >> 2) & 0x7ff,
        _ => return None,
    };
    words.checked_mul(4)
}

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
    let rva = |address: u64| u32::try_from(address.checked_sub(base)?).ok();
    let inside = rva(position.inside(registers.pc)).ok_or(Stop::NoFunction)?;
    let mut caller = match image.function(inside) {
        Some(function) => undo(&to_undo(image, function, inside, position)?, registers, stack)?,
        // What returns here has called, so it is no leaf.
        None if position == Position::Exact && image.is_executable(inside) => registers.leave()?,
        None => return Err(Stop::NoFunction),
    };
    if caller.position == Position::Exact && enters_kernel(registers.pc, caller.registers.pc) {
        return Err(Stop::UserMode);
    }
    let was = registers.sp;
    let is_further = caller.registers.sp > was || position == Position::Exact && caller.registers.sp == was;
    if !is_further || !caller.registers.sp.is_multiple_of(16) {
        return Err(Stop::NoProgress);
    }
    for (number, register) in caller.registers.x.iter_mut().enumerate() {
        if !KEPT.contains(&number) {
            *register = None;
        }
    }
    Ok(caller)
}

/// What is to be undone of a function at an address in it.
fn to_undo(image: &Pe, function: Function, at: u32, position: Position) -> Result<Vec<Code>, Damage> {
    let description = match function.unwind & 3 {
        0 => full(image, function.unwind)?,
        1 | 2 => packed::description(function.unwind),
        _ => return Err(Damage::Version(3)),
    };
    if position == Position::Return {
        return Ok(description.prologue);
    }
    // One code is one instruction.
    let instructions = |bytes: u32| bytes.checked_div(4).map_or(0, usize_of);
    let offset = instructions(at.saturating_sub(function.begin));
    let all = instructions(function.end.saturating_sub(function.begin));
    Ok(description.left(offset, all).to_vec())
}

/// What is known of a function.
#[derive(Debug, Default)]
struct Description {
    /// The codes of the prologue, the last instruction first.
    prologue: Vec<Code>,
    /// How many of them are this part's own instructions.
    own: usize,
    epilogues: Vec<Epilogue>,
}

#[derive(Debug)]
struct Epilogue {
    /// The instruction it begins at; nothing if it is at the function's end.
    begin: Option<usize>,
    /// The codes in the order of the instructions, without the return.
    codes: Vec<Code>,
    /// How many instructions they are.
    own: usize,
}

impl Description {
    /// What is left to undo at an instruction of a function of this many.
    fn left(&self, offset: usize, words: usize) -> &[Code] {
        if let Some(missing) = self.own.checked_sub(offset) {
            return self.prologue.get(missing..).unwrap_or_default();
        }
        let in_epilogue = self.epilogues.iter().find_map(|epilogue| {
            // The return is an instruction without a code.
            let length = epilogue.own.saturating_add(1);
            let begin = epilogue.begin.unwrap_or(words.saturating_sub(length));
            let done = offset.checked_sub(begin).filter(|done| *done < length)?;
            epilogue.codes.get(done..)
        });
        in_epilogue.unwrap_or(&self.prologue)
    }
}

/// A full description.
fn full(image: &Pe, rva: u32) -> Result<Description, Damage> {
    let bytes = image.at(rva).ok_or(Damage::OutsideFile)?;
    let word = |index: usize| u32_at(bytes, index.saturating_mul(4)).ok_or(Damage::OutsideFile);
    let head = word(0)?;
    let version = (head >> 18) & 3;
    if version != 0 {
        return Err(Damage::Version(u8::try_from(version).unwrap_or(u8::MAX)));
    }
    let has_one = head & (1 << 21) != 0;
    let (mut epilogues, mut code_words) = (usize_of((head >> 22) & 0x1f), usize_of(head >> 27));
    let mut at = 1_usize;
    if epilogues == 0 && code_words == 0 {
        let more = word(1)?;
        (epilogues, code_words) = (usize_of(more & 0xffff), usize_of((more >> 16) & 0xff));
        at = 2;
    }
    let scopes = if has_one { 0 } else { epilogues };
    let codes_at = at.saturating_add(scopes).saturating_mul(4);
    let codes = slice(bytes, codes_at, code_words.saturating_mul(4)).ok_or(Damage::OutsideFile)?;
    let (prologue, own) = codes::read(codes)?;
    let epilogue = |begin: Option<usize>, index: usize| {
        let (codes, own) = codes::read(codes.get(index..).ok_or(Damage::OutsideFile)?)?;
        Ok(Epilogue { begin, codes, own })
    };
    let epilogues = if has_one {
        vec![epilogue(None, epilogues)?]
    } else {
        // The scopes lie before the codes, which are there, so there are no more than the file holds.
        let scopes = slice(bytes, at.saturating_mul(4), scopes.saturating_mul(4));
        let scopes = scopes.unwrap_or_default().chunks_exact(4).take(MAX_EPILOGUES);
        let scopes = scopes.filter_map(|scope| u32_at(scope, 0));
        let epilogues = scopes.map(|scope| epilogue(Some(usize_of(scope & 0x3_ffff)), usize_of(scope >> 22)));
        epilogues.collect::<Result<_, Damage>>()?
    };
    Ok(Description {
        prologue,
        own,
        epilogues,
    })
}

/// Most epilogues of one function that are looked at: each may repeat all codes.
const MAX_EPILOGUES: usize = 256;

/// Undoes codes in their order and returns.
fn undo(codes: &[Code], registers: &Registers, stack: &Stack<'_>) -> Result<Caller, Stop> {
    let mut registers = *registers;
    let mut next_pairs = 0_u8;
    for code in codes {
        match *code {
            Code::Allocate(bytes) => registers.grow(bytes)?,
            Code::SetFrame(above) => {
                let frame = registers.frame_pointer().ok_or(Stop::Unknown)?;
                registers.sp = frame.checked_sub(u64::from(above)).ok_or(Stop::NoProgress)?;
            }
            Code::NextPair => next_pairs = next_pairs.saturating_add(1),
            Code::Save {
                saved,
                distance,
                release,
            } => {
                load(&mut registers, saved, distance, next_pairs, stack);
                next_pairs = 0;
                registers.grow(release)?;
            }
            Code::MachineFrame => return interrupted(&registers, 0, 8, stack),
            Code::Context => {
                for number in 19..=LINK {
                    let at = registers
                        .sp
                        .checked_add(u64::from(number).saturating_mul(8).saturating_add(8));
                    registers.set(number, at.and_then(stack));
                }
                return interrupted(&registers, 0x100, 0x108, stack);
            }
            Code::Nothing => {}
        }
    }
    registers.leave()
}

/// Where the processor was interrupted, by the stack pointer and the instruction that were saved.
fn interrupted(registers: &Registers, sp: u64, pc: u64, stack: &Stack<'_>) -> Result<Caller, Stop> {
    let word = |distance| {
        stack(registers.sp.checked_add(distance)?)
            .ok_or(Stop::Unknown)
            .ok()
    };
    let mut registers = *registers;
    let (sp, pc) = (word(sp), word(pc));
    registers.sp = sp.ok_or(Stop::Unknown)?;
    registers.pc = unsigned(pc.ok_or(Stop::Unknown)?);
    Ok(Caller {
        registers,
        position: Position::Exact,
    })
}

/// Loads what a store saved at a distance from the stack pointer.
fn load(registers: &mut Registers, saved: Saved, distance: u32, next_pairs: u8, stack: &Stack<'_>) {
    let base = registers.sp.checked_add(u64::from(distance));
    let word = |index: u8| stack(base?.checked_add(u64::from(index).saturating_mul(8))?);
    match saved {
        Saved::Registers { first, count } => {
            let count = count.saturating_add(next_pairs.saturating_mul(2));
            for index in 0..count {
                registers.set(first.saturating_add(index), word(index));
            }
        }
        Saved::WithLink(first) => {
            registers.set(first, word(0));
            registers.set(LINK, word(1));
        }
        Saved::Vector => {}
    }
}

#[cfg(test)]
mod tests;
