//! The frames of a 32-bit x86 stack.
//!
//! Images of this processor have no unwind information; their functions mostly keep a chain of frame pointers, and
//! Windows' own do. A link of the chain counts if it leads up the stack to where a call may return.

use kdump::{Context, Stack};
use wire::report::Trust;

use super::fault::Fault;
use super::scan::Scanner;
use super::stack::{MAX_FRAMES, Step};
use crate::unwind::Position;
use crate::walk::Code;

/// Bytes of a register.
const WORD: u64 = 4;

/// Adds the callers of the registers: by the chain, and behind its end by scanning.
pub(super) fn extend(steps: &mut Vec<Step>, scanner: Scanner<'_>, stack: &Stack<'_>, fault: &Fault<'_>) {
    let mut frame_pointer = match &fault.context {
        Some(Context::X86(context)) => Some(u64::from(context.ebp)),
        _ => fault.frame_pointer,
    };
    while let Some(frame) = frame_pointer.filter(|_| steps.len() < MAX_FRAMES) {
        let reached = steps.last().map_or(fault.sp, |step| step.stack_pointer);
        let Some(caller) = caller(scanner, stack, frame, reached) else {
            break;
        };
        steps.push(caller);
        frame_pointer = word(stack, frame);
    }
    let reached = steps.last().map_or(fault.sp, |step| step.stack_pointer);
    let left = MAX_FRAMES.saturating_sub(steps.len());
    let returns = scanner.returns(stack, reached).take(left);
    steps.extend(returns.map(|(at, address)| step(address, at.saturating_add(WORD), Trust::Scan)));
}

/// The caller by the frame pointer: at it is the next one, then the address to return to.
fn caller(scanner: Scanner<'_>, stack: &Stack<'_>, frame: u64, reached: u64) -> Option<Step> {
    if frame < reached || !frame.is_multiple_of(WORD) {
        return None;
    }
    let at = frame.checked_add(WORD)?;
    let address = word(stack, at).filter(|address| scanner.may_return_to(*address))?;
    Some(step(address, at.checked_add(WORD)?, Trust::FramePointer))
}

fn step(address: u64, stack_pointer: u64, trust: Trust) -> Step {
    Step {
        address,
        stack_pointer,
        position: Position::Return,
        trust,
    }
}

fn word(stack: &Stack<'_>, address: u64) -> Option<u64> {
    let offset = usize::try_from(address.checked_sub(stack.base.0)?).ok()?;
    let bytes = stack.bytes.get(offset..)?.first_chunk::<4>()?;
    Some(u64::from(u32::from_le_bytes(*bytes)))
}
