//! Symbol files: who is asked for them, what they are, what they are compiled into, and which are missing.
//!
//! Analysis opens no file and asks no server. It names the files it would like by their keys ([`SymbolKey`]) to a
//! [`SymbolSource`], which answers with their bytes as it has them: an image as it is on disk, a debug file as
//! [`compile`](compile()) made it. Without any, everything works with less detail ([`NoSymbols`]).
//!
//! | module | in it |
//! |---|---|
//! | `compile` | what a file is, and what is made of it |
//! | `cabinet` | the file inside a CAB, within bounds |
//! | `image` | an image's stamp and size, and the PDB it names |
//! | `pdb` | a PDB's streams checked, its GUID and age |
//! | `breakpad` | a `.sym` file's first line |
//! | `functions` | names, lines and inlined calls, into a symcache |
//! | `records` | stack records of x86 and of `.sym` files, into an index |
//! | `container` | the format of a compiled debug file |
//! | `debug_file` | what a compiled debug file answers |

mod breakpad;
mod cabinet;
mod compile;
mod container;
mod debug_file;
mod error;
mod functions;
mod image;
mod pdb;
mod records;

use std::collections::BTreeSet;
use std::sync::Arc;

use wire::report::MissingSymbol;
use wire::symbols::{SymbolKey, SymbolKind};

pub use compile::{Compiled, Contents, compile, identify};
pub use container::OpenError;
pub use debug_file::{DebugFile, Inlined, Located};
pub use error::CompileError;

/// The bytes of a symbol file, usually mapped. A compiled file must begin at an address that 8 divides.
pub type SymbolBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// A file that analysis would like to see.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// What it is for.
    pub kind: SymbolKind,
    /// Its key.
    pub key: SymbolKey,
}

/// Where symbol files come from.
pub trait SymbolSource {
    /// The files that are to be had, in the order they were asked for. One call for all images a stack may lead
    /// through, and one for their debug files.
    fn find(&mut self, wanted: &[Wanted]) -> Vec<Option<SymbolBytes>>;
}

/// No symbol files at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSymbols;

impl SymbolSource for NoSymbols {
    fn find(&mut self, wanted: &[Wanted]) -> Vec<Option<SymbolBytes>> {
        vec![None; wanted.len()]
    }
}

/// Files that were wanted and not had, as a report lists them: sorted, each once.
pub(crate) fn missing(keys: impl Iterator<Item = SymbolKey>) -> Vec<MissingSymbol> {
    let missing: BTreeSet<MissingSymbol> = keys
        .map(|key| MissingSymbol {
            name: key.name().to_owned(),
            key: key.path(),
        })
        .collect();
    missing.into_iter().collect()
}
