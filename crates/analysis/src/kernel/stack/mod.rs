//! The frames of the stack that crashed.
//!
//! ```text
//! registers ─► unwind information ─► … ─► an image without a file ─┐
//!                    ▲                                             ▼
//!                    └──────────── next return address on the stack, by scanning ─► … ─► end of the stack
//! ```
//!
//! Frame 0 is the registers. As long as the files of images lead on, frames are certain. Where they end, the next
//! value that may be a return address is a frame by guess, and if its image's file is there, the walk goes on from
//! it. Without any files every such value is a frame. On Arm64 a chain of frame pointers stands between the two
//! ([`super::arm64`]), on x86 it stands for the first ([`super::x86`]).

use std::collections::BTreeSet;

use kdump::{Context, Dump, Machine, Stack};
use minidump::format::{CONTEXT_AMD64, MINIDUMP_MEMORY_DESCRIPTOR};
use minidump::system_info::{Cpu, Os};
use minidump::{
    CpuContext, Endian, MinidumpContext, MinidumpContextValidity, MinidumpMemory, MinidumpModule,
    MinidumpModuleList, MinidumpRawContext, UnifiedMemory,
};
use minidump_unwind::{CallStack, CallStackInfo, FrameTrust, StackFrame, SystemInfo, walk_stack};
use wire::Hex;
use wire::report::{Frame, MissingSymbol, Trust};

use super::arm64;
use super::fault::Fault;
use super::files::Symbols;
use super::modules::Modules;
use super::scan::Scanner;
use super::x86;
use crate::frames;
use crate::symbols::SymbolSource;
use crate::unwind::{Damage, Position};
use crate::walk::{End, Provider, poll_to_end};

/// Most frames of a stack.
pub(super) const MAX_FRAMES: usize = 256;
/// Unloaded drivers that a walk is told of; Windows remembers 50.
const MAX_UNLOADED: usize = 64;
/// What lies above the outermost frame of a kernel stack at most: a trap frame and saved vector registers.
const ABOVE_OUTERMOST_FRAME: u64 = 0x2000;

/// A stack and what is to be said about how it was come by.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The frames, innermost first.
    pub(super) frames: Vec<Frame>,
    /// Files that would make it better.
    pub(super) missing: Vec<MissingSymbol>,
    /// What was odd about the files that were there.
    pub(super) warnings: Vec<String>,
}

/// One frame before it is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) address: u64,
    pub(super) stack_pointer: u64,
    pub(super) position: Position,
    pub(super) trust: Trust,
}

/// The stack from the registers of the fault.
pub(super) fn walk(
    dump: &Dump<'_>,
    modules: &Modules,
    fault: &Fault<'_>,
    source: &mut dyn SymbolSource,
) -> Walk {
    let mut symbols = Symbols::of(dump, modules, fault, source);
    let steps = steps(dump, modules, fault, &mut symbols);
    let bases: BTreeSet<u64> = steps
        .iter()
        .filter_map(|step| Some(modules.at(step.position.inside(step.address))?.image.base))
        .collect();
    symbols.ask_for_debug_files(&bases, source);
    let frames = steps.iter().flat_map(|step| named(modules, step, &symbols));
    Walk {
        frames: frames::numbered(frames, MAX_FRAMES),
        missing: symbols.missing(modules, &bases),
        warnings: symbols.into_warnings(),
    }
}

/// The frames without names, at most 256.
pub(super) fn steps(
    dump: &Dump<'_>,
    modules: &Modules,
    fault: &Fault<'_>,
    symbols: &mut Symbols,
) -> Vec<Step> {
    let first = Step {
        address: fault.pc,
        stack_pointer: fault.sp,
        position: Position::Exact,
        trust: Trust::Context,
    };
    let mut steps = vec![first];
    let damage = dump.stack().map(|stack| {
        let scanner = Scanner {
            dump,
            modules,
            files: &symbols.files,
        };
        match dump.header().machine {
            Machine::Arm64 => arm64::extend(&mut steps, scanner, &stack, fault),
            Machine::X86 => {
                x86::extend(&mut steps, scanner, &stack, fault);
                BTreeSet::new()
            }
            _ => extend(&mut steps, scanner, &stack, fault),
        }
    });
    symbols.note(modules, damage.unwrap_or_default());
    steps.truncate(MAX_FRAMES);
    steps
}

