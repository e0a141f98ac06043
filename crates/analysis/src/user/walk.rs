//! Walking the stacks of a process with minidump-unwind, within bounds.
//!
//! `walk_stack` has no limit of its own, and a stack that an attacker wrote has a frame every eight bytes. So it is
//! held in three ways: it sees at most 256 KiB of the crashing thread's stack and less of the others'; after a budget
//! of frames the symbol provider answers with a future that never ends, and the walk is dropped there with the frames
//! it has; and all threads together share a budget, because frames outside any module are not asked about.

use minidump::system_info::PointerWidth;
use minidump::{Endian, MinidumpMemory, UnifiedMemory};
use minidump_processor::ProcessState;
use minidump_unwind::{CallStack, StackFrame, walk_stack};

use super::files::Files;
use super::memory::Memory;
use super::provider::Symbols;
use crate::walk::poll_to_end;

/// Most frames of the crashing thread.
pub(super) const MAX_CRASHED_FRAMES: usize = 256;
/// Most frames of every other thread.
pub(super) const MAX_OTHER_FRAMES: usize = 32;
/// Most bytes of the crashing thread's stack.
const MAX_CRASHED_BYTES: u64 = 256 * 1024;
/// Most bytes of every other thread's stack.
const MAX_OTHER_BYTES: u64 = 8 * 1024;
/// Frames of all threads together after which the rest keep only their first.
const MAX_FRAMES_IN_ALL: usize = 40_000;

/// The walked stacks, one a thread, in the order of the threads.
pub(super) fn all(state: &ProcessState, memory: &Memory<'_>, files: &Files) -> Vec<Vec<StackFrame>> {
    let mut stacks = vec![Vec::new(); state.threads.len()];
    let mut walked = 0;
    let crashed = state.requesting_thread;
    let others = (0..state.threads.len()).filter(|index| Some(*index) != crashed);
    for index in crashed.into_iter().chain(others) {
        let (Some(thread), Some(stack)) = (state.threads.get(index), stacks.get_mut(index)) else {
            continue;
        };
        let is_crashed = Some(index) == crashed;
        let (bytes, frames) = if is_crashed {
            (MAX_CRASHED_BYTES, MAX_CRASHED_FRAMES)
        } else if walked < MAX_FRAMES_IN_ALL {
            (MAX_OTHER_BYTES, MAX_OTHER_FRAMES)
        } else {
            (0, 1)
        };
        let symbols = Symbols::new(files, u32::try_from(frames).unwrap_or(u32::MAX));
        let mut frames_of_thread = one(state, thread.clone(), stack_of(thread, memory, bytes), &symbols);
        walked = frames_of_thread.len().saturating_add(walked);
        frames_of_thread.truncate(frames);
        *stack = frames_of_thread;
    }
    stacks
}

/// The addresses that a walk may come to: where the threads are, and every word of their stacks that is looked at.
pub(super) fn addresses(state: &ProcessState, memory: &Memory<'_>) -> impl Iterator<Item = u64> {
    let width = match state.system_info.cpu.pointer_width() {
        PointerWidth::Bits32 => 4,
        PointerWidth::Bits64 | PointerWidth::Unknown => 8,
    };
    let threads = state.threads.iter().enumerate();
    threads.flat_map(move |(index, thread)| {
        let most = if Some(index) == state.requesting_thread {
            MAX_CRASHED_BYTES
        } else {
            MAX_OTHER_BYTES
        };
        let context = thread.frames.first().map(|frame| &frame.context);
        let registers = context.into_iter().flat_map(|context| {
            let link = ["lr", "x30"]
                .into_iter()
                .find_map(|name| context.get_register(name));
            std::iter::once(context.get_instruction_pointer()).chain(link)
        });
        let stack = stack_of(thread, memory, most).map_or(&[][..], |(_, bytes)| bytes);
        let words = stack.chunks_exact(width).map(|word| {
            let bytes = word.iter().rev();
            bytes.fold(0, |number, byte| (number << 8) | u64::from(*byte))
        });
        registers.chain(words)
    })
}

/// The stack of a thread from its stack pointer up, and that pointer.
fn stack_of<'a>(thread: &CallStack, memory: &Memory<'a>, most: u64) -> Option<(u64, &'a [u8])> {
    let pointer = thread.frames.first()?.context.get_stack_pointer();
    Some((pointer, memory.from(pointer, most)?))
}

fn one(
    state: &ProcessState,
    mut thread: CallStack,
    stack: Option<(u64, &[u8])>,
    symbols: &Symbols<'_>,
) -> Vec<StackFrame> {
    if thread.frames.is_empty() {
        return Vec::new();
    }
    let stack = stack.map(|(pointer, bytes)| MinidumpMemory {
        desc: minidump::format::MINIDUMP_MEMORY_DESCRIPTOR::default(),
        base_address: pointer,
        size: bytes.len() as u64,
        bytes,
        endian: Endian::Little,
    });
    // Given up or not, the frames up to here are in `thread`.
    let _ = poll_to_end(walk_stack(
        0,
        (),
        &mut thread,
        stack.as_ref().map(UnifiedMemory::Memory),
        &state.modules,
        &state.system_info,
        symbols,
    ));
    thread.frames
}
