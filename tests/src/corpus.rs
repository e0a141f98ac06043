//! Where the real dumps are.

use std::path::PathBuf;

/// The folder of real dumps and published debugger output, or `None` with a message when it is not there.
///
/// It is `STOPCODE_CORPUS`, by default `../shared` beside the checkout.
///
/// # Panics
///
/// If `STOPCODE_REQUIRE_CORPUS=1` and the folder is absent: then a skipped test would hide a failure.
pub fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("STOPCODE_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        PathBuf::from,
    );
    if folder.join("dumps").is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("STOPCODE_REQUIRE_CORPUS").is_none_or(|value| value != "1"),
        "the corpus of real dumps is required and not at {}",
        folder.display()
    );
    eprintln!(
        "skipped: no corpus of real dumps at {} (set STOPCODE_CORPUS)",
        folder.display()
    );
    None
}

/// The bytes of one file of the corpus, such as `dumps/kernel/triage_x64.dmp`.
///
/// # Panics
///
/// If the corpus is there and the file is not.
pub fn corpus_file(path: &str) -> Option<Vec<u8>> {
    let file = corpus()?.join(path);
    Some(std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
}
