//! Copies of dumps that wait for the server, because Windows removes old small dumps by itself.
//!
//! `spool/<sha256>.dmp` in the state folder, up to a number of bytes; when it is full the oldest copies go first, and
//! the log says so. These copies are the only dumps that the agent ever removes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::digest;
use crate::service::make_private_folder;

/// The spool of one state folder.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
    most_bytes: u64,
}

#[derive(Debug)]
struct Copy {
    path: PathBuf,
    size_bytes: u64,
    written: std::time::SystemTime,
}

impl Spool {
    /// The spool below `state_dir`, of at most so many bytes. It is made when it is first needed.
    pub(crate) fn new(state_dir: &Path, most_bytes: u64) -> Self {
        Self {
            folder: state_dir.join("spool"),
            most_bytes,
        }
    }

    /// The copy of a dump, if there is one.
    pub(crate) fn copy_of(&self, sha256: &str) -> Option<PathBuf> {
        let path = self.path(sha256);
        path.is_file().then_some(path)
    }

    /// The dumps in the spool: SHA-256 and path.
    pub(crate) fn dumps(&self) -> Vec<(String, PathBuf)> {
        let name = |copy: &Copy| Some(copy.path.file_stem()?.to_str()?.to_owned());
        let copies = self.copies().into_iter();
        copies
            .filter_map(|copy| Some((name(&copy)?, copy.path)))
            .collect()
    }

    /// Copies a dump into the spool, making room first. Says whether it is there now.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or the disk is full; no half copy stays.
    pub(crate) fn keep(&self, sha256: &str, path: &Path, size_bytes: u64) -> io::Result<bool> {
        if self.copy_of(sha256).is_some() {
            return Ok(true);
        }
        if size_bytes > self.most_bytes {
            return Ok(false);
        }
        make_private_folder(&self.folder).map_err(io::Error::other)?;
        self.make_room(size_bytes);
        let new = self.folder.join("copy.new");
        let copied = fs::copy(path, &new).and_then(|_| {
            if digest::of_file(&new)? != sha256 {
                return Err(io::Error::other("the file changed while it was copied"));
            }
            fs::File::options().write(true).open(&new)?.sync_all()?;
            fs::rename(&new, self.path(sha256))
        });
        if copied.is_err() {
            let _ = fs::remove_file(&new); // the first error is the one to tell
        }
        copied.map(|()| true)
    }

    /// Removes the copy of a dump that the server has.
    pub(crate) fn remove(&self, sha256: &str) {
        if let Some(path) = self.copy_of(sha256)
            && let Err(error) = fs::remove_file(&path)
        {
            tracing::warn!(path = %path.display(), %error, "a copy in the spool cannot be removed");
        }
    }

    fn make_room(&self, size_bytes: u64) {
        let mut copies = self.copies();
        copies.sort_by_key(|copy| copy.written);
        let mut held: u64 = copies.iter().map(|copy| copy.size_bytes).sum();
        for copy in copies {
            if held.saturating_add(size_bytes) <= self.most_bytes {
                return;
            }
            tracing::warn!(path = %copy.path.display(), "the spool is full: its oldest copy is removed");
            match fs::remove_file(&copy.path) {
                Ok(()) => held = held.saturating_sub(copy.size_bytes),
                Err(error) => tracing::warn!(%error, "the oldest copy cannot be removed"),
            }
        }
    }

    fn copies(&self) -> Vec<Copy> {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let copy = |entry: fs::DirEntry| {
            let metadata = entry.metadata().ok()?;
            let path = entry.path();
            let name = path.file_name()?.to_str()?.strip_suffix(".dmp")?;
            let is_ours = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_ours.then(|| {
                Some(Copy {
                    size_bytes: metadata.len(),
                    written: metadata.modified().ok()?,
                    path: path.clone(),
                })
            })?
        };
        entries.filter_map(Result::ok).filter_map(copy).collect()
    }

    fn path(&self, sha256: &str) -> PathBuf {
        self.folder.join(format!("{sha256}.dmp"))
    }
}

#[cfg(test)]
mod tests {
    use super::Spool;
    use crate::digest;
    use std::fs;

    #[test]
    fn a_full_spool_lets_its_oldest_copy_go_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::new(folder.path(), 250);
        let mut names = Vec::new();
        for number in 0..3_u8 {
            let path = folder.path().join(format!("{number}.dmp"));
            fs::write(&path, [number; 100]).unwrap();
            let sha256 = digest::of_file(&path).unwrap();
            assert!(spool.keep(&sha256, &path, 100).unwrap());
            let copy = fs::File::options()
                .write(true)
                .open(spool.copy_of(&sha256).unwrap())
                .unwrap();
            let written = std::time::UNIX_EPOCH + std::time::Duration::from_secs(u64::from(number));
            copy.set_modified(written).unwrap();
            names.push(sha256);
        }
        assert!(spool.copy_of(&names[0]).is_none());
        assert!(spool.copy_of(&names[1]).is_some() && spool.copy_of(&names[2]).is_some());
        assert!(folder.path().join("0.dmp").exists(), "the original stays");
    }

    #[test]
    fn a_dump_larger_than_the_spool_evicts_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::new(folder.path(), 100);
        let path = folder.path().join("a.dmp");
        fs::write(&path, [1; 90]).unwrap();
        let sha256 = digest::of_file(&path).unwrap();
        assert!(spool.keep(&sha256, &path, 90).unwrap());
        assert!(!spool.keep("x", &path, 101).unwrap());
        assert!(spool.copy_of(&sha256).is_some());
    }

    #[test]
    fn a_file_that_is_not_what_was_hashed_leaves_no_copy() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::new(folder.path(), 100);
        let path = folder.path().join("a.dmp");
        fs::write(&path, [1; 10]).unwrap();
        assert!(spool.keep(&"0".repeat(64), &path, 10).is_err());
        assert!(spool.dumps().is_empty());
    }
}
