//! The state file, and how it survives being cut off while it is written.
//!
//! A new file is written and synced, renamed over the old one, and the folder is synced. So there is always one whole
//! file, old or new. A file that is damaged all the same (a failing disk, an editor) is set aside as
//! `state.json.damaged` and the agent starts afresh.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::State;

/// The largest file that is read back, in bytes. Genuine ones have some kilobytes.
const READ_MOST: u64 = 32 << 20;

/// The state, and where it is kept.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    /// What is on disk, to write only what changed.
    written: Vec<u8>,
    is_failing: bool,
}

impl StateFile {
    /// Reads the state of a folder. One that is damaged is set aside; one that is missing is new.
    pub(crate) fn open(folder: &Path) -> (Self, State) {
        let path = folder.join("state.json");
        let mut state = State::default();
        match read(&path) {
            Ok(Some(read)) => state = read,
            Ok(None) => state.is_rebuilt = holds_earlier_work(folder),
            Err(error) => {
                let aside = path.with_extension("json.damaged");
                tracing::warn!(%error, aside = %aside.display(), "the state file is damaged: it is set aside, and the server is asked what it has");
                if let Err(error) = fs::rename(&path, aside) {
                    tracing::warn!(%error, "the damaged state file cannot be set aside");
                }
                state.is_rebuilt = true;
            }
        }
        let file = Self {
            path,
            written: Vec::new(),
            is_failing: false,
        };
        (file, state)
    }

    /// Writes the state if it changed. A failure is logged, once until it works again, and the agent goes on with
    /// what it has in memory. Says whether the state is on disk.
    pub(crate) fn save(&mut self, state: &State) -> bool {
        let bytes = match serde_json::to_vec(state) {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(%error, "the state cannot be written as JSON");
                return false;
            }
        };
        if bytes == self.written {
            return true;
        }
        match write_whole(&self.path, &bytes) {
            Ok(()) => {
                self.written = bytes;
                self.is_failing = false;
                true
            }
            Err(error) => {
                if !self.is_failing {
                    let path = self.path.display();
                    tracing::warn!(%path, %error, "the state file cannot be written; after a restart the server is asked what it has");
                }
                self.is_failing = true;
                false
            }
        }
    }
}

/// A machine that has a token or a spool but no state has lost it.
fn holds_earlier_work(folder: &Path) -> bool {
    folder.join("token.json").exists() || folder.join("spool").exists()
}

/// Reads a JSON file; `None` if there is none.
///
/// # Errors
///
/// When it cannot be read, or is not what is expected.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
        Ok(metadata) if metadata.len() > READ_MOST => return Err(io::Error::other("too large")),
        Ok(_) => {}
    }
    Ok(Some(serde_json::from_slice(&fs::read(path)?)?))
}

/// Writes a file whole or not at all, readable only by the agent's own account.
///
/// # Errors
///
/// When the disk is full or the folder cannot be written.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let written = create_private(&new).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&new, path));
    if renamed.is_err() {
        let _ = fs::remove_file(&new); // half a file helps nobody; the first error is the one to tell
    }
    renamed?;
    sync_folder(path)
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    // On Windows the folder's rights hold: see `service::make_private_folder`.
    options.open(path)
}

/// Windows has no such call: there a rename is journalled by NTFS.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix)
        && let Some(folder) = path.parent()
    {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{StateFile, write_whole};
    use crate::state::State;
    use std::fs;
    use time::macros::datetime;

    fn some_state() -> State {
        let mut state = State::default();
        state.note_day(datetime!(2026-11-22 01:00 UTC));
        state
    }

    #[test]
    fn what_was_saved_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let (mut file, state) = StateFile::open(folder.path());
        assert_eq!(state, State::default());
        assert!(file.save(&some_state()));
        assert_eq!(StateFile::open(folder.path()).1, some_state());
    }

    #[test]
    fn a_write_that_was_cut_off_leaves_the_old_state() {
        let folder = tempfile::tempdir().unwrap();
        let (mut file, _) = StateFile::open(folder.path());
        file.save(&some_state());
        let whole = fs::read(folder.path().join("state.json")).unwrap();
        fs::write(folder.path().join("state.new"), &whole[..whole.len() / 2]).unwrap();
        assert_eq!(StateFile::open(folder.path()).1, some_state());
    }

    #[test]
    fn a_damaged_state_is_set_aside_at_every_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let whole = serde_json::to_vec(&some_state()).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let (_, state) = StateFile::open(folder.path());
            assert!(state.is_rebuilt && state.days.is_empty(), "{length}");
            assert!(folder.path().join("state.json.damaged").exists());
        }
    }

    #[test]
    fn a_state_that_cannot_be_written_is_no_crash_and_no_half_file() {
        let folder = tempfile::tempdir().unwrap();
        let (mut file, _) = StateFile::open(&folder.path().join("gone"));
        assert!(!file.save(&some_state()));
        assert!(write_whole(&folder.path().join("gone/x"), b"").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn others_cannot_read_what_is_written() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        write_whole(&path, b"{}").unwrap();
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
