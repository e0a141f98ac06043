//! From the paths of the command line to the bytes of dumps.
//!
//! A file that is named is always tried. In a folder only what looks like a dump is taken: by name (`.dmp`, `.mdmp`,
//! `.hdmp`, `.zip`) or by its first bytes. Links are not followed.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::folders::files_in;

/// The most of one file that is read into memory.
const LARGEST_FILE: u64 = 256 << 20;

/// What is read of a kernel dump that is larger: its header has the stop code, and more is not used of such a dump.
const HEAD_OF_LARGE_KERNEL_DUMP: u64 = 1 << 20;

/// One file to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    path: PathBuf,
    /// How it is called in the report.
    pub(super) shown: String,
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// A dump, or what claims to be one.
    Dump(Vec<u8>),
    /// A zip.
    Archive(Vec<u8>),
}

/// The files that `path` stands for, in the order of their names.
pub(super) fn inputs(path: &Path) -> Vec<Input> {
    if !path.is_dir() {
        return vec![Input {
            path: path.to_owned(),
            shown: path.display().to_string(),
        }];
    }
    files_in(path, looks_like_a_dump)
        .into_iter()
        .map(|file| Input {
            shown: file.strip_prefix(path).unwrap_or(&file).display().to_string(),
            path: file,
        })
        .collect()
}

fn looks_like_a_dump(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let by_name = extension.is_some_and(|extension| {
        ["dmp", "mdmp", "hdmp", "zip"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    });
    by_name || head(path).is_some_and(|head| &head == b"PAGE" || &head == b"MDMP")
}

fn head(path: &Path) -> Option<[u8; 4]> {
    let mut head = [0; 4];
    File::open(path).ok()?.read_exact(&mut head).ok()?;
    Some(head)
}

/// Reads one file, or says in words why it cannot be read.
pub(super) fn open(input: &Input) -> Result<Found, String> {
    let file = File::open(&input.path).map_err(|error| in_words(error.kind()))?;
    let metadata = file.metadata().map_err(|error| in_words(error.kind()))?;
    if metadata.is_dir() {
        return Err("this folder cannot be read".to_owned());
    }
    let mut bytes = Vec::new();
    let mut limit = LARGEST_FILE;
    if metadata.len() > LARGEST_FILE {
        if head(&input.path) != Some(*b"PAGE") {
            return Err(format!(
                "the file is larger than {} MiB, which is the most that is read",
                LARGEST_FILE >> 20
            ));
        }
        limit = HEAD_OF_LARGE_KERNEL_DUMP;
    }
    file.take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| in_words(error.kind()))?;
    Ok(if bytes.starts_with(b"PK\x03\x04") {
        Found::Archive(bytes)
    } else {
        Found::Dump(bytes)
    })
}

fn in_words(kind: ErrorKind) -> String {
    match kind {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        ErrorKind::PermissionDenied => {
            "the file may not be read: copy it to a folder of yours, or run as an administrator".to_owned()
        }
        other => format!("the file cannot be read ({other})"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_folder_gives_its_dumps_in_order_and_leaves_other_files_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("b")).unwrap();
        for (name, content) in [
            ("z.dmp", "anything"),
            ("b/MEMORY.HDMP", "anything"),
            ("a-without-a-name", "PAGEDU64"),
            ("notes.txt", "a text about PAGEDU64"),
            ("readme.md", "hello"),
        ] {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let shown: Vec<_> = inputs(folder.path())
            .into_iter()
            .map(|input| input.shown)
            .collect();
        assert_eq!(shown, ["a-without-a-name", "b/MEMORY.HDMP", "z.dmp"]);
    }

    #[test]
    fn a_missing_file_is_a_sentence() {
        let input = &inputs(Path::new("/no/such/file.dmp"))[0];
        assert_eq!(open(input), Err("there is no such file".to_owned()));
    }

    #[test]
    fn a_zip_is_told_by_its_first_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dumps.dmp");
        fs::write(&path, b"PK\x03\x04rest").unwrap();
        assert!(matches!(open(&inputs(&path)[0]), Ok(Found::Archive(_))));
    }
}
