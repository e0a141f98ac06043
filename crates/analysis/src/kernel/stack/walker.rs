//! Runs minidump-unwind on the one stack of a dump, as far as unwind information leads.

use kdump::{Context, Stack};
use minidump::format::{CONTEXT_AMD64, MINIDUMP_MEMORY_DESCRIPTOR};
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
use crate::walk::{End, Provider, poll_to_end};

/// Unloaded drivers that a walk is told of; Windows remembers 50.
const MAX_UNLOADED: usize = 64;
/// What lies above the outermost frame of a kernel stack at most: a trap frame and saved vector registers.
const ABOVE_OUTERMOST_FRAME: u64 = 0x2000;

/// The registers of the fault as a walk begins with them.
pub(super) fn registers(fault: &Fault<'_>) -> Option<MinidumpContext> {
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
pub(super) fn known(registers: &[(&str, u64)]) -> MinidumpContext {
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
                cpu: Cpu::X86_64,
                cpu_info: None,
                cpu_microcode_version: None,
                cpu_count: 1,
            },
        }
    }

    /// Adds the callers of the last step as far as unwind information leads; says whether that was to the end.
    pub(super) fn follow(&self, steps: &mut Vec<Step>, context: MinidumpContext) -> bool {
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
