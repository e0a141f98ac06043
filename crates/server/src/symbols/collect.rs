//! From the paths of the command line to symbol files with their keys.
//!
//! A file that is named is always tried. In a folder only what looks like a symbol file by its first bytes is taken, and
//! zips by their name. Links are not followed.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use wire::symbols::SymbolKey;

use crate::folders::files_in;

/// The most of one file that is read.
const LARGEST_FILE: u64 = 512 << 20;

/// What is in a file.
#[derive(Debug)]
pub(super) enum Found {
    /// A zip archive; it is sent without being read before.
    Archive,
    /// A symbol file.
    File {
        /// Its own key.
        key: SymbolKey,
        /// Its name.
        file_name: String,
        /// Its bytes.
        bytes: Vec<u8>,
    },
}

/// The files that `path` stands for, in the order of their names.
pub(super) fn files(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    files_in(path, looks_like_symbols)
}

fn looks_like_symbols(path: &Path) -> bool {
    let start = head(path).unwrap_or_default();
    let is_zip = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
    is_zip
        || [&b"MZ"[..], b"MSCF", b"MODULE ", b"Microsoft C/C++ "]
            .iter()
            .any(|magic| start.starts_with(magic))
}

fn head(path: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path).ok()?.take(16).read_to_end(&mut head).ok()?;
    Some(head)
}

/// Reads one file and finds its key, or says in words why it cannot be taken.
pub(super) fn open(path: &Path) -> Result<Found, String> {
    let file = File::open(path).map_err(|error| in_words(error.kind()))?;
    let metadata = file.metadata().map_err(|error| in_words(error.kind()))?;
    if metadata.is_dir() {
        return Err("this folder cannot be read".to_owned());
    }
    if head(path).is_some_and(|start| start.starts_with(b"PK\x03\x04")) {
        return Ok(Found::Archive);
    }
    if metadata.len() > LARGEST_FILE {
        return Err(format!(
            "the file is larger than {} MiB, which is the most that is taken",
            LARGEST_FILE >> 20
        ));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE)
        .read_to_end(&mut bytes)
        .map_err(|error| in_words(error.kind()))?;
    let file_name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let (_, key) = analysis::symbols::identify(&bytes, &file_name).map_err(|error| error.to_string())?;
    Ok(Found::File {
        // A name that is none in a key stays on this machine.
        file_name: SymbolKey::new(&file_name, "0").map_or_else(|_| key.name().to_owned(), |_| file_name),
        key,
        bytes,
    })
}

fn in_words(kind: ErrorKind) -> String {
    match kind {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        ErrorKind::PermissionDenied => "the file may not be read".to_owned(),
        other => format!("the file cannot be read ({other})"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const SYM: &[u8] = b"MODULE windows x86_64 000000000000000000000000000000001 acme.pdb\nPUBLIC 1000 0 A\n";

    #[test]
    fn a_folder_gives_its_symbol_files_in_order_and_leaves_other_files_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("b")).unwrap();
        for (name, content) in [
            ("z.zip", &b"anything"[..]),
            ("b/acme.sym", SYM),
            ("a.pd_", b"MSCF"),
            ("notes.txt", b"hello"),
        ] {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let names: Vec<_> = files(folder.path())
            .into_iter()
            .map(|file| file.strip_prefix(folder.path()).unwrap().display().to_string())
            .collect();
        assert_eq!(names, ["a.pd_", "b/acme.sym", "z.zip"]);
    }

    #[test]
    fn a_file_tells_its_own_key_and_a_foreign_one_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("anything.txt");
        fs::write(&path, SYM).unwrap();
        let Ok(Found::File { key, file_name, .. }) = open(&path) else {
            panic!("it is a symbol file")
        };
        assert_eq!(key.name(), "acme.pdb");
        assert_eq!(file_name, "anything.txt");
        fs::write(&path, b"hello").unwrap();
        assert!(open(&path).unwrap_err().split(' ').count() > 2);
        assert_eq!(
            open(Path::new("/no/such/file")).unwrap_err(),
            "there is no such file"
        );
    }
}
