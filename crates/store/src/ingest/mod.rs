//! Taking dumps durably, many rows in one transaction.
//!
//! [`Ingest::submit`] stores the blob (file and folder synced) and only then hands the row to a committing task, which
//! inserts the `dump` and `job` rows of all that wait in one transaction. The callers are answered after the commit, so
//! an answer means: file, folder and rows survive a power cut. Blobs do not wait for each other: the file system merges
//! syncs that overlap by itself. Rows do, since Postgres starts, checks and commits each statement anew: whoever comes
//! while a group commits is in the next. A lone upload waits for nobody.
//!
//! The same bytes are the same dump, whoever sends them, also at the same moment: `dump.sha256` is unique, and the
//! insert that comes second finds the row of the first. The blob is written in either case, so a duplicate mends a blob
//! that was lost from the disk.

use std::mem;
use std::sync::Arc;

use bytes::Bytes;
use sqlx::PgPool;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::blobs::Blobs;
use crate::dumps::DumpState;
use crate::wakeup::Notifier;
use crate::{Clock, DumpId, Error, Sha256};

mod commit;

use commit::NewRow;

/// The most dumps that are committed together.
const LARGEST_GROUP: usize = 64;

/// Blobs that are written and synced at once, each on a thread.
const BLOBS_AT_ONCE: usize = 64;

/// Callers that may wait to be gathered; more wait in `submit`.
const LONGEST_LINE: usize = 256;

/// A dump to be stored.
#[derive(Debug, Clone)]
pub struct NewDump {
    /// Hash of `bytes`.
    pub sha256: Sha256,
    /// The dump, inflated.
    pub bytes: Bytes,
    /// What the magic bytes say, e.g. `kernel-triage`.
    pub format: &'static str,
    /// The machine it is from, as its client names it.
    pub machine: Option<String>,
    /// The name it was sent under.
    pub file_name: Option<String>,
    /// The other parts of a multipart upload, by name.
    pub annotations: Option<serde_json::Value>,
}

/// The answer: the dump is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Its id; the one it had before, if it was known.
    pub id: DumpId,
    /// Where it stands.
    pub state: DumpState,
    /// Whether the server had these bytes already.
    pub duplicate: bool,
}

/// Takes dumps. Cheap to clone; the committing task ends when the last clone is gone and all are answered.
#[derive(Debug, Clone)]
pub struct Ingest {
    blobs: Blobs,
    writers: Arc<Semaphore>,
    line: mpsc::Sender<Waiting>,
    clock: Clock,
}

/// A caller whose blob is durable.
struct Waiting {
    row: NewRow,
    answer: oneshot::Sender<Result<Receipt, Error>>,
}

struct Committer {
    pool: PgPool,
    notifier: Notifier,
}

impl Ingest {
    /// Starts the committing task.
    pub fn start(pool: PgPool, blobs: Blobs, clock: Clock, notifier: Notifier) -> Ingest {
        let (line, waiting) = mpsc::channel(LONGEST_LINE);
        let committer = Arc::new(Committer { pool, notifier });
        tokio::spawn(commit_groups(committer, waiting));
        Ingest {
            blobs,
            writers: Arc::new(Semaphore::new(BLOBS_AT_ONCE)),
            line,
            clock,
        }
    }

    /// Stores one dump and answers when it is durable.
    ///
    /// A caller that goes away while it waits leaves all of the dump or, at most, a blob without a row, which is swept.
    ///
    /// # Errors
    ///
    /// [`Error::Blob`] or [`Error::Database`] if it could not be stored, [`Error::Group`] if what was committed with it
    /// could not, [`Error::Closed`] if the server is stopping.
    #[tracing::instrument(name = "ingest.submit", skip_all, fields(dump.size_bytes = dump.bytes.len()))]
    pub async fn submit(&self, dump: NewDump) -> Result<Receipt, Error> {
        let row = NewRow::of(&dump, self.clock.now());
        let writer = self.writers.acquire().await.map_err(|_| Error::Closed)?;
        self.blobs.put(dump.sha256, dump.bytes).await?;
        drop(writer);
        let (answer, receipt) = oneshot::channel();
        let waiting = Waiting { row, answer };
        self.line.send(waiting).await.map_err(|_| Error::Closed)?;
        receipt.await.map_err(|_| Error::Closed)?
    }
}

/// Commits what is waiting, group by group, until nobody can submit any more.
async fn commit_groups(committer: Arc<Committer>, mut waiting: mpsc::Receiver<Waiting>) {
    let mut group = Vec::new();
    while waiting.recv_many(&mut group, LARGEST_GROUP).await > 0 {
        let committer = Arc::clone(&committer);
        let group = mem::take(&mut group);
        // A task of its own: a panic costs this group its answers, and nobody after it.
        let done = tokio::spawn(async move { committer.take(group).await });
        let _ = done.await;
    }
}