/// The frames that a step stands for: inlined calls, then itself.
fn named(modules: &Modules, step: &Step, symbols: &Symbols) -> Vec<Frame> {
    let inside = step.position.inside(step.address);
    let hit = modules.at(inside);
    let files = hit.and_then(|hit| symbols.files.of(hit.image.base));
    let debug = files.and_then(|files| files.debug.as_ref());
    frames::named(
        frame(modules, step),
        debug,
        hit.map(|hit| hit.offset).unwrap_or_default(),
    )
}

fn frame(modules: &Modules, step: &Step) -> Frame {
    let hit = modules.at(step.position.inside(step.address));
    Frame {
        index: 0,
        address: Hex(step.address),
        module: hit.map(|hit| hit.image.name.clone()),
        module_offset: hit.map(|hit| Hex(step.address.saturating_sub(hit.image.base))),
        function: None,
        function_offset: None,
        file: None,
        line: None,
        trust: step.trust,
        inline: false,
    }
}

/// Follows unwind information as far as it leads, and scans for where it leads on.
fn extend(
    steps: &mut Vec<Step>,
    scanner: Scanner<'_>,
    stack: &Stack<'_>,
    fault: &Fault<'_>,
) -> BTreeSet<(u64, Damage)> {
    let provider = Provider::new(scanner.files, &scanner);
    let walker = Walker::new(&provider, scanner, stack);
    let mut is_complete = false;
    if let Some(context) = registers(fault) {
        is_complete = walker.follow(steps, context);
    }
    let mut returns = scanner.returns(stack, fault.sp);
    while !is_complete && steps.len() < MAX_FRAMES {
        let reached = steps.last().map_or(fault.sp, |step| step.stack_pointer);
        let Some((at, address)) = returns.find(|(at, _)| *at >= reached) else {
            break;
        };
        let stack_pointer = at.saturating_add(stack_word(scanner.dump));
        steps.push(Step {
            address,
            stack_pointer,
            position: Position::Return,
            trust: Trust::Scan,
        });
        is_complete = walker.follow(steps, known(&[("rip", address), ("rsp", stack_pointer)]));
    }
    provider.damage()
}

fn stack_word(dump: &Dump<'_>) -> u64 {
    dump.format().bits.pointer_size_bytes()
}

/// The registers of the fault as a walk begins with them.
fn registers(fault: &Fault<'_>) -> Option<MinidumpContext> {
    match &fault.context {
        Some(context @ Context::Amd64(_)) => Some(known(&context.registers())),
        Some(_) => None,
        None => {
            let frame_pointer = fault.frame_pointer.map(|value| ("rbp", value));
            let registers: Vec<_> = [("rip", fault.pc), ("rsp", fault.sp)]
                .into_iter()
                .chain(frame_pointer)
                .collect();
            Some(known(&registers))
        }
    }
}

/// A context of x64 in which these registers are known and no others.
fn known(registers: &[(&str, u64)]) -> MinidumpContext {
    let mut context = CONTEXT_AMD64::default();
    let set = registers.iter().filter_map(|(name, value)| {
        let name = context.memoize_register(name)?;
        context.set_register(name, *value)?;
        Some(name)
    });
    let valid = MinidumpContextValidity::Some(set.collect());
    MinidumpContext {
        raw: MinidumpRawContext::Amd64(context),
        valid,
    }
}

/// Runs minidump-unwind on the one stack of a dump.
struct Walker<'a> {
    provider: &'a Provider<'a>,
    scanner: Scanner<'a>,
    memory: MinidumpMemory<'a>,
    modules: MinidumpModuleList,
    system: SystemInfo,
}

