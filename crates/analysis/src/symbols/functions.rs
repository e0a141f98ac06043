//! Names, lines and inlined calls of a debug file, into a symcache.
//!
//! Reading names is the parsers' work; this is what is around it: decorated names are made readable once, here, and
//! cut to a length; nesting and numbers are bounded; a part of a PDB that its parser cannot read is left out, as long
//! as there are others.

use std::borrow::Cow;
use std::cell::Cell;
use std::error::Error;

use msvc_demangler::DemangleFlags;
use symbolic_debuginfo::{DebugSession, Function, ObjectLike};
use symbolic_symcache::{SymCacheConverter, transform};

use super::error::CompileError;
use crate::names;

/// The longest name that is kept, in characters.
pub(super) const MAX_NAME: usize = 512;
/// The longest decorated name that is made readable, in bytes; compilers write no longer ones.
const MAX_DECORATED_BYTES: usize = 4_096;
/// Most functions of a file; browsers have two million.
const MAX_FUNCTIONS: u64 = 10_000_000;
/// Most lines of a file.
const MAX_LINES: u64 = 100_000_000;
/// Deepest nesting of inlined calls.
pub(super) const MAX_INLINE_DEPTH: u32 = 128;

/// What kind of file names come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Names are decorated; a part that cannot be read is left out.
    Pdb,
    /// Names are readable; what cannot be read ends the reading, so it is an error.
    Breakpad,
}

impl Origin {
    fn what(self) -> &'static str {
        match self {
            Origin::Pdb => "PDB",
            Origin::Breakpad => ".sym file",
        }
    }
}

/// The symcache of an object.
pub(super) fn symcache<'data, 'object, O>(object: &'object O, origin: Origin) -> Result<Vec<u8>, CompileError>
where
    O: ObjectLike<'data, 'object>,
    O::Error: Error,
{
    let what = origin.what();
    let unreadable = |error: &O::Error| CompileError::unreadable(what, error);
    let session = object.debug_session().map_err(|error| unreadable(&error))?;
    let style = Cell::new(Style::Plain);
    let mut converter = SymCacheConverter::new();
    converter.set_arch(object.arch());
    converter.set_debug_id(object.debug_id());
    converter.add_transformer(Readable { style: &style });

    let mut counted = Counted::default();
    let mut first_problem = None;
    for function in session.functions() {
        match function {
            Ok(function) => {
                counted.add(&function, what)?;
                if depth(&function) <= MAX_INLINE_DEPTH {
                    converter.process_symbolic_function(&function);
                }
            }
            Err(error) if origin == Origin::Breakpad => return Err(unreadable(&error)),
            Err(error) => first_problem = first_problem.or(Some(unreadable(&error))),
        }
    }
    style.set(match origin {
        Origin::Pdb if object.arch().name() == "x86" => Style::DecoratedX86,
        Origin::Pdb => Style::Decorated,
        Origin::Breakpad => Style::Plain,
    });
    for symbol in object.symbols() {
        counted.functions = counted.functions.saturating_add(1);
        counted.check(what)?;
        converter.process_symbolic_symbol(&symbol);
    }
    match first_problem {
        Some(problem) if counted.functions == 0 => return Err(problem),
        _ => {}
    }
    let mut bytes = Vec::new();
    converter
        .serialize(&mut bytes)
        .map_err(|error| CompileError::unreadable(what, &error))?;
    Ok(bytes)
}

/// How much was read.
#[derive(Default)]
struct Counted {
    functions: u64,
    lines: u64,
}

impl Counted {
    fn add(&mut self, function: &Function<'_>, what: &'static str) -> Result<(), CompileError> {
        self.functions = self.functions.saturating_add(1);
        self.lines = self.lines.saturating_add(function.lines.len() as u64);
        self.check(what)
    }

    fn check(&self, what: &'static str) -> Result<(), CompileError> {
        let (of, limit) = if self.functions > MAX_FUNCTIONS {
            ("functions", MAX_FUNCTIONS)
        } else if self.lines > MAX_LINES {
            ("lines", MAX_LINES)
        } else {
            return Ok(());
        };
        Err(CompileError::TooMany { what, of, limit })
    }
}

/// How deep inlined calls are nested, up to one more than is accepted. The converter goes down by calling itself.
fn depth(function: &Function<'_>) -> u32 {
    let mut level: Vec<&Function<'_>> = function.inlinees.iter().collect();
    let mut depth = 0;
    while !level.is_empty() && depth <= MAX_INLINE_DEPTH {
        depth += 1;
        level = level.iter().flat_map(|function| &function.inlinees).collect();
    }
    depth
}

/// How names are written in the part of a file that is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// As in the source.
    Plain,
    /// As the linker sees them.
    Decorated,
    /// The same on x86, where C names are decorated too.
    DecoratedX86,
}

