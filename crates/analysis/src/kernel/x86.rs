//! The chain of frame pointers of 32-bit x86.
//!
//! Images of this processor have no unwind information, and their debug files are mostly not there; but their functions
//! mostly keep a chain of frame pointers, and Windows' own do. A link of the chain counts if it leads up the stack to
//! where a call may return.

use kdump::{Context, Stack};
use wire::report::Trust;

use super::fault::Fault;
use super::scan::Scanner;
use super::stack::Step;
use crate::unwind::Position;
use crate::walk::Code;

/// Bytes of a register.
const WORD: u64 = 4;

/// The frame pointer at the fault.
pub(super) fn frame_pointer(fault: &Fault<'_>) -> Option<u64> {
    match &fault.context {
        Some(Context::X86(context)) => Some(u64::from(context.ebp)),
        _ => fault.frame_pointer,
    }
}

/// The caller by a frame pointer that is not below `reached`, and its own frame pointer: at a frame pointer is the
/// next one, then the address to return to.
pub(super) fn caller(
    scanner: Scanner<'_>,
    stack: &Stack<'_>,
    frame: u64,
    reached: u64,
) -> Option<(Step, Option<u64>)> {
    if frame < reached || !frame.is_multiple_of(WORD) {
        return None;
    }
    let at = frame.checked_add(WORD)?;
    let address = word(stack, at).filter(|address| scanner.may_return_to(*address))?;
    let step = Step {
        address,
        stack_pointer: at.checked_add(WORD)?,
        position: Position::Return,
        trust: Trust::FramePointer,
    };
    Some((step, word(stack, frame)))
}

fn word(stack: &Stack<'_>, address: u64) -> Option<u64> {
    let offset = usize::try_from(address.checked_sub(stack.base.0)?).ok()?;
    let bytes = stack.bytes.get(offset..)?.first_chunk::<4>()?;
    Some(u64::from(u32::from_le_bytes(*bytes)))
}
