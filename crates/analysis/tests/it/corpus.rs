//! The real dumps and the symbol files that belong to them, for the tests inside the crate and those beside it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use analysis::symbols::{Compiled, Contents, SymbolBytes, SymbolSource, Wanted, compile};

/// A file of the corpus, or `None` where there is no corpus.
///
/// `STOPCODE_CORPUS` says where it is, by default `shared` beside the checkout. With `STOPCODE_REQUIRE_CORPUS=1` its
/// absence is a failure.
pub(crate) fn corpus(path: &str) -> Option<Vec<u8>> {
    if let Ok(bytes) = std::fs::read(folder().join(path)) {
        return Some(bytes);
    }
    assert!(
        std::env::var("STOPCODE_REQUIRE_CORPUS").is_err(),
        "{path} is not in the corpus, and STOPCODE_REQUIRE_CORPUS is set"
    );
    // Whoever reads the test's output must see that nothing was tested.
    let _ = writeln!(std::io::stdout(), "skipped: {path} is not in the corpus");
    None
}

fn folder() -> PathBuf {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    std::env::var_os("STOPCODE_CORPUS").map_or(beside, PathBuf::from)
}

/// The symbol files of the corpus, of which every question is remembered.
#[derive(Debug, Default)]
pub(crate) struct CorpusSymbols {
    /// What was asked for, question by question.
    pub(crate) asked: Vec<Vec<Wanted>>,
}

impl SymbolSource for CorpusSymbols {
    fn find(&mut self, wanted: &[Wanted]) -> Vec<Option<SymbolBytes>> {
        self.asked.push(wanted.to_vec());
        let find = |wanted: &Wanted| {
            let path = [wanted.key.name(), wanted.key.id(), wanted.key.name()];
            let file = path
                .iter()
                .try_fold(folder().join("symbols"), |folder, name| entry(&folder, name))?;
            let mut bytes = std::fs::read(file).ok()?;
            if let Ok(Compiled {
                contents: Contents::Bytes(compiled),
                ..
            }) = compile(&bytes, wanted.key.name())
            {
                bytes = compiled;
            }
            let bytes: SymbolBytes = Arc::new(bytes);
            Some(bytes)
        };
        wanted.iter().map(find).collect()
    }
}

/// The entry of a folder by its name in whatever case.
fn entry(folder: &Path, name: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let mut entries = entries.filter(|entry| entry.file_name().eq_ignore_ascii_case(name));
    entries.next().map(|entry| entry.path())
}
