//! The files in a folder that a command is given, and in the folders within it. Links are not followed.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders within folders that are entered.
const DEEPEST: usize = 16;

/// The files that `is_wanted` takes, in the order of their names. A folder that cannot be read is among them: opened as a
/// file, it gives a sentence.
pub(crate) fn files_in(folder: &Path, is_wanted: fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(folder, DEEPEST, is_wanted, &mut found);
    found
}

fn walk(folder: &Path, deeper: usize, is_wanted: fn(&Path) -> bool, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        found.push(folder.to_owned());
        return;
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            continue;
        };
        if metadata.is_dir() && deeper > 0 {
            walk(&path, deeper - 1, is_wanted, found);
        } else if metadata.is_file() && is_wanted(&path) {
            found.push(path);
        }
    }
}
