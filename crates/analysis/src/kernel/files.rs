//! The symbol files of the images that a kernel stack may lead through.
//!
//! A dump names no debug file, only images; the image names its debug file. So there are two questions: before the
//! walk for every image that a word of the stack lies in, because which of them are frames is what the walk finds
//! out; and behind it for the debug files of those that are.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use kdump::{Dump, Machine};
use wire::report::MissingSymbol;
use wire::symbols::{SymbolKey, SymbolKind};

use super::fault::Fault;
use super::modules::{Image, Modules};
use super::scan::MAX_WORDS;
use crate::symbols::{self, DebugFile, SymbolBytes, SymbolSource, Wanted};
use crate::unwind::arm64::unsigned;
use crate::unwind::{Damage, Pe, PeMachine};
use crate::walk::Files;

/// Most images that are asked for. The longest stacks that were seen lead into some sixty.
const MAX_IMAGES: usize = 256;
/// Most warnings about the files of one dump.
const MAX_WARNINGS: usize = 8;

/// What was asked for and what came of it.
#[derive(Default)]
pub(super) struct Symbols {
    pub(super) files: Files,
    warnings: Vec<String>,
}

impl Symbols {
    /// Asks for the images that the stack, the registers and the parameters lead into.
    pub(super) fn of(
        dump: &Dump<'_>,
        modules: &Modules,
        fault: &Fault<'_>,
        source: &mut dyn SymbolSource,
    ) -> Symbols {
        let mut symbols = Symbols::default();
        let images = candidates(dump, modules, fault);
        let keyed = images.into_iter().filter_map(|image| Some((image, key(image)?)));
        let (images, wanted): (Vec<_>, Vec<_>) = keyed
            .map(|(image, key)| {
                let kind = SymbolKind::Image;
                (image, Wanted { kind, key })
            })
            .unzip();
        if wanted.is_empty() {
            return symbols;
        }
        let found = source.find(&wanted).into_iter();
        // A dump may list one image many times.
        let mut opened: HashMap<&SymbolKey, Arc<Pe>> = HashMap::new();
        for ((image, wanted), bytes) in images.into_iter().zip(&wanted).zip(found) {
            let Some(bytes) = bytes else { continue };
            let pe = match opened.get(&wanted.key) {
                Some(pe) => Ok(pe.clone()),
                None => open(bytes, image, machine(dump)).map(Arc::new),
            };
            match pe {
                Ok(pe) => {
                    opened.insert(&wanted.key, pe.clone());
                    symbols.files.of_mut(image.base).image = Some(pe);
                }
                Err(problem) => symbols.warn(format!("The symbol file {} {problem}.", wanted.key)),
            }
        }
        symbols
    }

    /// Asks for the debug files of the images at `bases`.
    pub(super) fn ask_for_debug_files(&mut self, bases: &BTreeSet<u64>, source: &mut dyn SymbolSource) {
        let images = bases
            .iter()
            .filter_map(|base| Some((*base, self.files.image(*base)?)));
        let keyed = images.filter_map(|(base, image)| Some((base, image.debug()?.clone())));
        let (bases, wanted): (Vec<_>, Vec<_>) = keyed
            .map(|(base, key)| {
                let kind = SymbolKind::Debug;
                (base, Wanted { kind, key })
            })
            .unzip();
        if wanted.is_empty() {
            return;
        }
        for ((base, wanted), bytes) in bases.into_iter().zip(&wanted).zip(source.find(&wanted)) {
            match bytes.map(DebugFile::open) {
                Some(Ok(debug)) => self.files.of_mut(base).debug = Some(debug),
                Some(Err(problem)) => {
                    self.warn(format!(
                        "The symbol file {} is not used: {problem}.",
                        wanted.key.name()
                    ));
                }
                None => {}
            }
        }
    }

    /// The files of the images at `bases` that were not to be had.
    pub(super) fn missing(&self, modules: &Modules, bases: &BTreeSet<u64>) -> Vec<MissingSymbol> {
        let key = |base: &u64| {
            let files = self.files.of(*base);
            match files.and_then(|files| files.image.as_ref()) {
                None => key(modules.at(*base)?.image),
                Some(image) if files.is_none_or(|files| files.debug.is_none()) => image.debug().cloned(),
                Some(_) => None,
            }
        };
        symbols::missing(bases.iter().filter_map(key))
    }

    /// Tells what was wrong with the files that were used.
    pub(super) fn note(&mut self, modules: &Modules, mut damage: BTreeSet<(u64, Damage)>) {
        let images = self.files.images().filter(|(_, image)| image.was_out_of_order());
        damage.extend(images.map(|(base, _)| (base, Damage::OutOfOrder)));
        for (base, damage) in damage {
            let Some(hit) = modules.at(base) else { continue };
            self.warn(match damage {
                Damage::OutOfOrder => format!("The list of functions of {} {damage}.", hit.image.name),
                _ => format!(
                    "Unwind information of {} {damage}; the stack may be incomplete.",
                    hit.image.name
                ),
            });
        }
    }

    /// What was odd about the files.
    pub(super) fn into_warnings(self) -> Vec<String> {
        self.warnings
    }

    fn warn(&mut self, warning: String) {
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(warning);
        }
    }
}

/// The processor of a dump as images name it.
fn machine(dump: &Dump<'_>) -> PeMachine {
    match dump.header().machine {
        Machine::Amd64 => PeMachine::Amd64,
        Machine::Arm64 => PeMachine::Arm64,
        _ => PeMachine::Other,
    }
}

fn key(image: &Image) -> Option<SymbolKey> {
    let name = image.is_named.then_some(&image.name)?;
    SymbolKey::image(name, image.time_date_stamp, image.size_bytes)
}

fn open(bytes: SymbolBytes, image: &Image, machine: PeMachine) -> Result<Pe, String> {
    let pe = Pe::open(bytes).map_err(|problem| problem.to_string())?;
    if pe.is(image.time_date_stamp, image.size_bytes) && pe.machine() == machine {
        Ok(pe)
    } else {
        Err("is another image than its key says".to_owned())
    }
}

/// Every image that the instruction, a word of the stack or a parameter lies in, in this order.
fn candidates<'a>(dump: &Dump<'_>, modules: &'a Modules, fault: &Fault<'_>) -> Vec<&'a Image> {
    let stack = dump.stack();
    let words = stack.iter().flat_map(kdump::Stack::words).take(MAX_WORDS);
    let words = words.filter(|(at, _)| at.0 >= fault.sp).map(|(_, word)| word);
    let is_arm = dump.header().machine == Machine::Arm64;
    let registers = fault.context.iter().flat_map(kdump::Context::registers);
    let addresses = [fault.pc]
        .into_iter()
        .chain(registers.map(|(_, value)| value))
        .chain(words)
        .chain(dump.header().bug_check.parameters)
        .map(|address| if is_arm { unsigned(address) } else { address });
    let mut seen = BTreeSet::new();
    addresses
        .filter_map(|address| modules.at(address))
        .filter(|hit| seen.insert(hit.image.base))
        .map(|hit| hit.image)
        .take(MAX_IMAGES)
        .collect()
}
