//! Runs minidump-unwind on the one stack of a dump, as far as unwind information leads.

use std::collections::HashSet;

use kdump::{Context, Machine, Stack};
use minidump::format::{CONTEXT_AMD64, CONTEXT_X86, MINIDUMP_MEMORY_DESCRIPTOR};
use minidump::system_info::{Cpu, Os};
use minidump::{
    CpuContext, Endian, MinidumpContext, MinidumpContextValidity, MinidumpMemory, MinidumpModule,
    MinidumpModuleList, MinidumpRawContext, UnifiedMemory,
};
use minidump_unwind::{CallStack, CallStackInfo, FrameTrust, StackFrame, SystemInfo, walk_stack};
use wire::report::Trust;

use super::{MAX_FRAMES, Step};
use crate::kernel::fault::Fault;
use crate::kernel::scan::Scanner;
use crate::unwind::Position;
use crate::walk::{Code, End, Provider, poll_to_end};

/// Unloaded drivers that a walk is told of; Windows remembers 50.
const MAX_UNLOADED: usize = 64;
/// What lies above the outermost frame of a kernel stack at most: a trap frame and saved vector registers.
const ABOVE_OUTERMOST_FRAME: u64 = 0x2000;

/// The registers of the fault as a walk begins with them.
pub(super) fn registers(fault: &Fault<'_>, machine: Machine) -> Option<MinidumpContext> {
    match (&fault.context, machine) {
        (Some(context @ (Context::Amd64(_) | Context::X86(_))), _) => {
            Some(known(machine, &context.registers()))
        }
        (Some(_), _) => None,
        (None, _) => Some(place(machine, fault.pc, fault.sp, fault.frame_pointer)),
    }
}

/// A context in which only these registers are known.
pub(super) fn place(machine: Machine, pc: u64, sp: u64, frame_pointer: Option<u64>) -> MinidumpContext {
    let [instruction, stack, frame] = match machine {
        Machine::X86 => ["eip", "esp", "ebp"],
        _ => ["rip", "rsp", "rbp"],
    };
    let registers = [(instruction, pc), (stack, sp)];
    let frame_pointer = frame_pointer.map(|value| (frame, value));
    let registers: Vec<_> = registers.into_iter().chain(frame_pointer).collect();
    known(machine, &registers)
}

fn known(machine: Machine, registers: &[(&str, u64)]) -> MinidumpContext {
    let (raw, valid) = if machine == Machine::X86 {
        let (context, valid) = with::<CONTEXT_X86>(registers);
        (MinidumpRawContext::X86(context), valid)
    } else {
        let (context, valid) = with::<CONTEXT_AMD64>(registers);
        (MinidumpRawContext::Amd64(context), valid)
    };
    MinidumpContext {
        raw,
        valid: MinidumpContextValidity::Some(valid),
    }
}

/// A context with the registers that it has of these, and their names.
fn with<C>(registers: &[(&str, u64)]) -> (C, HashSet<&'static str>)
where
    C: CpuContext + Default,
    C::Register: TryFrom<u64>,
{
    let mut context = C::default();
    let names = registers.iter().filter_map(|(name, value)| {
        let name = context.memoize_register(name)?;
        context.set_register(name, C::Register::try_from(*value).ok()?)?;
        Some(name)
    });
    let names = names.collect();
    (context, names)
}

/// Where a walk led.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Followed {
    /// Whether to the end of the stack.
    pub(super) is_complete: bool,
    /// The frame pointer of the last frame on x86, if there is one more frame and it is known.
    pub(super) frame_pointer: Option<u64>,
}

/// Runs minidump-unwind on the one stack of a dump.
pub(super) struct Walker<'a> {
    provider: &'a Provider<'a>,
    scanner: Scanner<'a>,
    memory: MinidumpMemory<'a>,
    modules: MinidumpModuleList,
    system: SystemInfo,
}

impl<'a> Walker<'a> {
    pub(super) fn new(provider: &'a Provider<'a>, scanner: Scanner<'a>, stack: &Stack<'a>) -> Walker<'a> {
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
                cpu: match scanner.dump.header().machine {
                    Machine::X86 => Cpu::X86,
                    _ => Cpu::X86_64,
                },
                cpu_info: None,
                cpu_microcode_version: None,
                cpu_count: 1,
            },
        }
    }

    /// Adds the callers of the last step as far as unwind information leads.
    pub(super) fn follow(&self, steps: &mut Vec<Step>, context: MinidumpContext) -> Followed {
        let Some(last) = steps.last().copied() else {
            return Followed::default();
        };
        let inside = last.position.inside(last.address);
        let hit = self.scanner.modules.at(inside);
        let has_file = hit.is_some_and(|hit| self.scanner.files.image(hit.image.base).is_some());
        if !has_file {
            return Followed::default();
        }
        self.provider.begin(
            last.position,
            MAX_FRAMES.saturating_sub(steps.len()).saturating_add(1),
        );
        let frames = self.frames(context, inside);
        let callers = frames.iter().skip(1);
        steps.extend(callers.map(|frame| self.step(frame)));
        let last = frames.last().filter(|_| frames.len() > 1);
        Followed {
            is_complete: self.provider.end() == Some(End::Complete) && self.is_outermost(steps.last()),
            frame_pointer: last.and_then(|frame| frame.context.get_register("ebp")),
        }
    }

    /// The frame of the registers and its callers by unwind information alone.
    fn frames(&self, context: MinidumpContext, inside: u64) -> Vec<StackFrame> {
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
        let is_good = |frame: &StackFrame| {
            frame.trust == FrameTrust::CallFrameInfo && self.scanner.is_known(frame.instruction)
        };
        let callers = stack.frames.iter().skip(1).take_while(|frame| is_good(frame));
        let count = callers.count().saturating_add(1);
        stack.frames.truncate(count);
        stack.frames
    }

    fn step(&self, frame: &StackFrame) -> Step {
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
    }

    /// Whether a frame lies where the outermost one of a stack does. A walk that went astray may end at any null.
    fn is_outermost(&self, last: Option<&Step>) -> bool {
        let end = self.memory.base_address.saturating_add(self.memory.size);
        last.is_some_and(|step| end.saturating_sub(step.stack_pointer) <= ABOVE_OUTERMOST_FRAME)
    }
}
