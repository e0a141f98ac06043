//! The symbol files of the modules that a process's stacks may lead through.

use std::collections::{BTreeMap, BTreeSet};

use minidump::system_info::{Cpu, Os};
use minidump::{CodeView, MinidumpModule};
use minidump_processor::ProcessState;
use wire::report::MissingSymbol;
use wire::symbols::{SymbolKey, SymbolKind};

use crate::names;
use crate::symbols::{self, DebugFile, SymbolBytes, SymbolSource, Wanted};
use crate::unwind::Pe;

/// Most symbol files that a report complains about.
const MAX_COMPLAINTS: usize = 8;

/// The files that were to be had, and what was wrong with others.
#[derive(Debug, Default)]
pub(super) struct Files {
    by_base: BTreeMap<u64, ModuleFiles>,
    warnings: Vec<String>,
}

/// The files of one module.
#[derive(Debug, Default)]
pub(super) struct ModuleFiles {
    /// Its image: how to get from a frame to its caller.
    pub(super) image: Option<Pe>,
    /// Its debug file: names, and on x86 how to get to the caller.
    pub(super) debug: Option<DebugFile>,
    image_key: Option<SymbolKey>,
    debug_key: Option<SymbolKey>,
}

impl Files {
    /// Asks once for the files of all modules that one of the addresses lies in.
    pub(super) fn of(
        state: &ProcessState,
        addresses: impl Iterator<Item = u64>,
        symbols: &mut dyn SymbolSource,
    ) -> Self {
        if state.system_info.os != Os::Windows {
            return Files::default();
        }
        let mut modules = touched(state, addresses);
        let mut asked = Vec::new();
        for (base, files) in &modules {
            let keys = [
                (SymbolKind::Image, &files.image_key),
                (SymbolKind::Debug, &files.debug_key),
            ];
            let keys = keys.into_iter().filter_map(|(kind, key)| {
                let key = key.clone()?;
                Some((*base, Wanted { kind, key }))
            });
            asked.extend(keys);
        }
        let wanted: Vec<_> = asked.iter().map(|(_, wanted)| wanted.clone()).collect();
        let found = symbols.find(&wanted);
        let mut warnings = Vec::new();
        for ((base, wanted), bytes) in asked.iter().zip(found) {
            let (Some(files), Some(bytes)) = (modules.get_mut(base), bytes) else {
                continue;
            };
            if let Err(problem) = files.open(state, *base, wanted.kind, bytes) {
                warnings.push(format!(
                    "The symbol file {} is not used: {problem}.",
                    wanted.key.name()
                ));
            }
        }
        warnings.truncate(MAX_COMPLAINTS);
        Files {
            by_base: modules,
            warnings,
        }
    }

    /// The files of the module that begins at `base`.
    pub(super) fn at(&self, base: u64) -> Option<&ModuleFiles> {
        self.by_base.get(&base)
    }

    /// What was wrong with files, in sentences.
    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The files that the modules at these bases lack.
    pub(super) fn missing(&self, bases: impl Iterator<Item = u64>) -> Vec<MissingSymbol> {
        let bases: BTreeSet<u64> = bases.collect();
        let modules = bases.iter().filter_map(|base| self.by_base.get(base));
        let keys = modules.flat_map(|files| {
            let image = files.image_key.as_ref().filter(|_| files.image.is_none());
            let debug = files.debug_key.as_ref().filter(|_| files.debug.is_none());
            image.into_iter().chain(debug)
        });
        symbols::missing(keys.cloned())
    }
}

impl ModuleFiles {
    fn of(module: &MinidumpModule, has_tables: bool) -> Self {
        let raw = &module.raw;
        let name = names::base_name(&module.name);
        ModuleFiles {
            image: None,
            debug: None,
            image_key: SymbolKey::image(&name, raw.time_date_stamp, raw.size_of_image).filter(|_| has_tables),
            debug_key: debug_key(module),
        }
    }

    fn open(
        &mut self,
        state: &ProcessState,
        base: u64,
        kind: SymbolKind,
        bytes: SymbolBytes,
    ) -> Result<(), String> {
        match kind {
            SymbolKind::Image => {
                let image = Pe::open(bytes).map_err(|problem| format!("it {problem}"))?;
                let is_it = state
                    .modules
                    .module_at_address(base)
                    .is_some_and(|module| image.is(module.raw.time_date_stamp, module.raw.size_of_image));
                if !is_it {
                    return Err("it is of another build than the module in the dump".to_owned());
                }
                self.image = Some(image);
            }
            SymbolKind::Debug => {
                self.debug = Some(DebugFile::open(bytes).map_err(|problem| problem.to_string())?);
            }
        }
        Ok(())
    }
}

/// Whether images tell how to get to a caller; on x86 debug files do.
fn has_tables(state: &ProcessState) -> bool {
    matches!(state.system_info.cpu, Cpu::X86_64 | Cpu::Arm64)
}

/// The modules that one of the addresses lies in, by their bases.
fn touched(state: &ProcessState, addresses: impl Iterator<Item = u64>) -> BTreeMap<u64, ModuleFiles> {
    let ends = || {
        let modules = state.modules.iter();
        modules.map(|module| {
            let base = module.raw.base_of_image;
            (base, base.saturating_add(u64::from(module.raw.size_of_image)))
        })
    };
    let lowest = ends().map(|(base, _)| base).min().unwrap_or(u64::MAX);
    let highest = ends().map(|(_, end)| end).max().unwrap_or_default();
    let mut touched = BTreeMap::new();
    // Most words of a stack are no addresses of code at all.
    for address in addresses.filter(|address| (lowest..highest).contains(address)) {
        if let Some(module) = state.modules.module_at_address(address) {
            touched
                .entry(module.raw.base_of_image)
                .or_insert_with(|| ModuleFiles::of(module, has_tables(state)));
        }
    }
    touched
}

/// The key of the PDB that a module was linked with.
fn debug_key(module: &MinidumpModule) -> Option<SymbolKey> {
    let Some(CodeView::Pdb70(record)) = &module.codeview_info else {
        return None;
    };
    let path = record.pdb_file_name.split(|byte| *byte == 0).next()?;
    let name = names::base_name(&String::from_utf8_lossy(path));
    let id = &record.signature;
    let upper = (u64::from(id.data1) << 32) | (u64::from(id.data2) << 16) | u64::from(id.data3);
    let guid = (u128::from(upper) << 64) | u128::from(u64::from_be_bytes(id.data4));
    SymbolKey::debug(&name, guid, record.age)
}
