//! Data directories that go away again.
//!
//! A process that is killed, or a test binary whose static is never dropped, leaves its directory behind. The next
//! one that makes a directory sweeps those whose lock nobody holds.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::lock::DataDirLock;

const PREFIX: &str = "stopcode-temporary-";

/// A directory younger than this may be between being made and being locked.
const TOO_YOUNG: Duration = Duration::from_mins(1);

/// A directory that is removed on drop.
#[derive(Debug)]
pub(crate) struct TemporaryDirectory {
    path: PathBuf,
}

impl TemporaryDirectory {
    /// Makes one in the system's directory for temporary files.
    pub(crate) fn make() -> Result<Self> {
        let parent = std::env::temp_dir();
        sweep(&parent);
        for number in 0..10_000 {
            let path = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
            match DirBuilder::new().mode(0o711).create(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).with_context(|| format!("cannot make {}", path.display())),
            }
        }
        bail!("{} is full of directories {PREFIX}*", parent.display())
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, "cannot remove a temporary directory");
        }
    }
}

/// Removes what processes that are gone have left behind.
fn sweep(parent: &Path) {
    let own = rustix::process::geteuid().as_raw();
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let named = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let Ok(metadata) = entry.metadata() else { continue };
        let old = metadata
            .modified()
            .is_ok_and(|time| time.elapsed().is_ok_and(|age| age > TOO_YOUNG));
        if named && old && metadata.is_dir() && metadata.uid() == own {
            // Held to the end, so that two sweepers do not meet.
            if let Ok(_lock) = DataDirLock::take(&entry.path()) {
                let _next_time = fs::remove_dir_all(entry.path());
            }
        }
    }
}
