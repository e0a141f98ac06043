//! Writing a blob so that it survives a power cut.
//!
//! The file is written under a temporary name and renamed, and only then file and folder are synced: a journaling file
//! system then commits both at once, where a sync before the rename and one after it are two commits (which cost a third
//! of the throughput). In exchange a power cut may leave a torn file under the right name.
//! No row points at it, and a writer that finds its name taken compares the bytes before it believes them.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

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
        blocking("store a blob", move || {
            let Written { file, shard } = folder.write(sha256, &bytes)?;
            file.sync_all()?;
            shard.sync_all()
        })
        .await
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
        let file = match self.refresh(&path, bytes)? {
            // It is synced again: whoever wrote it may not have come to that yet.
            Some(file) => file,
            None => self.place(sha256, bytes)?,
        };
        Ok(Written { file, shard })
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

    /// Writes the bytes under a temporary name and renames them.
    fn place(&self, sha256: Sha256, bytes: &[u8]) -> io::Result<File> {
        let temporary = self.temporary_beside(sha256);
        let placed = File::create_new(&temporary).and_then(|mut file| {
            file.write_all(bytes)?;
            fs::rename(&temporary, self.path(sha256))?;
            Ok(file)
        });
        if placed.is_err() {
            // Nothing refers to it. If it cannot be removed either, the sweep gets it.
            let _ = fs::remove_file(&temporary);
        }
        placed
    }
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

/// A shared lock; file systems without locks have no sweeper on another machine to fear either.
pub(super) fn lock_shared(file: &File) -> io::Result<()> {
    match file.try_lock_shared() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => file.lock_shared(),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