impl<'a> Walker<'a> {
    fn new(provider: &'a Provider<'a>, scanner: Scanner<'a>, stack: &Stack<'a>) -> Walker<'a> {
        let loaded = scanner.modules.loaded().iter();
        let loaded = loaded.map(|image| (image.base, image.size_bytes));
        // Frames in these end the walk; outside any module minidump-unwind would guess on from them.
        let unloaded = scanner.modules.unloaded().iter().take(MAX_UNLOADED);
        let unloaded = unloaded.filter_map(|driver| {
            let (start, size) = (driver.start.0, driver.end.offset_from(driver.start)?);
            // What was loaded into its place since counts.
            let mut images = scanner.modules.loaded().iter();
            let is_free = images.all(|image| {
                let end = image.base.saturating_add(u64::from(image.size_bytes));
                end <= start || driver.end.0 <= image.base
            });
            Some((start, u32::try_from(size).ok().filter(|_| is_free)?))
        });
        let modules = loaded.chain(unloaded);
        let modules = modules.map(|(base, size)| MinidumpModule::new(base, size, ""));
        Walker {
            provider,
            scanner,
            memory: MinidumpMemory {
                desc: MINIDUMP_MEMORY_DESCRIPTOR::default(),
                base_address: stack.base.0,
                size: stack.bytes.len() as u64,
                bytes: stack.bytes,
                endian: Endian::Little,
            },
            modules: MinidumpModuleList::from_modules(modules.collect()),
            system: SystemInfo {
                os: Os::Windows,
                os_version: None,
                os_build: None,
                cpu: Cpu::X86_64,
                cpu_info: None,
                cpu_microcode_version: None,
                cpu_count: 1,
            },
        }
    }

    /// Adds the callers of the last step as far as unwind information leads; says whether that was to the end.
    fn follow(&self, steps: &mut Vec<Step>, context: MinidumpContext) -> bool {
        let Some(last) = steps.last().copied() else {
            return false;
        };
        let inside = last.position.inside(last.address);
        let hit = self.scanner.modules.at(inside);
        let has_file = hit.is_some_and(|hit| self.scanner.files.image(hit.image.base).is_some());
        if !has_file {
            return false;
        }
        self.provider.begin(
            last.position,
            MAX_FRAMES.saturating_sub(steps.len()).saturating_add(1),
        );
        steps.extend(self.callers(context, inside));
        self.provider.end() == Some(End::Complete) && self.is_outermost(steps.last())
    }

    /// The callers by unwind information alone.
    fn callers(&self, context: MinidumpContext, inside: u64) -> Vec<Step> {
        let mut first = StackFrame::from_context(context, FrameTrust::Context);
        first.instruction = inside;
        let mut stack = CallStack::with_info(0, CallStackInfo::Ok);
        stack.frames.push(first);
        // Given up or not, the frames up to here are in `stack`.
        let _ = poll_to_end(walk_stack(
            0,
            (),
            &mut stack,
            Some(UnifiedMemory::Memory(&self.memory)),
            &self.modules,
            &self.system,
            self.provider,
        ));
        let callers = stack.frames.iter().skip(1);
        callers
            .take_while(|frame| frame.trust == FrameTrust::CallFrameInfo)
            .map(|frame| {
                let (address, stack_pointer) = (frame.resume_address, frame.context.get_stack_pointer());
                let position = if self.provider.is_exact(address, stack_pointer) {
                    Position::Exact
                } else {
                    Position::Return
                };
                Step {
                    address,
                    stack_pointer,
                    position,
                    trust: Trust::Cfi,
                }
            })
            .collect()
    }

    /// Whether a frame lies where the outermost one of a stack does. A walk that went astray may end at any null.
    fn is_outermost(&self, last: Option<&Step>) -> bool {
        let end = self.memory.base_address.saturating_add(self.memory.size);
        last.is_some_and(|step| end.saturating_sub(step.stack_pointer) <= ABOVE_OUTERMOST_FRAME)
    }
}

#[cfg(test)]
mod tests;
