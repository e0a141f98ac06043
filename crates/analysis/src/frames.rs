//! From an address of a walked stack to the frames it stands for.

use wire::Hex;
use wire::report::Frame;

use crate::symbols::{DebugFile, Inlined};

/// The frames of one frame of the stack: the calls inlined at its place, innermost first, then itself, with their
/// names where the debug file has them.
///
/// `inside` is the address relative to the image at which the code is, which is before `frame.address` if a call
/// returns there.
pub(crate) fn named(frame: Frame, debug: Option<&DebugFile>, inside: u64) -> Vec<Frame> {
    let Some(located) = debug.and_then(|debug| debug.lookup(inside)) else {
        return vec![frame];
    };
    let behind = frame
        .module_offset
        .map_or(0, |offset| offset.0.saturating_sub(inside));
    let mut frames: Vec<Frame> = located
        .inlines
        .into_iter()
        .map(|inlined| of_inlined(&frame, inlined))
        .collect();
    frames.push(Frame {
        function: Some(located.function),
        function_offset: Some(Hex(located.function_offset.saturating_add(behind))),
        file: located.file,
        line: located.line,
        ..frame
    });
    frames
}

/// The first `most` frames of a stack, with their numbers.
pub(crate) fn numbered(frames: impl Iterator<Item = Frame>, most: usize) -> Vec<Frame> {
    let numbered = frames.take(most).zip(0_u32..);
    numbered.map(|(frame, index)| Frame { index, ..frame }).collect()
}

fn of_inlined(frame: &Frame, inlined: Inlined) -> Frame {
    Frame {
        function: Some(inlined.function),
        function_offset: None,
        file: inlined.file,
        line: inlined.line,
        inline: true,
        ..frame.clone()
    }
}
