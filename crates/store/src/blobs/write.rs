//! Writing a blob so that it survives a power cut.
//!
//! The file is written under its own name at once, and then file and folder are synced side by side, so that one flush
//! of the disk can serve both; a temporary name would cost a rename, and a sync before the rename a flush of its own. In
//! exchange the name can stand for a file that is being written, or that a power cut or a full disk left torn. No row
//! points at either. A writer that finds its name taken compares the bytes before it believes them; if they differ it
//! waits until no other writer is in the folder, compares again, and only then replaces the file.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tokio::try_join;

use super::{Blobs, Folder, blocking};
use crate::{Error, Sha256};

/// How much of a stored blob is compared at a time.
const COMPARED_CHUNK_BYTES: usize = 64 << 10;

impl Blobs {
    /// Stores one blob durably. The same bytes again cost a look and a sync.
    ///
    /// # Errors
    ///
    /// [`Error::Blob`].
    pub async fn put(&self, sha256: Sha256, bytes: Bytes) -> Result<(), Error> {
        let folder = Arc::clone(&self.folder);
        let written = Arc::new(blocking("store a blob", move || folder.write(sha256, &bytes)).await?);
        let sync_file = {
            let written = Arc::clone(&written);
            blocking("sync a blob", move || written.file.sync_all())
        };
        let sync_shard = blocking("sync a folder of blobs", move || written.shard.sync_all());
        try_join!(sync_file, sync_shard)?;
        Ok(())
    }
}

/// A blob in its place that is yet to be synced. The lock on its folder keeps the sweeper away until then.
struct Written {
    file: File,
    shard: File,
}

impl Folder {
    /// Puts one blob in its place.
    fn write(&self, sha256: Sha256, bytes: &[u8]) -> io::Result<Written> {
        let shard = File::open(self.shard(sha256))?;
        let path = self.path(sha256);
        lock_shared(&shard)?;
        let file = match File::create_new(&path) {
            Ok(file) => fill(file, &path, bytes)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match self.refresh(&path, bytes)? {
                // It is synced again: whoever wrote it may not have come to that yet.
                Some(file) => file,
                None => self.mend(&shard, sha256, bytes)?,
            },
            Err(error) => return Err(error),
        };
        Ok(Written { file, shard })
    }

    /// The blob in place of a torn one, unless that was only being written.
    fn mend(&self, shard: &File, sha256: Sha256, bytes: &[u8]) -> io::Result<File> {
        lock_alone(shard)?;
        match self.refresh(&self.path(sha256), bytes)? {
            Some(file) => Ok(file),
            None => self.replace(sha256, bytes),
        }
    }

    /// The blob, if all of it is there already; it then counts as new, so that no sweep takes it.
    fn refresh(&self, path: &Path, bytes: &[u8]) -> io::Result<Option<File>> {
        let Some(mut file) = super::none_if_missing(File::options().read(true).append(true).open(path))?
        else {
            return Ok(None);
        };
        if !holds(&mut file, bytes)? {
            return Ok(None);
        }
        file.set_modified(self.clock.now().into())?;
        Ok(Some(file))
    }

    /// Writes the bytes under a temporary name and renames them, so that whoever reads sees the old file or the new one.
    fn replace(&self, sha256: Sha256, bytes: &[u8]) -> io::Result<File> {
        let temporary = self.temporary_beside(sha256);
        let file = fill(File::create_new(&temporary)?, &temporary, bytes)?;
        fs::rename(&temporary, self.path(sha256)).inspect_err(|_| discard(&temporary))?;
        Ok(file)
    }
}

/// Writes the bytes into a new file.
fn fill(mut file: File, path: &Path, bytes: &[u8]) -> io::Result<File> {
    file.write_all(bytes).inspect_err(|_| discard(path))?;
    Ok(file)
}

/// Removes a file that nothing refers to. If it cannot be removed, the sweep gets it.
fn discard(path: &Path) {
    let _ = fs::remove_file(path);
}

/// Whether the file holds these bytes and no more.
fn holds(file: &mut File, bytes: &[u8]) -> io::Result<bool> {
    if usize::try_from(file.metadata()?.len()) != Ok(bytes.len()) {
        return Ok(false);
    }
    file.rewind()?;
    let mut stored = vec![0; COMPARED_CHUNK_BYTES.min(bytes.len())];
    for chunk in bytes.chunks(COMPARED_CHUNK_BYTES) {
        let Some(stored) = stored.get_mut(..chunk.len()) else {
            return Ok(false);
        };
        file.read_exact(stored)?;
        if stored != chunk {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The lock of a folder, in place of a shared one if there is that, once nobody else has any.
pub(super) fn lock_alone(file: &File) -> io::Result<()> {
    unless_unsupported(file.lock())
}

/// A shared lock: no sweeper deletes from the folder, and nobody replaces a file in it.
fn lock_shared(file: &File) -> io::Result<()> {
    match file.try_lock_shared() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => file.lock_shared(),
        Err(TryLockError::Error(error)) => unless_unsupported(Err(error)),
    }
}

/// File systems without locks have no sweeper on another machine to fear, and a torn file there is replaced at once.
fn unless_unsupported(locked: io::Result<()>) -> io::Result<()> {
    match locked {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        locked => locked,
    }
}
