//! A tree of symbol files in symstore layout: `NAME/ID/FILE`, or `NA/NAME/ID/FILE` where `index2.txt` says so.
//!
//! It is only read. It comes from Windows, where upper and lower case are the same, so names are looked for as they
//! are asked for and then among all names of their folder. A file that is found is copied before it is used: its
//! owner may write to it at any time.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use analysis::symbols::Wanted;
use tokio::task::spawn_blocking;

use super::cache::{Entry, Temporary, name_of};
use super::compiler::{Compiler, Place, Source};
use super::{names, telemetry};

/// The largest file that is taken.
pub(super) const LARGEST_FILE: u64 = 512 << 20;

/// Names of a folder that are compared.
const MOST_NAMES: usize = 1_000_000;

/// A tree.
#[derive(Debug)]
pub(super) struct Tree {
    root: PathBuf,
}

/// A file of the tree.
#[derive(Debug)]
struct Found {
    path: PathBuf,
    name: String,
    /// What it is cached under: path, time of change and length.
    cached: String,
}

impl Tree {
    pub(super) fn new(root: PathBuf) -> Tree {
        Tree { root }
    }

    /// The compiled file, if the tree has one of this key that can be used.
    pub(super) async fn find(&self, wanted: &Wanted, compiler: &Compiler) -> Option<Arc<Entry>> {
        let root = self.root.clone();
        let asked = wanted.clone();
        let found = spawn_blocking(move || look_for(&root, &asked)).await;
        for found in found.unwrap_or_default() {
            if let Some(entry) = compiler.cache.get(&found.cached) {
                return Some(entry);
            }
            match take(&found, wanted, compiler).await {
                Ok(entry) => {
                    telemetry::found(telemetry::Origin::Tree);
                    return Some(entry);
                }
                Err(error) => telemetry::unusable(telemetry::Origin::Tree, wanted, &*error),
            }
        }
        None
    }
}

async fn take(
    found: &Found,
    wanted: &Wanted,
    compiler: &Compiler,
) -> Result<Arc<Entry>, Box<dyn std::error::Error + Send + Sync>> {
    let (path, mut copy) = (found.path.clone(), compiler.cache.temporary()?);
    let copy = spawn_blocking(move || {
        copy_file(&path, &mut copy)?;
        Ok::<_, io::Error>(copy)
    });
    let source = Source::Temporary(copy.await??);
    let place = Place {
        name: &found.name,
        cached: &found.cached,
    };
    Ok(compiler.compile(wanted, place, source).await?.entry)
}

fn copy_file(path: &Path, copy: &mut Temporary) -> io::Result<()> {
    use std::io::Read;
    let copied = io::copy(&mut File::open(path)?.take(LARGEST_FILE + 1), &mut copy.file)?;
    if copied > LARGEST_FILE {
        return Err(io::Error::other("the file is larger than 512 MiB"));
    }
    Ok(())
}

/// The files of this key, in the order they are to be tried.
fn look_for(root: &Path, wanted: &Wanted) -> Vec<Found> {
    let Some(folder) = folder_of(root, wanted) else {
        return Vec::new();
    };
    names::candidates(wanted)
        .into_iter()
        .filter_map(|name| {
            let path = entry_of(&folder, &name)?;
            // Not the open file's: opening a pipe would wait for ever.
            let metadata = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
            let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
            let cached = name_of(&[
                "tree",
                &path.to_string_lossy(),
                &changed.as_nanos().to_string(),
                &metadata.len().to_string(),
                wanted.kind.as_str(),
                &wanted.key.canonical(),
            ]);
            Some(Found { path, name, cached })
        })
        .collect()
}

/// The folder `NAME/ID`, whatever the case of its letters.
fn folder_of(root: &Path, wanted: &Wanted) -> Option<PathBuf> {
    let (name, id) = (wanted.key.name(), wanted.key.id());
    let named = if root.join("index2.txt").exists() {
        let prefix = name.get(..2).unwrap_or(name);
        entry_of(root, prefix).and_then(|prefix| entry_of(&prefix, name))
    } else {
        entry_of(root, name)
    };
    entry_of(&named?, id)
}

/// The path of `name` in `folder`, as it is spelled there.
fn entry_of(folder: &Path, name: &str) -> Option<PathBuf> {
    let exact = folder.join(name);
    if exact.exists() {
        return Some(exact);
    }
    let names = fs::read_dir(folder).ok()?.flatten().take(MOST_NAMES);
    let mut names = names.map(|entry| entry.file_name());
    let same = names.find(|other| {
        other
            .to_str()
            .is_some_and(|other| other.eq_ignore_ascii_case(name))
    })?;
    Some(folder.join(same))
}

#[cfg(test)]
mod tests {
    use wire::symbols::{SymbolKey, SymbolKind};

    use super::*;

    fn found(root: &Path, key: &str) -> Vec<String> {
        let wanted = Wanted {
            kind: SymbolKind::Debug,
            key: key.parse::<SymbolKey>().unwrap(),
        };
        look_for(root, &wanted)
            .into_iter()
            .map(|found| found.name)
            .collect()
    }

    fn file(root: &Path, path: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"x").unwrap();
    }

    #[test]
    fn upper_and_lower_case_are_the_same() {
        let root = tempfile::tempdir().unwrap();
        file(root.path(), "Crash.PDB/3249d99D1/crash.pd_");
        file(root.path(), "Crash.PDB/3249d99D1/crash.sym");
        assert_eq!(
            found(root.path(), "crash.pdb/3249D99d1"),
            ["crash.pd_", "crash.sym"]
        );
        assert!(found(root.path(), "crash.pdb/3249D99d2").is_empty());
        assert!(found(root.path(), "other.pdb/3249D99d1").is_empty());
    }

    #[test]
    fn a_tree_of_two_tiers_is_told_by_its_index() {
        let root = tempfile::tempdir().unwrap();
        file(root.path(), "cr/crash.pdb/1/crash.pdb");
        assert!(found(root.path(), "crash.pdb/1").is_empty());
        file(root.path(), "index2.txt");
        assert_eq!(found(root.path(), "crash.pdb/1"), ["crash.pdb"]);
    }

    #[test]
    fn only_files_are_taken() {
        let root = tempfile::tempdir().unwrap();
        file(root.path(), "a.pdb/1/a.pdb/inside");
        assert!(found(root.path(), "a.pdb/1").is_empty());
    }
}
