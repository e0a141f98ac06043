//! The registers at the fault: from a bug check parameter, from a trap frame, or from the header.
//!
//! The header's registers are mostly those of `KeBugCheckEx`, long after the fault. Many codes have a parameter that
//! points at the real ones; small dumps keep them because they lie on the saved stack.
//!
//! ```text
//! 0x7E          parameter 3 → EXCEPTION_RECORD     parameter 4 → CONTEXT
//! 0x3B                                             parameter 3 → CONTEXT
//! 0x139         parameter 3 → EXCEPTION_RECORD     parameter 2 → KTRAP_FRAME
//! 0xD1, 0xA     parameter 4 is the instruction: the trap frame that holds it lies on the stack
//! ```
//!
//! Of `KTRAP_FRAME` only what is the same on all builds is read: on x64 its last five words (instruction, code
//! selector, flags, stack pointer, stack selector), which the processor itself pushes, at 0x168, and `rbp` before
//! them at 0x158, which every handler saves; on x86 the instruction at 0x68 and `ebp` at 0x60. Trap frames of Arm64
//! are not read.

use kdump::{Address, Context, Dump, ExceptionRecord, Machine};

/// Where the processor's own words begin in a trap frame of x64.
const X64_FRAME_INSTRUCTION: u64 = 0x168;
/// How far before them `rbp` is.
const X64_FRAME_POINTER_BEFORE: u64 = 0x10;
/// Where `Eip` is in a trap frame of x86; no stack pointer is pushed for faults in the kernel.
const X86_FRAME_INSTRUCTION: u64 = 0x68;
/// Where `Ebp` is in it.
const X86_FRAME_POINTER: u64 = 0x60;
/// Where the stack went on after such a fault: behind `Eip`, `SegCs` and `EFlags`.
const X86_FRAME_END: u64 = 0x74;
/// The code selector of the 64-bit kernel.
const X64_KERNEL_CODE: u64 = 0x10;

/// Where the registers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The `CONTEXT` that a parameter points at.
    Context,
    /// A trap frame that a parameter points at, or that holds the instruction a parameter names.
    TrapFrame,
    /// The header, at the faulting instruction.
    HeaderAtFault,
    /// The header, after the fault: where the kernel stopped the machine.
    HeaderAtStop,
}

/// The registers that the stack is walked from.
#[derive(Debug, Clone)]
pub(super) struct Fault<'a> {
    /// The instruction.
    pub(super) pc: u64,
    /// The stack pointer.
    pub(super) sp: u64,
    /// All registers, unless they come from a trap frame.
    pub(super) context: Option<Context<'a>>,
    /// `rbp` or `ebp` of a trap frame.
    pub(super) frame_pointer: Option<u64>,
    /// Where they come from.
    pub(super) origin: Origin,
    /// The exception that a parameter points at, if its bytes are in the dump.
    pub(super) exception: Option<ExceptionRecord>,
}

impl Fault<'_> {
    /// Whether the instruction is the one that failed, not the one that stopped the machine.
    pub(super) fn is_at_fault(&self) -> bool {
        self.origin != Origin::HeaderAtStop
    }
}

/// Which parameters of a code point at what, counted from 1.
#[derive(Debug, Clone, Copy, Default)]
struct Pointers {
    record: Option<usize>,
    context: Option<usize>,
    trap_frame: Option<usize>,
}

fn pointers(code: u32) -> Pointers {
    let (record, context, trap_frame) = match code {
        0x7e => (3, 4, 0),
        0x3b => (0, 3, 0),
        0x23 | 0x24 | 0x27 | 0x12c | 0x149 => (2, 3, 0),
        0x3d | 0x10f => (1, 2, 0),
        0x135 => (0, 2, 0),
        0x1aa | 0x1ab => (4, 3, 0),
        0x8e => (0, 0, 3),
        0x139 => (3, 0, 2),
        0x151 => (0, 0, 2),
        _ => (0, 0, 0),
    };
    let some = |number: usize| (number > 0).then_some(number);
    Pointers {
        record: some(record),
        context: some(context),
        trap_frame: some(trap_frame),
    }
}

/// The registers at the fault, or those of the header; `None` if the dump has neither.
///
/// `instruction` is the parameter that names the faulting instruction, where the code has one.
pub(super) fn find<'a>(dump: &Dump<'a>, code: u32, instruction: Option<u64>) -> Option<Fault<'a>> {
    let pointers = pointers(code);
    let parameter = |number: Option<usize>| {
        let value = *dump.header().bug_check.parameters.get(number?.checked_sub(1)?)?;
        (value != 0).then_some(Address(value))
    };
    let exception = parameter(pointers.record)
        .and_then(|at| dump.exception_record_at(at).ok())
        .filter(|record| record.code != 0);
    let instruction = instruction.or_else(|| Some(exception?.address.0));
    let fault = parameter(pointers.context)
        .and_then(|at| context_at(dump, at))
        .or_else(|| trap_frame_at(dump, parameter(pointers.trap_frame)?))
        .or_else(|| trap_frame_with(dump, instruction?))
        .or_else(|| header(dump, instruction))?;
    Some(Fault { exception, ..fault })
}

