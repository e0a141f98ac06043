//! Writing a blob so that it survives a power cut.
//!
//! The file is written under its own name at once, and then file and folder are synced side by side, so that one flush
//! of the disk can serve both; a temporary name would cost a rename, and a sync before the rename a flush of its own. In
//! exchange the name can stand for a file that is being written, or that a power cut or a full disk left torn. No row
//! points at either.
//!
//! So a file that is found under the name proves nothing, not even if its bytes are read and are the right ones: after a
//! sync that failed, Linux drops the bytes from the disk's queue, shows them to readers all the same, and lets the next
//! sync succeed. Whoever finds the name taken writes the bytes anew, syncs them, and only then gives them the name.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use tokio::try_join;

use super::temporary::Temporary;
use super::{Blobs, Folder, blocking};
use crate::{Error, Sha256};

impl Blobs {
    /// Stores one blob durably. The same bytes again are written again.
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
        let shard = self.enter(sha256)?;
        let file = match File::create_new(self.path(sha256)) {
            // Torn it stays: under this name there may be another writer's file by now.
            Ok(file) => fill(file, bytes)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.replace(sha256, bytes)?,
            Err(error) => return Err(error),
        };
        Ok(Written { file, shard })
    }

    /// The blob in place of a file that has its name. That may have been durable for years, so the new one must be too.
    fn replace(&self, sha256: Sha256, bytes: &[u8]) -> io::Result<File> {
        let (temporary, file) = Temporary::create(self.temporary_beside(sha256))?;
        let file = fill(file, bytes)?;
        file.sync_all()?;
        temporary.rename(&self.path(sha256))?;
        Ok(file)
    }

    /// The opened folder of a blob. While it is open no sweeper deletes from it.
    pub(super) fn enter(&self, sha256: Sha256) -> io::Result<File> {
        let shard = File::open(self.shard(sha256))?;
        unless_unsupported(shard.lock_shared())?;
        Ok(shard)
    }

    /// The same for the sweeper, once no writer is in the folder.
    pub(super) fn enter_alone(&self, sha256: Sha256) -> io::Result<File> {
        let shard = File::open(self.shard(sha256))?;
        unless_unsupported(shard.lock())?;
        Ok(shard)
    }
}

/// Writes the bytes into a new file. One that does not get them all gives back the space of those it got.
fn fill(mut file: File, bytes: &[u8]) -> io::Result<File> {
    if let Err(error) = file.write_all(bytes) {
        let _ = file.set_len(0);
        return Err(error);
    }
    Ok(file)
}

/// File systems without locks have no sweeper on another machine to fear.
fn unless_unsupported(locked: io::Result<()>) -> io::Result<()> {
    match locked {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        locked => locked,
    }
}
