//! The place of a crash on its stack.
//!
//! Frames count from the innermost one to the first that was found by scanning; inlined calls count as frames.
//!
//! 1. The innermost frame of a driver (a program's own module) that the rules do not pass over; then of a layer.
//! 2. Functions that only say how something failed come before it, with their modules.
//! 3. Otherwise the innermost named frame of the system itself, then the place that the dump alone gave.

use wire::report::{CrashKind, Frame, Report, SignatureParts, Trust};

use super::functions;
use super::rules::Rules;
use crate::images::Role;

/// Most helper functions in front of the place.
const MAX_PREFIXES: usize = 3;
/// Longest signature, in characters.
const MAX_TEXT: usize = 600;

/// The signature of a report by these rules: the one it has if nothing is known of its parts.
pub fn of_report(report: &Report, rules: &Rules) -> String {
    choose(report, rules).map_or_else(|| report.signature.clone(), |choice| choice.text)
}

/// A signature and where its place is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The signature.
    pub(crate) text: String,
    /// The module of the place.
    pub(crate) module: Option<String>,
    /// Where the place is from.
    pub(crate) source: Source,
}

/// Where the place of a signature is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The stack.
    Stack,
    /// The dump without its stack.
    Parts,
    /// There is no place.
    Nowhere,
}

/// The signature of a report; `None` if nothing is known of its parts.
pub(crate) fn choose(report: &Report, rules: &Rules) -> Option<Choice> {
    let parts = report.signature_parts.as_ref()?;
    let on_stack = parts
        .by_stack
        .then(|| Stack::of(report, parts, rules))
        .and_then(|stack| stack.place());
    let (place, module, source) = match (on_stack, &parts.place) {
        (Some((place, module)), _) => (Some(place), Some(module), Source::Stack),
        (None, Some(place)) => (Some(named(place)), module_of(place), Source::Parts),
        (None, None) => (None, None, Source::Nowhere),
    };
    let text = match place {
        Some(place) => format!("{} | {place}", parts.what),
        None => parts.what.clone(),
    };
    Some(Choice {
        text: crate::names::cut(&text, MAX_TEXT),
        module,
        source,
    })
}

/// A place with its function's name trimmed.
fn named(place: &str) -> String {
    match place.split_once('!') {
        Some((module, function)) => format!("{module}!{}", functions::trimmed(function)),
        None => place.to_owned(),
    }
}

/// The module of a place that is code.
fn module_of(place: &str) -> Option<String> {
    let (module, _) = place.split_once('!').or_else(|| place.rsplit_once("+0x"))?;
    Some(module.to_owned())
}

/// The frames that can be relied on, with what the rules say of them.
struct Stack<'a> {
    frames: Vec<Relied<'a>>,
}

/// One of them.
struct Relied<'a> {
    module: &'a str,
    /// `module!function`, or `module+offset` without a name.
    place: String,
    is_named: bool,
    role: Role,
    is_skipped: bool,
    is_prefix: bool,
}

impl<'a> Stack<'a> {
    fn of(report: &'a Report, parts: &SignatureParts, rules: &Rules) -> Self {
        let frames = relied_on(report).filter_map(|frame| {
            let module = frame.module.as_deref()?;
            let role = match report.kind {
                CrashKind::Kernel => rules.kernel_role(module),
                CrashKind::User => {
                    rules.process_role(module, parts.system_modules.iter().any(|system| system == module))
                }
            };
            let place = place(frame, module)?;
            let is_named = frame.function.is_some();
            Some(Relied {
                module,
                role,
                is_named,
                is_skipped: is_named && rules.skips(&place),
                is_prefix: is_named && rules.is_prefix(&place),
                place,
            })
        });
        Stack {
            frames: frames.collect(),
        }
    }

    /// The place and its module.
    fn place(&self) -> Option<(String, String)> {
        self.of_role(Role::Driver)
            .or_else(|| self.of_role(Role::Layer))
            .or_else(|| self.of_system())
    }

    fn of_role(&self, role: Role) -> Option<(String, String)> {
        let mut frames = self.frames.iter().filter(|frame| !frame.is_skipped);
        let found = frames.find(|frame| frame.role == role && !frame.is_prefix);
        // A driver that has nothing but helpers on the stack is still the place.
        let found = found.or_else(|| {
            self.frames
                .iter()
                .find(|frame| frame.role == role && !frame.is_skipped)
        })?;
        let before = self
            .frames
            .iter()
            .take_while(|frame| !std::ptr::eq(*frame, found));
        let mut places: Vec<&str> = before
            .filter(|frame| frame.is_prefix)
            .map(|frame| frame.place.as_str())
            .take(MAX_PREFIXES)
            .collect();
        places.push(&found.place);
        places.dedup();
        Some((places.join(" | "), found.module.to_owned()))
    }

    fn of_system(&self) -> Option<(String, String)> {
        let is_telling = |frame: &&Relied<'_>| frame.is_named && !frame.is_skipped && !frame.is_prefix;
        let found = self.frames.iter().find(is_telling)?;
        Some((found.place.clone(), found.module.to_owned()))
    }
}

/// The frames up to the first that was found by scanning. A chain of frame pointers of Arm64 does not depend on the
/// guess that may stand in front of it.
fn relied_on(report: &Report) -> impl Iterator<Item = &Frame> {
    let is_arm64 = report.kind == CrashKind::Kernel && report.architecture.as_deref() == Some("arm64");
    let mut is_behind_guess = false;
    report.frames.iter().filter(move |frame| {
        is_behind_guess |= frame.trust == Trust::Scan;
        !is_behind_guess || (is_arm64 && frame.trust == Trust::FramePointer)
    })
}

fn place(frame: &Frame, module: &str) -> Option<String> {
    match &frame.function {
        Some(function) => Some(format!("{module}!{}", functions::trimmed(function))),
        None => Some(format!("{module}+{}", frame.module_offset?)),
    }
}
