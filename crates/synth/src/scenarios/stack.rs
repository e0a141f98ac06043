//! Builds a kernel stack from calls, innermost first, and knows where the kernel's functions are.
//!
//! Every call leaves a few small numbers, a saved frame pointer and a return address. The frame pointers form a chain, so
//! that a reader that follows them and one that scans for return addresses find the same calls.
//!
//! ```text
//! sp ──► locals   saved frame ──┐ return address     locals   saved frame ──► …   return address   (page end)
//!                               └────────────────────────────────▲
//! ```

use crate::dump::{Cpu, DumpDescription, Stack};

/// Offsets of functions in the invented kernel's code.
pub(super) const KE_BUG_CHECK_EX: u64 = 0x3F_5780;
/// Whoever calls `KeBugCheckEx`.
pub(super) const BUG_CHECK_CALLER: u64 = 0x40_8A69;
/// The end of a process: address space torn down, last reference dropped, thread ended.
pub(super) const EXIT_PATH: [u64; 5] = [0x26_1BD4, 0x65_1F9E, 0x65_0B8C, 0x64_FA1E, 0x40_88B5];
/// `MmUnlockPages`.
pub(super) const MM_UNLOCK_PAGES: u64 = 0x2A_9C41;
/// The lock routines, and the tracker inside them.
pub(super) const LOCK_TRACKER: u64 = 0x2E_1210;
/// `MmProbeAndLockPages` and its inner part.
pub(super) const LOCK_PAGES: [u64; 2] = [0x2A_87F0, 0x2A_8441];
/// From a device control request down to the system service entry.
pub(super) const DEVICE_CONTROL: [u64; 3] = [0x25_4ED5, 0x60_36A2, 0x40_8BB8];
/// Exception dispatch.
pub(super) const EXCEPTION_DISPATCH: [u64; 2] = [0x40_8EE9, 0x40_5A43];
/// The first function of a system thread.
pub(super) const SYSTEM_THREAD_START: [u64; 2] = [0x30_2C55, 0x3F_E578];

/// A stack under construction.
#[derive(Debug, Clone)]
pub(super) struct StackWords {
    cpu: Cpu,
    end: u64,
    words: Vec<Word>,
}

#[derive(Debug, Clone, Copy)]
enum Word {
    Value(u64),
    /// Holds the address of the next such word further up, 0 for the last one.
    SavedFrame,
}

impl StackWords {
    /// An empty stack that ends at `end`, a page boundary.
    pub(super) fn new(cpu: Cpu, end: u64) -> Self {
        StackWords {
            cpu,
            end,
            words: Vec::new(),
        }
    }

    /// The stack of `description`'s thread again, without its content.
    pub(super) fn of(description: &DumpDescription) -> Self {
        let end = description.stack.base + description.stack.bytes.len() as u64;
        StackWords::new(description.cpu, end)
    }

    /// One call: `locals` small numbers, the saved frame pointer, the return address.
    pub(super) fn call(mut self, return_address: u64, locals: u64) -> Self {
        self.words.extend((0..locals).map(Word::Value));
        self.words.push(Word::SavedFrame);
        self.words.push(Word::Value(return_address));
        self
    }

    /// Several calls, innermost first.
    pub(super) fn calls(self, return_addresses: impl IntoIterator<Item = u64>) -> Self {
        return_addresses
            .into_iter()
            .fold(self, |stack, address| stack.call(address, 4))
    }

    /// Bytes of a structure on the stack; its size is rounded up to whole words.
    pub(super) fn structure(mut self, bytes: &[u8]) -> Self {
        for chunk in bytes.chunks(self.cpu.pointer_bytes()) {
            let mut word = [0u8; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.words.push(Word::Value(u64::from_le_bytes(word)));
        }
        self
    }

    /// Words that were pushed so far; with the lowest address the place of what comes next.
    pub(super) fn mark(&self) -> usize {
        self.words.len()
    }

    /// Puts the stack into `description` and points its registers at the innermost frame.
    ///
    /// Returns the stack's lowest address, from which marks are counted.
    pub(super) fn finish(self, description: &mut DumpDescription) -> u64 {
        let width = self.cpu.pointer_bytes() as u64;
        let base = self.end - width * self.words.len() as u64;
        let mut next_frame = 0;
        let mut values = vec![0; self.words.len()];
        for index in (0..self.words.len()).rev() {
            values[index] = match self.words[index] {
                Word::Value(value) => value,
                Word::SavedFrame => std::mem::replace(&mut next_frame, base + width * index as u64),
            };
        }
        description.stack = Stack::from_words(base, &values, self.cpu);
        description.registers.sp = base;
        description.registers.frame = next_frame;
        base
    }
}
