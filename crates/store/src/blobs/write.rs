//! Writing a group of blobs so that it survives a power cut.
//!
//! Each file is written and synced on a thread of its own (the file system merges syncs that overlap), then all are
//! renamed, then each folder that got a new entry is synced once, whatever number of blobs it got.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;

use super::{Blobs, Folder, blocking, sync_folder};
use crate::{Error, Sha256};

impl Blobs {
    /// Stores blobs durably, each with its own result, in the order given.
    ///
    /// # Errors
    ///
    /// The outer one if the folders cannot be synced: then nothing of the group is known to be durable.
    pub async fn put_all(&self, blobs: Vec<(Sha256, Bytes)>) -> Result<Vec<Result<(), Error>>, Error> {
        let written = join_all(blobs.into_iter().map(|(sha256, bytes)| {
            let folder = Arc::clone(&self.folder);
            blocking("write a blob", move || folder.write(sha256, &bytes))
        }))
        .await;
        let mut changed = BTreeSet::new();
        let results = written
            .into_iter()
            .map(|result| {
                changed.insert(result?);
                Ok(())
            })
            .collect();
        let syncs = changed
            .into_iter()
            .map(|path| blocking("sync a folder", move || sync_folder(&path)));
        for synced in join_all(syncs).await {
            synced?;
        }
        Ok(results)
    }
}

impl Folder {
    /// Puts one blob in its place; the folder to sync before it is durable.
    fn write(&self, sha256: Sha256, bytes: &[u8]) -> io::Result<PathBuf> {
        let shard = self.shard(sha256);
        let path = self.path(sha256);
        // The folder is synced even if the blob was there: whoever wrote it may not have come to that yet.
        if self.refresh(&shard, &path, bytes.len())? {
            return Ok(shard);
        }
        let temporary = self.temporary();
        let placed = write_synced(&temporary, bytes).and_then(|()| {
            let lock = File::open(&shard)?;
            lock_shared(&lock)?;
            fs::rename(&temporary, &path)
        });
        if placed.is_err() {
            // Nothing refers to it. If it cannot be removed either, the sweep gets it.
            let _ = fs::remove_file(&temporary);
        }
        placed.map(|()| shard)
    }

    /// Whether the whole blob is there already; if so, it now counts as new, so that no sweep takes it.
    fn refresh(&self, shard: &Path, path: &Path, length: usize) -> io::Result<bool> {
        let Some(lock) = super::none_if_missing(File::open(shard))? else {
            return Ok(false);
        };
        lock_shared(&lock)?;
        let Some(file) = super::none_if_missing(File::options().append(true).open(path))? else {
            return Ok(false);
        };
        if usize::try_from(file.metadata()?.len()) != Ok(length) {
            return Ok(false);
        }
        file.set_modified(self.clock.now().into())?;
        Ok(true)
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A shared lock; file systems without locks have no sweeper on another machine to fear either.
fn lock_shared(file: &File) -> io::Result<()> {
    match file.try_lock_shared() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => file.lock_shared(),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
