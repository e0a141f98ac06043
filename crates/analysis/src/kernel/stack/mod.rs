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

mod walker;

use std::collections::BTreeSet;

use kdump::{Dump, Machine, Stack};
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
use crate::walk::Provider;
use walker::{Walker, place, registers};

/// Most frames of a stack.
pub(super) const MAX_FRAMES: usize = 256;

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
    // On x86 it is the debug files that have unwind information, so that they cannot wait for the walk.
    let is_x86 = dump.header().machine == Machine::X86;
    if is_x86 {
        let all = symbols.files.images().map(|(base, _)| base).collect();
        symbols.ask_for_debug_files(&all, source);
    }
    let steps = steps(dump, modules, fault, &mut symbols);
    let bases: BTreeSet<u64> = steps
        .iter()
        .filter_map(|step| Some(modules.at(step.position.inside(step.address))?.image.base))
        .collect();
    if !is_x86 {
        symbols.ask_for_debug_files(&bases, source);
    }
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

/// Follows unwind information as far as it leads, on x86 the frame pointer from there, and scans for where they lead
/// on.
fn extend(
    steps: &mut Vec<Step>,
    scanner: Scanner<'_>,
    stack: &Stack<'_>,
    fault: &Fault<'_>,
) -> BTreeSet<(u64, Damage)> {
    let machine = scanner.dump.header().machine;
    let provider = Provider::new(scanner.files, &scanner);
    let walker = Walker::new(&provider, scanner, stack);
    let mut context = registers(fault, machine);
    let mut frame_pointer = x86::frame_pointer(fault).filter(|_| machine == Machine::X86);
    let mut returns = scanner.returns(stack, fault.sp);
    while steps.len() < MAX_FRAMES {
        let before = steps.len();
        let followed = context.take().map(|context| walker.follow(steps, context));
        let followed = followed.unwrap_or_default();
        if followed.is_complete {
            break;
        }
        if steps.len() > before {
            frame_pointer = followed.frame_pointer;
        }
        let reached = steps.last().map_or(fault.sp, |step| step.stack_pointer);
        let linked = frame_pointer.and_then(|frame| x86::caller(scanner, stack, frame, reached));
        let next = if let Some((step, next_frame)) = linked {
            frame_pointer = next_frame;
            step
        } else {
            frame_pointer = None;
            let Some((at, address)) = returns.find(|(at, _)| *at >= reached) else {
                break;
            };
            Step {
                address,
                stack_pointer: at.saturating_add(scanner.dump.format().bits.pointer_size_bytes()),
                position: Position::Return,
                trust: Trust::Scan,
            }
        };
        context = Some(place(machine, next.address, next.stack_pointer, frame_pointer));
        steps.push(next);
    }
    provider.damage()
}

#[cfg(test)]
mod tests;
