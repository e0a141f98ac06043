//! The bytes of dumps and symbol files, on disk, by their SHA-256: `<folder>/ab/<64 hex digits>`.
//!
//! There are 256 folders, made when the store is opened: with ten million dumps each holds 40,000, and no upload ever
//! waits for a new folder to be synced into those above it (a second level cost a third of the throughput until its
//! 65,536 folders were there).
//!
//! A blob is written in its place, and then file and folder are synced. Only streams, whose hash is known last, begin in
//! `<folder>/tmp`. After [`Blobs::put`] and [`BlobWriter::finish`] the bytes survive a power cut.
//!
//! `object_store`'s local file system can be told to sync as well, but then syncs the file before it is renamed and up
//! to three folders after that; each of them can be a commit of the file system's journal of its own.
//!
//! Sweeping orphans must not delete a blob that an upload of the same bytes has just put there. Writers do that under a
//! shared lock of the blob's folder; the sweeper looks at the file's age and deletes it under an exclusive one. A new
//! file is safe for a day, and its row comes in a moment.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::error::blob as failed_to;
use crate::{Clock, Error, Sha256};

/// Extension of a blob that is being written beside its place.
const UNFINISHED: &str = "part";

#[cfg(test)]
mod failing_disk;
mod stream;
mod sweep;
mod temporary;
#[cfg(test)]
mod tests;
mod write;

pub use stream::BlobWriter;

/// A folder of blobs. Cheap to clone; several programs may share the folder.
#[derive(Debug, Clone)]
pub struct Blobs {
    folder: Arc<Folder>,
}

#[derive(Debug)]
struct Folder {
    root: PathBuf,
    clock: Clock,
}

impl Blobs {
    /// Opens the store in `folder`, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// [`Error::Blob`] if the folder cannot be made or written.
    pub async fn open(folder: impl Into<PathBuf>, clock: Clock) -> Result<Blobs, Error> {
        let root = folder.into();
        blocking("open the folder", move || {
            fs::create_dir_all(root.join("tmp"))?;
            for first in 0..=u8::MAX {
                fs::create_dir_all(root.join(format!("{first:02x}")))?;
            }
            sync_folder(&root)?;
            if let Some(parent) = root.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                sync_folder(parent)?;
            }
            let folder = Folder { root, clock };
            Ok(Blobs {
                folder: Arc::new(folder),
            })
        })
        .await
    }

    /// The bytes of a blob, or `None` if there is none of this hash.
    ///
    /// # Errors
    ///
    /// [`Error::Blob`].
    pub async fn get(&self, sha256: Sha256) -> Result<Option<Bytes>, Error> {
        let path = self.folder.path(sha256);
        blocking("read a blob", move || {
            let Some(mut file) = none_if_missing(File::open(path))? else {
                return Ok(None);
            };
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(Some(Bytes::from(bytes)))
        })
        .await
    }

    /// A blob opened for reading, with its length, or `None` if there is none of this hash.
    ///
    /// # Errors
    ///
    /// [`Error::Blob`].
    pub async fn open_blob(&self, sha256: Sha256) -> Result<Option<(tokio::fs::File, u64)>, Error> {
        let path = self.folder.path(sha256);
        blocking("open a blob", move || {
            let Some(file) = none_if_missing(File::open(path))? else {
                return Ok(None);
            };
            let length = file.metadata()?.len();
            Ok(Some((tokio::fs::File::from_std(file), length)))
        })
        .await
    }

    /// Whether there is a blob of this hash.
    ///
    /// # Errors
    ///
    /// [`Error::Blob`].
    pub async fn exists(&self, sha256: Sha256) -> Result<bool, Error> {
        let path = self.folder.path(sha256);
        blocking("look for a blob", move || path.try_exists()).await
    }

    /// Writes, syncs and deletes a file, to see that blobs can be taken.
    ///
    /// # Errors
    ///
    /// [`Error::Blob`] if they cannot.
    pub async fn check(&self) -> Result<(), Error> {
        let folder = Arc::clone(&self.folder);
        blocking("write a probe", move || {
            let path = folder.temporary();
            let file = File::create_new(&path)?;
            let synced = file.sync_all();
            fs::remove_file(&path)?;
            synced
        })
        .await
    }
}

impl Folder {
    fn path(&self, sha256: Sha256) -> PathBuf {
        let name = sha256.to_string();
        self.shard(sha256).join(name)
    }

    fn shard(&self, sha256: Sha256) -> PathBuf {
        let [first, ..] = sha256.0;
        self.root.join(format!("{first:02x}"))
    }

    /// A name that no other writer uses, in this process or another, for bytes whose hash is not known yet.
    fn temporary(&self) -> PathBuf {
        self.root.join("tmp").join(Uuid::now_v7().simple().to_string())
    }

    /// Such a name beside the place of a blob.
    fn temporary_beside(&self, sha256: Sha256) -> PathBuf {
        let name = Uuid::now_v7().simple().to_string();
        self.shard(sha256).join(name).with_extension(UNFINISHED)
    }
}

/// Runs `work` where it may block.
async fn blocking<T: Send + 'static>(
    action: &'static str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    match spawn_blocking(work).await {
        Ok(result) => result.map_err(failed_to(action)),
        Err(stopped) => Err(failed_to(action)(io::Error::other(stopped))),
    }
}

fn none_if_missing<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
