//! Which values on a stack may be return addresses.
//!
//! This is an own scan and not minidump-unwind's: that one takes any value within a module's range for a return
//! address; on a real dump half of its frames were junk. Here a value counts if it lies in an image, not in its
//! header page, inside a function where the image's file lists them, and behind a call where the code before it can be
//! seen, in the file or in the dump. Old return addresses stay on a stack, so what is found is a hint all the same.

use kdump::{Address, Dump, Machine, Stack};

use super::modules::{Hit, Modules};
use crate::unwind::arm64::unsigned;
use crate::unwind::{Pe, PeMachine};
use crate::walk::{Code, Files};

/// Most words of a saved stack that are looked at; Windows saves 16 KiB at most.
pub(super) const MAX_WORDS: usize = 32 * 1024;
/// The first page of an image is its header: nothing returns there.
const HEADER_PAGE: u64 = 0x1000;
/// The longest sequence that a call is rewritten in.
const REWRITTEN_BYTES: u32 = 12;

/// What decides whether a value is a return address.
#[derive(Clone, Copy)]
pub(super) struct Scanner<'a> {
    pub(super) dump: &'a Dump<'a>,
    pub(super) modules: &'a Modules,
    pub(super) files: &'a Files,
}

impl<'a> Scanner<'a> {
    /// Values of the stack from `from` up to which a call may return, with the addresses they lie at.
    pub(super) fn returns(self, stack: &Stack<'a>, from: u64) -> impl Iterator<Item = (u64, u64)> + use<'a> {
        let words = stack.words().take(MAX_WORDS);
        let words = words.skip_while(move |(at, _)| at.0 < from);
        let is_arm = self.dump.header().machine == Machine::Arm64;
        words
            .map(move |(at, value)| (at.0, if is_arm { unsigned(value) } else { value }))
            .filter(move |(_, value)| self.may_return_to(*value))
    }

    /// Whether the instruction before `address` is a call, or cannot be seen.
    fn may_follow_a_call(&self, address: u64) -> bool {
        let before = |length: u64| {
            let from = address.checked_sub(length)?;
            self.dump.memory().read(Address(from), length).ok()
        };
        match self.dump.header().machine {
            Machine::Amd64 | Machine::X86 => before(7).is_none_or(|bytes| ends_in_a_call(&bytes)),
            Machine::Arm64 => before(4).is_none_or(|bytes| ends_in_a_branch_with_link(&bytes)),
            _ => true,
        }
    }
}

impl Code for Scanner<'_> {
    fn is_known(&self, address: u64) -> bool {
        self.modules.at(address).is_some() || self.modules.unloaded_at(address).is_some()
    }

    fn may_return_to(&self, address: u64) -> bool {
        let Some(hit) = self.modules.at(address) else {
            return false;
        };
        if hit.offset < HEADER_PAGE {
            return false;
        }
        match self.files.image(hit.image.base) {
            Some(image) => may_return_into(image, hit),
            None => self.may_follow_a_call(address),
        }
    }
}

/// Whether a call may return to a place of an image whose file is there.
fn may_return_into(image: &Pe, hit: Hit<'_>) -> bool {
    let Ok(rva) = u32::try_from(hit.offset) else {
        return false;
    };
    let call = rva.saturating_sub(1);
    let is_code = if image.lists_functions() {
        image.function(call).is_some()
    } else {
        image.is_executable(call)
    };
    let before = |length| image.before(rva, length);
    is_code
        && match image.machine() {
            PeMachine::Arm64 => before(4).is_none_or(ends_in_a_branch_with_link),
            PeMachine::Amd64 | PeMachine::Other => {
                before(7).is_none_or(ends_in_a_call)
                    || before(REWRITTEN_BYTES).is_some_and(ends_in_a_rewritten_call)
            }
        }
}

/// Whether seven bytes of x86 or x64 code end in a call: `E8` with a distance, or `FF /2` in one of its lengths.
fn ends_in_a_call(bytes: &[u8]) -> bool {
    let from_end = |distance: usize| {
        bytes
            .len()
            .checked_sub(distance)
            .and_then(|at| bytes.get(at))
            .copied()
    };
    let is_indirect = |distance: usize| {
        let operand = from_end(distance.saturating_sub(1)).unwrap_or_default();
        from_end(distance) == Some(0xff) && (operand >> 3) & 7 == 2
    };
    from_end(5) == Some(0xe8) || [2, 3, 4, 6, 7].into_iter().any(is_indirect)
}

/// Whether twelve bytes of a file end where a call returns that Windows wrote over an indirect one when it loaded the
/// image: `FF 15` with its distance became a direct call one byte shorter, and `48 FF 15` with the empty instruction
/// behind it a longer sequence. In `triage_x64.dmp` four frames of `Wdf01000.sys` return behind the first.
fn ends_in_a_rewritten_call(bytes: &[u8]) -> bool {
    const INDIRECT: [u8; 2] = [0xff, 0x15];
    let shorter = bytes.last_chunk::<5>();
    shorter.is_some_and(|call| call.starts_with(&INDIRECT))
        || bytes.starts_with(&[0x48, 0xff, 0x15]) && bytes.ends_with(&[0x0f, 0x1f, 0x44, 0x00, 0x00])
}

fn ends_in_a_branch_with_link(bytes: &[u8]) -> bool {
    bytes
        .last_chunk()
        .is_none_or(|bytes| is_branch_with_link(u32::from_le_bytes(*bytes)))
}

/// Whether an Arm64 instruction is `BL`, `BLR` or one of the authenticated forms of `BLR`.
fn is_branch_with_link(instruction: u32) -> bool {
    instruction & 0xfc00_0000 == 0x9400_0000 || instruction & 0xfeff_f000 == 0xd63f_0000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_from_other_code() {
        assert!(ends_in_a_call(&[0x90, 0x90, 0xe8, 1, 2, 3, 4]));
        assert!(ends_in_a_call(&[0x90, 0xff, 0x15, 1, 2, 3, 4]), "call [rip+x]");
        assert!(
            ends_in_a_call(&[0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xd0]),
            "call rax"
        );
        assert!(!ends_in_a_call(&[0x48, 0x8b, 0x4c, 0x24, 0x28, 0x33, 0xc0]));
        assert!(is_branch_with_link(0x97ff_ffff));
        assert!(is_branch_with_link(0xd63f_0100));
        assert!(!is_branch_with_link(0xd65f_03c0), "ret");
    }

    #[test]
    fn a_call_that_windows_rewrote_is_told_by_what_the_file_has_in_its_place() {
        let import = [0x48, 0xff, 0x15, 1, 2, 3, 4, 0x0f, 0x1f, 0x44, 0, 0];
        assert!(ends_in_a_rewritten_call(&import));
        let guarded = [
            0x8b, 0x51, 0x28, 0x48, 0x8b, 0x49, 0x20, 0xff, 0x15, 0x30, 0xb7, 3,
        ];
        assert!(ends_in_a_rewritten_call(&guarded));
        let other = [0x48, 0x8b, 0x15, 1, 2, 3, 4, 0x0f, 0x1f, 0x44, 0, 0];
        assert!(!ends_in_a_rewritten_call(&other));
    }
}
