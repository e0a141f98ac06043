//! Walking the stacks of a process with minidump-unwind, within bounds.
//!
//! `walk_stack` has no limit of its own, and a stack that an attacker wrote has a frame every eight bytes. So it is
//! held in three ways: it sees at most 256 KiB of the crashing thread's stack and less of the others'; after a budget
//! of frames the symbol provider answers with a future that never ends, and the walk is dropped there with the frames
//! it has; and all threads together share a budget, because frames outside any module are not asked about.

use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use minidump::{Endian, MinidumpMemory, Module, UnifiedMemory};
use minidump_processor::ProcessState;
use minidump_unwind::{
    CallStack, FileError, FileKind, FillSymbolError, FrameSymbolizer, FrameWalker, StackFrame,
    SymbolProvider, walk_stack,
};

use super::memory::Memory;

/// Most frames of the crashing thread.
pub(super) const MAX_CRASHED_FRAMES: usize = 256;
/// Most frames of every other thread.
const MAX_OTHER_FRAMES: usize = 32;
/// Most bytes of the crashing thread's stack.
const MAX_CRASHED_BYTES: u64 = 256 * 1024;
/// Most bytes of every other thread's stack.
const MAX_OTHER_BYTES: u64 = 8 * 1024;
/// Frames of all threads together after which the rest keep only their first.
const MAX_FRAMES_IN_ALL: usize = 40_000;
/// How often a future is asked before it is given up. None of ours waits for anything.
const MAX_POLLS: usize = 64;

/// The walked stacks, one a thread, in the order of the threads.
pub(super) fn all(state: &ProcessState, memory: &Memory<'_>) -> Vec<Vec<StackFrame>> {
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
        let mut frames_of_thread = one(state, thread.clone(), memory, bytes, frames);
        walked = frames_of_thread.len().saturating_add(walked);
        frames_of_thread.truncate(frames);
        *stack = frames_of_thread;
    }
    stacks
}

fn one(
    state: &ProcessState,
    mut thread: CallStack,
    memory: &Memory<'_>,
    bytes: u64,
    frames: usize,
) -> Vec<StackFrame> {
    let Some(first) = thread.frames.first() else {
        return Vec::new();
    };
    let pointer = first.context.get_stack_pointer();
    let stack = memory.from(pointer, bytes).map(|bytes| MinidumpMemory {
        desc: minidump::format::MINIDUMP_MEMORY_DESCRIPTOR::default(),
        base_address: pointer,
        size: bytes.len() as u64,
        bytes,
        endian: Endian::Little,
    });
    let symbols = Symbols::with_budget(u32::try_from(frames).unwrap_or(u32::MAX));
    // Given up or not, the frames up to here are in `thread`.
    let _ = poll_to_end(walk_stack(
        0,
        (),
        &mut thread,
        stack.as_ref().map(UnifiedMemory::Memory),
        &state.modules,
        &state.system_info,
        &symbols,
    ));
    thread.frames
}

/// The result of a future that does not wait for anything, or `None` if it would.
pub(super) fn poll_to_end<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..MAX_POLLS).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}

/// What is known of symbols: nothing yet, so every module's frames are found without them.
pub(super) struct Symbols {
    frames_left: AtomicU32,
}

impl Symbols {
    /// Symbols for a walk of at most this many frames.
    pub(super) fn with_budget(frames: u32) -> Self {
        Symbols {
            frames_left: AtomicU32::new(frames),
        }
    }
}

#[async_trait]
impl SymbolProvider for Symbols {
    /// No symbols: the scanner then trusts any address within a module.
    async fn fill_symbol(
        &self,
        _: &(dyn Module + Sync),
        _: &mut (dyn FrameSymbolizer + Send),
    ) -> Result<(), FillSymbolError> {
        Err(FillSymbolError {})
    }

    /// No unwind information. Asked once a frame, so this is where a walk is counted and stopped.
    async fn walk_frame(&self, _: &(dyn Module + Sync), _: &mut (dyn FrameWalker + Send)) -> Option<()> {
        let left = self.frames_left.load(Ordering::Relaxed);
        if left <= 1 {
            std::future::pending::<()>().await;
        }
        self.frames_left.store(left.saturating_sub(1), Ordering::Relaxed);
        None
    }

    async fn get_file_path(&self, _: &(dyn Module + Sync), _: FileKind) -> Result<PathBuf, FileError> {
        Err(FileError::NotFound)
    }
}