/// Makes names readable on their way into the symcache.
struct Readable<'a> {
    style: &'a Cell<Style>,
}

impl transform::Transformer for Readable<'_> {
    fn transform_function<'f>(
        &'f mut self,
        mut function: transform::Function<'f>,
    ) -> transform::Function<'f> {
        let name = undecorated(&function.name, self.style.get());
        function.name = Cow::Owned(names::cut(&name, MAX_NAME));
        function
    }
}

/// The name without what compilers put around it for the linker.
///
/// ```text
/// ?Read@Device@acme@@QEAAHPEAX@Z   acme::Device::Read      C++
/// Vector@@16                       Vector                  C, vectors in registers
/// _Sleep@4  @Fast@8  _main         Sleep  Fast  main       C on x86, with or without parameter bytes
/// ```
fn undecorated(name: &str, style: Style) -> Cow<'_, str> {
    if style == Style::Plain {
        return Cow::Borrowed(name);
    }
    if name.starts_with('?') {
        let is_sane = name.len() <= MAX_DECORATED_BYTES;
        let readable = is_sane.then(|| msvc_demangler::demangle(name, DemangleFlags::NAME_ONLY));
        return readable
            .and_then(Result::ok)
            .map_or(Cow::Borrowed(name), Cow::Owned);
    }
    let is_count = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let counted = name.rsplit_once('@').filter(|(_, count)| is_count(count));
    let bare = match (counted, style) {
        (Some((rest, _)), _) if rest.ends_with('@') => rest.trim_end_matches('@'),
        (Some((rest, _)), Style::DecoratedX86) => rest.strip_prefix(['_', '@']).unwrap_or(rest),
        (None, Style::DecoratedX86) => name.strip_prefix('_').unwrap_or(name),
        _ => name,
    };
    Cow::Borrowed(if bare.is_empty() { name } else { bare })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decorations_are_taken_off() {
        for (decorated, x64, x86) in [
            (
                "?Read@Device@acme@@QEAAHPEAX@Z",
                "acme::Device::Read",
                "acme::Device::Read",
            ),
            ("Vector@@16", "Vector", "Vector"),
            ("_Sleep@4", "_Sleep@4", "Sleep"),
            ("@Fast@8", "@Fast@8", "Fast"),
            ("_main", "_main", "main"),
            ("__chkstk", "__chkstk", "_chkstk"),
            ("KeBugCheckEx", "KeBugCheckEx", "KeBugCheckEx"),
            ("?", "?", "?"),
            ("@", "@", "@"),
            ("_@8", "_@8", "_@8"),
        ] {
            assert_eq!(undecorated(decorated, Style::Decorated), x64);
            assert_eq!(undecorated(decorated, Style::DecoratedX86), x86);
            assert_eq!(undecorated(decorated, Style::Plain), decorated);
        }
    }

    #[test]
    fn a_decorated_name_of_absurd_length_is_left_alone() {
        let name = format!("?{}@@YAXXZ", "a".repeat(10_000));
        assert_eq!(undecorated(&name, Style::Decorated), name);
    }
}
