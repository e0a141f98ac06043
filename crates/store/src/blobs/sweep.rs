//! Sweeping away blobs that no row speaks of, and temporary files that nobody will finish.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sqlx::PgPool;

use super::{Blobs, Folder, UNFINISHED, blocking, none_if_missing};
use crate::{Error, Sha256, dumps};

/// How old a file must be before it is an orphan: far longer than any upload waits for its row.
const ORPHAN_AGE: Duration = Duration::from_hours(24);

impl Blobs {
    /// Deletes blobs without a row and temporary files, both only when older than a day; the number deleted.
    ///
    /// # Errors
    ///
    /// [`Error::Blob`], [`Error::Database`].
    #[tracing::instrument(name = "blobs.sweep_orphans", skip_all)]
    pub async fn sweep_orphans(&self, pool: &PgPool) -> Result<u64, Error> {
        let before = SystemTime::from(self.folder.clock.now()) - ORPHAN_AGE;
        let streams = self.folder.root.join("tmp");
        let mut deleted = remove_unfinished(streams, before, |_| true).await?;
        for first in 0..=u8::MAX {
            let shard = self.folder.root.join(format!("{first:02x}"));
            let beside = |path: &Path| path.extension().is_some_and(|extension| extension == UNFINISHED);
            deleted += remove_unfinished(shard, before, beside).await?;
            let folder = Arc::clone(&self.folder);
            let old = blocking("list blobs", move || folder.old_blobs(first, before)).await?;
            for some in old.chunks(1000) {
                deleted += self.sweep_some(pool, some, before).await?;
            }
        }
        Ok(deleted)
    }

    async fn sweep_some(&self, pool: &PgPool, some: &[Sha256], before: SystemTime) -> Result<u64, Error> {
        let mut conn = pool.acquire().await?;
        let orphans = dumps::without_row(&mut conn, some).await?;
        drop(conn);
        let folder = Arc::clone(&self.folder);
        blocking("delete an orphan", move || {
            let mut deleted = 0;
            for sha256 in orphans {
                deleted += u64::from(folder.delete_if_old(sha256, before)?);
            }
            Ok(deleted)
        })
        .await
    }
}

/// Removes temporary files of a folder that nobody will finish.
async fn remove_unfinished(
    folder: PathBuf,
    before: SystemTime,
    is_temporary: impl Fn(&Path) -> bool + Send + 'static,
) -> Result<u64, Error> {
    blocking("list temporary files", move || {
        let mut deleted = 0;
        for path in entries(&folder)? {
            if is_temporary(&path) && is_older(&path, before)? {
                fs::remove_file(path)?;
                deleted += 1;
            }
        }
        Ok(deleted)
    })
    .await
}

impl Folder {
    fn old_blobs(&self, first: u8, before: SystemTime) -> io::Result<Vec<Sha256>> {
        let mut old = Vec::new();
        for path in entries(&self.root.join(format!("{first:02x}")))? {
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some(sha256) = name.and_then(Sha256::from_hex)
                && is_older(&path, before)?
            {
                old.push(sha256);
            }
        }
        Ok(old)
    }

    /// Deletes the blob, unless a writer has put a new one in its place since it was listed. See the module's parent.
    pub(super) fn delete_if_old(&self, sha256: Sha256, before: SystemTime) -> io::Result<bool> {
        let _alone = self.enter_alone(sha256)?;
        let path = self.path(sha256);
        if !is_older(&path, before)? {
            return Ok(false);
        }
        fs::remove_file(path)?;
        Ok(true)
    }
}

fn is_older(path: &Path, before: SystemTime) -> io::Result<bool> {
    let Some(metadata) = none_if_missing(fs::metadata(path))? else {
        return Ok(false);
    };
    Ok(metadata.is_file() && metadata.modified()? < before)
}

/// The paths in a folder; none if it is not there.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match none_if_missing(fs::read_dir(folder))? {
        Some(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        None => Ok(Vec::new()),
    }
}
