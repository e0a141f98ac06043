//! What several test files need: the oracles, dumps derived from real ones in memory, and symbol files.

use std::sync::Arc;

use analysis::SymbolSource;
use analysis::symbols::{Contents, SymbolBytes, Wanted, compile};
use wire::report::Report;
use wire::symbols::{SymbolKey, SymbolKind};

pub(crate) use crate::corpus::corpus;

/// A text of the corpus.
pub(crate) fn oracle(path: &str) -> Option<String> {
    let bytes = corpus(&format!("expected/{path}"))?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// A 64-bit kernel dump with another stop code: only the code and the parameters are overwritten.
pub(crate) fn rewritten(dump: &[u8], code: u32, parameters: [u64; 4]) -> Vec<u8> {
    let mut dump = dump.to_vec();
    dump[0x38..0x3c].copy_from_slice(&code.to_le_bytes());
    for (index, parameter) in parameters.into_iter().enumerate() {
        let at = 0x40 + 8 * index;
        dump[at..at + 8].copy_from_slice(&parameter.to_le_bytes());
    }
    dump
}

/// The report of a dump that must have one.
pub(crate) fn analyse(dump: &[u8]) -> Report {
    analysis::analyze(dump).expect("a report")
}

/// The addresses of the frames.
pub(crate) fn addresses(report: &Report) -> Vec<u64> {
    report.frames.iter().map(|frame| frame.address.0).collect()
}

/// Symbol files as a worker would have them, and what was asked for.
#[derive(Default)]
pub(crate) struct Symbols {
    files: Vec<(SymbolKind, SymbolKey, SymbolBytes)>,
    /// The questions, each as the keys of its files.
    pub(crate) asked: Vec<Vec<String>>,
}

impl Symbols {
    /// Adds a file that came under a name.
    pub(crate) fn with(mut self, bytes: &[u8], name: &str) -> Self {
        let compiled = compile(bytes, name).expect("a symbol file");
        let contents = match compiled.contents {
            Contents::AsItIs => bytes.to_vec(),
            Contents::Bytes(bytes) => bytes,
        };
        self.files.push((compiled.kind, compiled.key, Arc::new(contents)));
        self
    }

    /// Adds bytes as they are under a key.
    pub(crate) fn with_bytes(mut self, kind: SymbolKind, key: &str, bytes: Vec<u8>) -> Self {
        self.files
            .push((kind, key.parse().expect("a key"), Arc::new(bytes)));
        self
    }

    /// Adds a file of the corpus; `false` if there is none.
    pub(crate) fn add_from_corpus(&mut self, path: &str) -> bool {
        let Some(bytes) = corpus(&format!("symbols/{path}")) else {
            return false;
        };
        let name = path.rsplit('/').next().unwrap_or(path);
        *self = std::mem::take(self).with(&bytes, name);
        true
    }
}

impl SymbolSource for Symbols {
    fn find(&mut self, wanted: &[Wanted]) -> Vec<Option<SymbolBytes>> {
        self.asked
            .push(wanted.iter().map(|wanted| wanted.key.to_string()).collect());
        let find = |wanted: &Wanted| {
            let mut files = self.files.iter();
            let file = files.find(|(kind, key, _)| *kind == wanted.kind && *key == wanted.key);
            file.map(|(_, _, bytes)| bytes.clone())
        };
        wanted.iter().map(find).collect()
    }
}
