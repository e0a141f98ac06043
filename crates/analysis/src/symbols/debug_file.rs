//! A compiled debug file and what it answers: names, lines, inlined calls, and how to get to the caller.

use breakpad_symbols::{FrameWalker, Module, SymbolFile};
use symbolic_symcache::SourceLocation;

use super::SymbolBytes;
use super::container::{Container, Kind, OpenError};
use super::functions::{MAX_INLINE_DEPTH, MAX_NAME};
use crate::names;

/// A file needs this line before the parser of stack records looks at them.
const MODULE_LINE: &[u8] = b"MODULE windows x86 0 x\n";
/// The function of a place has no address: it is inlined, or it is not known.
const NO_ADDRESS: u32 = u32::MAX;

/// A compiled debug file. Opening one costs microseconds, whatever its size.
#[derive(Debug)]
pub struct DebugFile {
    container: Container,
}

/// What is at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The function whose code it is, fit to show.
    pub function: String,
    /// The distance from the function's first byte.
    pub function_offset: u64,
    /// The source file; where calls are inlined, that of the outermost one.
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<u32>,
    /// The calls that the compiler put in place, innermost first.
    pub inlines: Vec<Inlined>,
}

/// A function that the compiler put in the place of its call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inlined {
    /// The function, fit to show.
    pub function: String,
    /// The source file.
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<u32>,
}

impl DebugFile {
    /// Opens what [`compile`](super::compile()) made.
    ///
    /// # Errors
    ///
    /// When the bytes are something else, cut short, of another version, or not at a multiple of 8 in memory.
    pub fn open(bytes: SymbolBytes) -> Result<DebugFile, OpenError> {
        Container::open(bytes).map(|container| DebugFile { container })
    }

    /// The function, file and line of an address relative to the image, or `None` if it is in no function.
    pub fn lookup(&self, rva: u64) -> Option<Located> {
        let cache = self.container.symcache()?;
        let most = usize::try_from(MAX_INLINE_DEPTH).unwrap_or_default();
        let mut places: Vec<_> = cache.lookup(rva).take(most.saturating_add(1)).collect();
        let outermost = places.pop()?;
        let function = outermost.function();
        // A name is always there unless the file lies.
        let start = Some(function.entry_pc()).filter(|start| *start != NO_ADDRESS)?;
        Some(Located {
            function: names::cut(function.name(), MAX_NAME),
            function_offset: rva.checked_sub(u64::from(start))?,
            file: file(&outermost),
            line: line(&outermost),
            inlines: places
                .iter()
                .map(|place| Inlined {
                    function: names::cut(place.function().name(), MAX_NAME),
                    file: file(place),
                    line: line(place),
                })
                .collect(),
        })
    }

    /// Whether an address relative to the image is in a function.
    pub fn is_code(&self, rva: u64) -> bool {
        let cache = self.container.symcache();
        cache.is_some_and(|cache| cache.lookup(rva).next().is_some())
    }

    /// How many bytes of parameters the function at an address relative to the image takes off the stack when it
    /// returns, or `None` if the address is in no function. A stack record knows better than the function's own.
    pub fn parameter_bytes(&self, rva: u64) -> Option<u32> {
        let cache = self.container.symcache()?;
        let most = usize::try_from(MAX_INLINE_DEPTH).unwrap_or_default();
        let outermost = cache.lookup(rva).take(most.saturating_add(1)).last()?;
        let by_function = || self.container.parameter_bytes(outermost.function().entry_pc());
        let by_record = u32::try_from(rva)
            .ok()
            .and_then(|rva| self.recorded_parameters(rva));
        Some(by_record.or_else(by_function).unwrap_or_default())
    }

    /// Finds the registers of the caller of a walker's frame by the stack record for its instruction; `None` if there
    /// is none, or if it does not lead anywhere.
    pub fn walk_frame(&self, module: &dyn Module, walker: &mut dyn FrameWalker) -> Option<()> {
        let rva = walker.get_instruction().checked_sub(module.base_address())?;
        let rva = u32::try_from(rva).ok()?;
        let mut text = MODULE_LINE.to_vec();
        for kind in [Kind::FrameData, Kind::Fpo, Kind::Cfi] {
            text.extend_from_slice(self.container.record(kind, rva).unwrap_or_default());
        }
        if text.len() == MODULE_LINE.len() {
            return None;
        }
        SymbolFile::from_bytes(&text).ok()?.walk_frame(module, walker)
    }

    fn recorded_parameters(&self, rva: u32) -> Option<u32> {
        [Kind::FrameData, Kind::Fpo].into_iter().find_map(|kind| {
            let record = self.container.record(kind, rva)?;
            let mut words = record.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
            // STACK WIN type address size prologue epilogue parameters
            u32::from_str_radix(str::from_utf8(words.nth(7)?).ok()?, 16).ok()
        })
    }
}

fn file(place: &SourceLocation<'_, '_>) -> Option<String> {
    let path = place.file()?.full_path();
    (!path.is_empty()).then(|| names::cut(&path, MAX_NAME))
}

fn line(place: &SourceLocation<'_, '_>) -> Option<u32> {
    Some(place.line()).filter(|line| *line != 0 && *line != u32::MAX)
}
