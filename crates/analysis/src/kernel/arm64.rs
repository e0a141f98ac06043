//! The frames of an Arm64 stack.
//!
//! An own loop, because minidump-unwind takes the upper bits off kernel addresses. Unwind information leads where the
//! file of the image is there; elsewhere the chain of frame pointers, which Windows keeps on this processor and
//! which is trusted; where there is neither, the next value on the stack that may be a return address is a guess.

use std::collections::BTreeSet;

use kdump::{Context, Stack};
use wire::report::Trust;

use super::fault::Fault;
use super::scan::Scanner;
use super::stack::{MAX_FRAMES, Step};
use crate::unwind::arm64::{Caller, Registers, caller, unsigned};
use crate::unwind::{Damage, Position, Stop};
use crate::walk::Code;

/// The number of the frame pointer and of the link among the registers.
const FRAME: u8 = 29;
const LINK: u8 = 30;

/// Adds the callers of the registers.
pub(super) fn extend(
    steps: &mut Vec<Step>,
    scanner: Scanner<'_>,
    stack: &Stack<'_>,
    fault: &Fault<'_>,
) -> BTreeSet<(u64, Damage)> {
    let mut walk = Walk {
        scanner,
        stack,
        registers: registers(fault),
        is_entry: false,
        damage: BTreeSet::new(),
    };
    let mut returns = scanner.returns(stack, fault.sp);
    while let Some(last) = steps.last().copied().filter(|_| steps.len() < MAX_FRAMES) {
        if let Some(next) = walk.by_file(last) {
            steps.push(next);
        } else if walk.is_entry {
            break;
        } else if let Some(next) = walk.by_frame_pointer() {
            steps.extend(walk.link(last, next));
            steps.push(next);
            walk.registers.take_link();
        } else if last.trust == Trust::FramePointer || walk.is_outermost(last) {
            break;
        } else {
            let reached = last.stack_pointer;
            let Some((at, address)) = returns.find(|(at, _)| *at >= reached) else {
                break;
            };
            let next = step(address, at.saturating_add(8), Position::Return, Trust::Scan);
            walk.registers = Registers::new(next.address, next.stack_pointer);
            steps.push(next);
        }
    }
    walk.damage
}

/// The registers of the fault.
fn registers(fault: &Fault<'_>) -> Registers {
    let registers = Registers::new(fault.pc, fault.sp);
    let Some(Context::Arm64(context)) = &fault.context else {
        return registers;
    };
    let numbered = (0_u8..).zip(context.x);
    numbered
        .fold(registers, |registers, (number, value)| {
            registers.with(number, Some(value))
        })
        .with(FRAME, Some(context.fp))
        .with(LINK, Some(context.lr))
}

fn step(address: u64, stack_pointer: u64, position: Position, trust: Trust) -> Step {
    Step {
        address,
        stack_pointer,
        position,
        trust,
    }
}

struct Walk<'a> {
    scanner: Scanner<'a>,
    stack: &'a Stack<'a>,
    /// Those of the last step.
    registers: Registers,
    /// Whether a process entered the kernel at the last step.
    is_entry: bool,
    damage: BTreeSet<(u64, Damage)>,
}

impl Walk<'_> {
    /// The caller by the unwind information of the image.
    fn by_file(&mut self, last: Step) -> Option<Step> {
        let hit = self.scanner.modules.at(last.position.inside(last.address))?;
        let base = hit.image.base;
        let image = self.scanner.files.image(base)?;
        let stack = |address| self.word(address);
        match caller(image, base, &self.registers, last.position, &stack) {
            Ok(Caller { registers, position }) if self.scanner.is_known(position.inside(registers.pc)) => {
                self.registers = registers;
                Some(step(registers.pc, registers.sp, position, Trust::Cfi))
            }
            Ok(_) => None,
            Err(stop) => {
                self.is_entry = stop == Stop::UserMode;
                if let Stop::Damaged(damage) = stop {
                    self.damage.insert((base, damage));
                }
                None
            }
        }
    }

    /// The caller by the chain of frame pointers: at each is the next one, then the address to return to.
    fn by_frame_pointer(&mut self) -> Option<Step> {
        let frame = self.registers.frame_pointer()?;
        let address = unsigned(self.word(frame.checked_add(8)?)?);
        let stack_pointer = frame.checked_add(16)?;
        let is_further = stack_pointer > self.registers.sp;
        if !is_further || !self.is_code(address) {
            return None;
        }
        // A chain that does not rise ends with this frame.
        let next = self.word(frame).filter(|next| *next > frame);
        let link = self.registers.link();
        self.registers = Registers::new(address, stack_pointer)
            .with(FRAME, next)
            .with(LINK, link);
        Some(step(
            address,
            stack_pointer,
            Position::Return,
            Trust::FramePointer,
        ))
    }

    /// The link register where it names another caller than the chain: in a function that calls none it is the only
    /// record of it, in others it may be left over from the last call. So it is no better than a scan.
    fn link(&self, last: Step, next: Step) -> Option<Step> {
        let link = unsigned(self.registers.link()?);
        let is_other = last.trust == Trust::Context && link != next.address && self.is_code(link);
        is_other.then(|| step(link, last.stack_pointer, Position::Return, Trust::Scan))
    }

    /// Whether the frame pointer says that there is no caller.
    fn is_outermost(&self, last: Step) -> bool {
        last.trust == Trust::Cfi && self.registers.frame_pointer() == Some(0)
    }

    fn is_code(&self, address: u64) -> bool {
        self.scanner.modules.at(address).is_some()
    }

    fn word(&self, address: u64) -> Option<u64> {
        let offset = usize::try_from(address.checked_sub(self.stack.base.0)?).ok()?;
        let bytes = self.stack.bytes.get(offset..)?.first_chunk::<8>()?;
        Some(u64::from_le_bytes(*bytes))
    }
}