fn context_at<'a>(dump: &Dump<'a>, at: Address) -> Option<Fault<'a>> {
    let context = dump.context_at(at).ok().filter(is_plausible)?;
    Some(fault(context, Origin::Context))
}

fn header<'a>(dump: &Dump<'a>, instruction: Option<u64>) -> Option<Fault<'a>> {
    let context = dump.context()?;
    let pc = context.pc();
    if pc.is_null() {
        return None;
    }
    // The header's exception record is the breakpoint in `KeBugCheckEx`, whatever the registers are.
    let is_at_fault = instruction == Some(pc.0) && dump.exception().address != pc;
    let origin = if is_at_fault {
        Origin::HeaderAtFault
    } else {
        Origin::HeaderAtStop
    };
    Some(fault(context, origin))
}

fn fault(context: Context<'_>, origin: Origin) -> Fault<'_> {
    Fault {
        pc: context.pc().0,
        sp: context.sp().0,
        context: Some(context),
        frame_pointer: None,
        origin,
        exception: None,
    }
}

/// Whether bytes look like a `CONTEXT`: the flags name the processor, and the instruction is somewhere.
fn is_plausible(context: &Context<'_>) -> bool {
    let (flags, processor) = match context {
        Context::Amd64(context) => (context.context_flags, 0x0010_0000),
        Context::Arm64(context) => (context.context_flags, 0x0040_0000),
        Context::X86(context) => (context.context_flags, 0x0001_0000),
        _ => return false,
    };
    flags & processor != 0 && !context.pc().is_null() && !context.sp().is_null()
}

/// The trap frame at `at`, as far as it is the same on all builds.
fn trap_frame_at<'a>(dump: &Dump<'a>, at: Address) -> Option<Fault<'a>> {
    let memory = dump.memory();
    match dump.header().machine {
        Machine::Amd64 => {
            let words = at.checked_add(X64_FRAME_INSTRUCTION)?;
            let selector = memory.read_u64(words.checked_add(8)?).ok()?;
            // The upper part of the word is not written by the processor.
            if selector & 0xffff != X64_KERNEL_CODE {
                return None;
            }
            let pc = memory.read_u64(words).ok()?;
            let sp = memory.read_u64(words.checked_add(24)?).ok()?;
            Some(x64_trap(dump, words, pc, sp))
        }
        Machine::X86 => {
            let pc = memory.read_u32(at.checked_add(X86_FRAME_INSTRUCTION)?).ok()?;
            let sp = at.checked_add(X86_FRAME_END)?;
            let frame_pointer = at.checked_add(X86_FRAME_POINTER)?;
            Some(Fault {
                frame_pointer: memory.read_u32(frame_pointer).ok().map(u64::from),
                ..trap(u64::from(pc), sp.0)
            })
        }
        _ => None,
    }
}

/// The trap frame on the saved stack that was made when `instruction` failed.
///
/// The five words that the processor pushes are told by the instruction and the kernel's code selector behind it.
fn trap_frame_with<'a>(dump: &Dump<'a>, instruction: u64) -> Option<Fault<'a>> {
    if dump.header().machine != Machine::Amd64 || instruction == 0 {
        return None;
    }
    let stack = dump.stack()?;
    let words: Vec<(Address, u64)> = stack.words().take(super::scan::MAX_WORDS).collect();
    let found = words.windows(4).find_map(|window| {
        let [(at, pc), (_, selector), _, (_, sp)] = window else {
            return None;
        };
        let is_frame = *pc == instruction && selector & 0xffff == X64_KERNEL_CODE;
        is_frame.then_some((*at, *sp))
    })?;
    let (at, sp) = found;
    let behind = at.checked_add(0x28)?.0;
    // An interrupt in the kernel goes on above its own frame; anything else is not a stack pointer of this stack.
    let is_on_stack = sp >= behind && sp < stack.end().0;
    Some(x64_trap(
        dump,
        at,
        instruction,
        if is_on_stack { sp } else { behind },
    ))
}

/// The registers of a trap frame of x64 whose last five words begin at `words`.
fn x64_trap<'a>(dump: &Dump<'a>, words: Address, pc: u64, sp: u64) -> Fault<'a> {
    let frame_pointer = words.0.checked_sub(X64_FRAME_POINTER_BEFORE);
    Fault {
        frame_pointer: frame_pointer.and_then(|at| dump.memory().read_u64(Address(at)).ok()),
        ..trap(pc, sp)
    }
}

fn trap<'a>(pc: u64, sp: u64) -> Fault<'a> {
    Fault {
        pc,
        sp,
        context: None,
        frame_pointer: None,
        origin: Origin::TrapFrame,
        exception: None,
    }
}
