//! Symbol files: who is asked for them, and which are missing.
//!
//! Analysis opens no file and asks no server. It names the files it would like by their keys ([`SymbolKey`]) to a
//! [`SymbolSource`], which answers with their bytes as it has them: an image as it is on disk, a debug file compiled. Without any, everything works with less detail ([`NoSymbols`]).

use std::sync::Arc;

use wire::report::MissingSymbol;
use wire::symbols::{SymbolKey, SymbolKind};

/// The bytes of a symbol file, usually mapped.
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

/// The symbol file of an image; `None` if the stamp is 0, because then no server can find it.
pub(crate) fn missing(base_name: &str, time_date_stamp: u32, size_of_image: u32) -> Option<MissingSymbol> {
    let key = SymbolKey::image(base_name, time_date_stamp, size_of_image)?;
    Some(MissingSymbol {
        name: base_name.to_owned(),
        key: key.path(),
    })
}
