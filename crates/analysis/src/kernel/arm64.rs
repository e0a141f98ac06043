//! The frames of an Arm64 stack.
//!
//! An own loop, because minidump-unwind takes the upper bits off kernel addresses. Windows keeps a chain of frame
//! pointers on this processor, which is trusted.

use std::collections::BTreeSet;

use kdump::{Arm64Context, Context, Stack};
use wire::report::Trust;

use super::fault::Fault;
use super::scan::Scanner;
use super::stack::{MAX_FRAMES, Step, unsigned};
use crate::unwind::{Damage, Position};

/// Adds the callers of the registers.
pub(super) fn extend(
    steps: &mut Vec<Step>,
    scanner: Scanner<'_>,
    stack: &Stack<'_>,
    fault: &Fault<'_>,
) -> BTreeSet<(u64, Damage)> {
    let chain = match &fault.context {
        Some(Context::Arm64(context)) => chain(scanner, stack, context),
        _ => Vec::new(),
    };
    if chain.is_empty() {
        let returns = scanner.returns(stack, fault.sp).take(MAX_FRAMES);
        steps.extend(returns.map(|(at, address)| step(address, at.saturating_add(8), Trust::Scan)));
    } else {
        steps.extend(chain);
    }
    BTreeSet::new()
}

fn step(address: u64, stack_pointer: u64, trust: Trust) -> Step {
    Step {
        address,
        stack_pointer,
        position: Position::Return,
        trust,
    }
}

/// The return addresses of a chain of frame pointers: at each is the next frame pointer, then the link.
///
/// The link register comes first where it names another caller: in a function that calls none it is the only record of
/// it, in others it may be left over from the last call. So it is no better than a scan.
fn chain(scanner: Scanner<'_>, stack: &Stack<'_>, context: &Arm64Context<'_>) -> Vec<Step> {
    let word = |address: u64| {
        let offset = usize::try_from(address.checked_sub(stack.base.0)?).ok()?;
        let bytes = stack.bytes.get(offset..)?.first_chunk::<8>()?;
        Some(u64::from_le_bytes(*bytes))
    };
    let is_code = |address: &u64| scanner.modules.at(*address).is_some();
    let mut chain = Vec::new();
    let mut frame_pointer = context.fp;
    while chain.len() < MAX_FRAMES {
        let return_address = frame_pointer.checked_add(8).and_then(word).map(unsigned);
        let Some(address) = return_address.filter(is_code) else {
            break;
        };
        chain.push(step(
            address,
            frame_pointer.saturating_add(16),
            Trust::FramePointer,
        ));
        match word(frame_pointer) {
            Some(next) if next > frame_pointer => frame_pointer = next,
            _ => break,
        }
    }
    let link = unsigned(context.lr);
    if is_code(&link) && chain.first().is_some_and(|first| first.address != link) {
        chain.insert(0, step(link, context.sp, Trust::Scan));
    }
    chain
}
