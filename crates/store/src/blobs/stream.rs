//! Writing one large blob piece by piece, without holding it in memory.
//!
//! The pieces go to a temporary file and are hashed as they come; [`BlobWriter::finish`] gives the file its name and
//! syncs it as the parent module says. A writer that is dropped takes its file with it, and of one whose program was
//! killed the sweeper takes it.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use sha2::Digest;

use super::write::lock_alone;
use super::{Blobs, Folder, blocking};
use crate::{Error, Sha256};

/// How much of its beginning a writer shows.
const START_BYTES: u64 = 64 << 10;

/// A blob that is being written.
#[derive(Debug)]
pub struct BlobWriter {
    folder: Arc<Folder>,
    temporary: Temporary,
    file: File,
    hasher: sha2::Sha256,
    size_bytes: u64,
}

/// The path of a temporary file, which is removed with this.
#[derive(Debug)]
struct Temporary(Option<PathBuf>);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            // Nothing refers to it. If it cannot be removed, the sweep gets it.
            let _ = fs::remove_file(path);
        }
    }
}

impl Blobs {
    /// Begins a blob.
    ///
    /// # Errors
    ///
    /// [`Error::Blob`].
    pub async fn begin(&self) -> Result<BlobWriter, Error> {
        let folder = Arc::clone(&self.folder);
        blocking("begin a blob", move || {
            let path = folder.temporary();
            let file = File::options()
                .read(true)
                .write(true)
                .create_new(true)
                .open(&path)?;
            Ok(BlobWriter {
                folder,
                temporary: Temporary(Some(path)),
                file,
                hasher: sha2::Sha256::new(),
                size_bytes: 0,
            })
        })
        .await
    }
}

impl BlobWriter {
    /// How much was written so far.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Writes one more piece where it may block, and gives the writer back.
    ///
    /// # Errors
    ///
    /// [`Error::Blob`]; the blob is lost.
    pub async fn append(mut self, piece: Bytes) -> Result<BlobWriter, Error> {
        blocking("write a piece of a blob", move || {
            self.write_all(&piece)?;
            Ok(self)
        })
        .await
    }

    /// Up to 64 KiB of its beginning.
    ///
    /// # Errors
    ///
    /// [`Error::Blob`]; the blob is lost.
    pub async fn start(mut self) -> Result<(Bytes, BlobWriter), Error> {
        blocking("read the start of a blob", move || {
            let mut start = Vec::new();
            self.file.rewind()?;
            (&self.file).take(START_BYTES).read_to_end(&mut start)?;
            self.file.seek(SeekFrom::End(0))?;
            Ok((Bytes::from(start), self))
        })
        .await
    }

    /// Gives the blob its name and makes it durable; its hash and size.
    ///
    /// # Errors
    ///
    /// [`Error::Blob`].
    pub async fn finish(self) -> Result<(Sha256, u64), Error> {
        blocking("place a blob", move || self.place()).await
    }

    /// The pieces as a file that is read from its beginning, has no name, and is gone when it is closed.
    ///
    /// # Errors
    ///
    /// [`Error::Blob`].
    pub async fn into_file(mut self) -> Result<File, Error> {
        blocking("read a temporary file", move || {
            self.file.rewind()?;
            Ok(self.file)
        })
        .await
    }

    /// Renames the file over whatever has its name: that has the same bytes, or was torn by a power cut.
    ///
    /// Nobody else may be in the folder meanwhile, for who has just found or written the old file counts on it. The sync
    /// of the file comes first, since that of a large one takes its time.
    fn place(self) -> io::Result<(Sha256, u64)> {
        self.file.sync_all()?;
        let sha256 = Sha256(self.hasher.finalize().into());
        let shard = File::open(self.folder.shard(sha256))?;
        lock_alone(&shard)?;
        let mut temporary = self.temporary;
        if let Some(path) = &temporary.0 {
            fs::rename(path, self.folder.path(sha256))?;
        }
        temporary.0 = None;
        shard.sync_all()?;
        Ok((sha256, self.size_bytes))
    }
}

impl Write for BlobWriter {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let written = self.file.write(piece)?;
        let (piece, _) = piece.split_at(written.min(piece.len()));
        self.hasher.update(piece);
        self.size_bytes += piece.len() as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
