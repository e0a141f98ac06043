//! The frames of the stack that crashed, without unwind information.
//!
//! This is an own scan and not minidump-unwind's: that one takes any value within a module's range for a return
//! address (on a real dump half of its frames were junk), and on Arm64 it strips kernel addresses to user-mode ones.
//! It comes in with symbol files, which it needs to be better than this.
//!
//! Frame 0 is the registers. On Arm64 the chain of frame pointers follows, which Windows keeps on that processor; it
//! is trusted. Everywhere else every word from the stack pointer up is a frame if it lies in an image, not in its
//! header page, and, where the dump happens to hold the bytes before it, behind a call. Old return addresses stay on
//! a stack, so such a frame is a hint.

use kdump::{Address, Arm64Context, Context, Dump, Machine, Stack};
use wire::Hex;
use wire::report::{Frame, Trust};

use super::fault::Fault;
use super::modules::Modules;

/// Most frames of a stack.
const MAX_FRAMES: usize = 256;
/// Most words of a saved stack that are looked at; Windows saves 16 KiB at most.
pub(super) const MAX_WORDS: usize = 32 * 1024;
/// The first page of an image is its header: nothing returns there.
const HEADER_PAGE: u64 = 0x1000;

/// The frames, innermost first.
pub(super) fn frames(dump: &Dump<'_>, modules: &Modules, fault: &Fault<'_>) -> Vec<Frame> {
    let mut found = vec![(fault.pc, Trust::Context)];
    if let Some(stack) = dump.stack() {
        let chain = match &fault.context {
            Some(Context::Arm64(context)) => arm64_chain(&stack, modules, context),
            _ => Vec::new(),
        };
        if chain.is_empty() {
            found.extend(scan(dump, modules, &stack, fault.sp));
        } else {
            found.extend(chain);
        }
    }
    found.truncate(MAX_FRAMES);
    let numbered = found.into_iter().zip(0_u32..);
    numbered
        .map(|((address, trust), index)| frame(modules, address, trust, index))
        .collect()
}

fn frame(modules: &Modules, address: u64, trust: Trust, index: u32) -> Frame {
    let hit = modules.at(address);
    Frame {
        index,
        address: Hex(address),
        module: hit.map(|hit| hit.image.name.clone()),
        module_offset: hit.map(|hit| Hex(hit.offset)),
        function: None,
        function_offset: None,
        file: None,
        line: None,
        trust,
        inline: false,
    }
}

/// Values from the stack pointer up that look like return addresses.
fn scan<'a>(
    dump: &'a Dump<'_>,
    modules: &'a Modules,
    stack: &Stack<'a>,
    sp: u64,
) -> impl Iterator<Item = (u64, Trust)> + use<'a> {
    let words = stack.words().take(MAX_WORDS).skip_while(move |(at, _)| at.0 < sp);
    let returns = words.filter(move |(_, value)| {
        let hit = modules.at(*value);
        hit.is_some_and(|hit| hit.offset >= HEADER_PAGE) && may_follow_a_call(dump, *value)
    });
    returns.map(|(_, value)| (value, Trust::Scan)).take(MAX_FRAMES)
}

/// The return addresses of an Arm64 chain of frame pointers: at each is the next frame pointer, then the link.
///
/// The link register comes first where it names another caller: in a function that calls none it is the only record of
/// it, in others it may be left over from the last call. So it is no better than a scan.
fn arm64_chain(stack: &Stack<'_>, modules: &Modules, context: &Arm64Context<'_>) -> Vec<(u64, Trust)> {
    let word = |address: u64| {
        let offset = usize::try_from(address.checked_sub(stack.base.0)?).ok()?;
        let bytes = stack.bytes.get(offset..)?.first_chunk::<8>()?;
        Some(u64::from_le_bytes(*bytes))
    };
    let is_code = |address: &u64| modules.at(*address).is_some();
    let mut chain = Vec::new();
    let mut frame_pointer = context.fp;
    while chain.len() < MAX_FRAMES {
        let return_address = frame_pointer.checked_add(8).and_then(word).map(signed);
        let Some(address) = return_address.filter(is_code) else {
            break;
        };
        chain.push((address, Trust::FramePointer));
        match word(frame_pointer) {
            Some(next) if next > frame_pointer => frame_pointer = next,
            _ => break,
        }
    }
    let link = signed(context.lr);
    if is_code(&link) && chain.first().is_some_and(|(first, _)| *first != link) {
        chain.insert(0, (link, Trust::Scan));
    }
    chain
}

/// The address without a pointer authentication code: in the kernel all upper bits are set.
fn signed(address: u64) -> u64 {
    const KERNEL: u64 = 1 << 55;
    const UPPER: u64 = 0xffff << 48;
    if address & KERNEL == 0 {
        address
    } else {
        address | UPPER
    }
}

/// Whether the instruction before `address` is a call, or cannot be seen.
fn may_follow_a_call(dump: &Dump<'_>, address: u64) -> bool {
    let before = |length: u64| {
        let from = address.checked_sub(length)?;
        dump.memory().read(Address(from), length).ok()
    };
    match dump.header().machine {
        Machine::Amd64 | Machine::X86 => match before(7) {
            Some(bytes) => ends_in_a_call(&bytes),
            None => true,
        },
        Machine::Arm64 => match before(4) {
            Some(bytes) => bytes
                .first_chunk()
                .is_none_or(|bytes| is_branch_with_link(u32::from_le_bytes(*bytes))),
            None => true,
        },
        _ => true,
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
    fn an_authentication_code_is_taken_off_a_kernel_address() {
        assert_eq!(signed(0xa1b2_f803_f32d_e014), 0xffff_f803_f32d_e014);
        assert_eq!(signed(0x0000_7ffe_7350_d0c4), 0x0000_7ffe_7350_d0c4);
    }
}
