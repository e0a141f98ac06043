//! One process at a time runs the cluster of a data directory.
//!
//! The lock is an advisory lock on `postgres.lock`: the kernel lets go of it whatever way the holder ends, so there
//! is no such thing as a stale one. The file's text is for people and for `stopcode token`, which connects to the
//! cluster of a running server: the holder's process id, then the address of the database.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

const FILE_NAME: &str = "postgres.lock";

/// The held lock. Dropping it lets go.
#[derive(Debug)]
pub(super) struct DataDirLock {
    file: File,
}

impl DataDirLock {
    /// Takes the lock of `data_dir`, or says who has it.
    pub(super) fn take(data_dir: &Path) -> Result<Self> {
        let path = data_dir.join(FILE_NAME);
        let mut file = open(&path).with_context(|| format!("cannot open {}", path.display()))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { file }),
            Err(Errno::WOULDBLOCK) => {
                let mut text = String::new();
                file.read_to_string(&mut text)?;
                let holder = text.lines().next().unwrap_or("?");
                bail!(
                    "another stopcode (process {holder}) is running on {}; stop it first, or choose another \
                     --data-dir",
                    data_dir.display()
                )
            }
            Err(error) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
        }
    }

    /// Writes down how the cluster is reached.
    pub(super) fn publish(&self, url: &str) -> Result<()> {
        self.file.set_len(0)?;
        let mut file = &self.file;
        writeln!(file, "{}\n{url}", std::process::id()).context("cannot write the lock file")
    }
}

/// The address that the process holding the lock of `data_dir` has written down; `None` if nobody holds it.
pub(super) fn published(data_dir: &Path) -> Result<Option<String>> {
    let path = data_dir.join(FILE_NAME);
    if !path.exists() {
        return Ok(None);
    }
    let file = open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(None),
        Err(Errno::WOULDBLOCK) => {
            let text = fs::read_to_string(&path)?;
            let url = text.lines().nth(1).map(str::to_owned);
            url.map(Some)
                .context("a stopcode is starting or stopping on this data directory; try again in a moment")
        }
        Err(error) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_told_who_holds_the_lock() {
        let directory = tempfile::tempdir().unwrap();
        let held = DataDirLock::take(directory.path()).unwrap();
        held.publish("postgres:///x").unwrap();
        let error = DataDirLock::take(directory.path()).unwrap_err().to_string();
        assert!(
            error.contains(&format!("process {}", std::process::id())),
            "{error}"
        );
        assert_eq!(
            published(directory.path()).unwrap().as_deref(),
            Some("postgres:///x")
        );
    }

    #[test]
    fn what_was_written_down_means_nothing_once_the_lock_is_free() {
        let directory = tempfile::tempdir().unwrap();
        let held = DataDirLock::take(directory.path()).unwrap();
        held.publish("postgres:///x").unwrap();
        drop(held);
        assert_eq!(published(directory.path()).unwrap(), None);
    }
}
