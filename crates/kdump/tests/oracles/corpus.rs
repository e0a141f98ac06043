//! The real dumps and what other tools print of them.
//!
//! They are not part of the repository. `STOPCODE_CORPUS` names their folder; by default it is `shared` beside the
//! checkout. Without it the tests say so and pass, unless `STOPCODE_REQUIRE_CORPUS=1`.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the corpus, or `None` with a message.
pub(crate) fn folder() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder = std::env::var_os("STOPCODE_CORPUS").map_or(default, PathBuf::from);
    if folder.join("dumps/kernel").is_dir() {
        return Some(folder);
    }
    let is_required = std::env::var_os("STOPCODE_REQUIRE_CORPUS").is_some_and(|value| value == "1");
    assert!(!is_required, "STOPCODE_REQUIRE_CORPUS=1 but there are no dumps");
    println!("skipped: no real dumps; STOPCODE_CORPUS names their folder");
    None
}

/// The bytes of a kernel dump.
pub(crate) fn dump(name: &str) -> Option<Vec<u8>> {
    Some(fs::read(folder()?.join("dumps/kernel").join(name)).unwrap())
}

/// A file of expected output.
pub(crate) fn expected(name: &str) -> Option<String> {
    Some(fs::read_to_string(folder()?.join("expected").join(name)).unwrap())
}

/// An oracle of one dump, as JSON.
pub(crate) fn oracle(dump: &str) -> Option<serde_json::Value> {
    let text = expected(&format!("oracle/{dump}.json"))?;
    Some(serde_json::from_str(&text).unwrap())
}

/// A hex number with or without `0x`, and with or without WinDbg's grave accent in the middle.
pub(crate) fn hex(text: &str) -> u64 {
    let digits = text.trim().trim_start_matches("0x").replace('`', "");
    u64::from_str_radix(&digits, 16).unwrap_or_else(|_| panic!("{text:?} is no hex number"))
}
