//! A file under a name of its own, until it gets its blob's name or goes.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The path of a temporary file, which is removed with this. What a killed program leaves, the sweeper takes.
#[derive(Debug)]
pub(super) struct Temporary(Option<PathBuf>);

impl Temporary {
    /// Makes the file, to be written and read.
    pub(super) fn create(path: PathBuf) -> io::Result<(Temporary, File)> {
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        Ok((Temporary(Some(path)), file))
    }

    /// Puts the file in place of whatever has the name, so that whoever opens that finds the old file or the new one.
    pub(super) fn rename(mut self, to: &Path) -> io::Result<()> {
        if let Some(path) = &self.0 {
            fs::rename(path, to)?;
        }
        self.0 = None;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            let _ = fs::remove_file(path);
        }
    }
}
