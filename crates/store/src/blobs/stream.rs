//! Writing one large blob piece by piece, without holding it in memory.
//!
//! The pieces go to a temporary file and are hashed as they come; [`BlobWriter::finish`] gives the file its name and
//! syncs it as the parent module says. A writer that is dropped takes its file with it, and of one whose program was
//! killed the sweeper takes it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use bytes::Bytes;
use sha2::Digest;

use super::temporary::Temporary;
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

impl Blobs {
    /// Begins a blob.
    ///
    /// # Errors
    ///
    /// [`Error::Blob`].
    pub async fn begin(&self) -> Result<BlobWriter, Error> {
        let folder = Arc::clone(&self.folder);
        blocking("begin a blob", move || {
            let (temporary, file) = Temporary::create(folder.temporary())?;
            Ok(BlobWriter {
                folder,
                temporary,
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

    /// Syncs the file and puts it in place of whatever has its name: that has the same bytes, or is torn.
    fn place(self) -> io::Result<(Sha256, u64)> {
        self.file.sync_all()?;
        let sha256 = Sha256(self.hasher.finalize().into());
        let shard = self.folder.enter(sha256)?;
        self.temporary.rename(&self.folder.path(sha256))?;
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
