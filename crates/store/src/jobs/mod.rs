//! The queue: jobs that are done at least once.
//!
//! A worker claims up to a batch of jobs in one statement (`FOR UPDATE SKIP LOCKED`), which gives it a lease on each,
//! and renews the leases by [`heartbeat`] while it works. It ends each job by [`finish`], [`retry`] or [`fail`], all
//! fenced: a job is only ended by the worker and attempt that hold it, so whoever lost a lease writes nothing. A reaper
//! ([`reap`]) queues jobs again whose lease ran out. A job that was claimed [`MAX_ATTEMPTS`] times and not finished is
//! a dead letter: it stays with its last error until somebody requeues it.
//!
//! ```text
//! queued ──claim──► running ──finish──► (deleted)
//!    ▲                 │
//!    ├──retry, reap────┤   attempts < 5
//!    ├──release────────┤   and the attempt is not counted
//!    │                 └──fail, or attempts = 5──► failed ──requeue──► queued
//! ```
//!
//! Times are the database's, because all replicas share its clock. An `analyze` or `reanalyze` job settles its dump in
//! the same statement: the dump's attempts are kept up, and a dead letter's dump is `failed` with the reason. So is the
//! file of a `symbol` job that is given up.

use std::time::Duration;

use sqlx::postgres::types::PgInterval;
use time::OffsetDateTime;

use crate::{DumpId, SymbolFileId};

mod claim;
mod dead;
mod enqueue;
mod settle;

pub use claim::{claim, heartbeat, release};
pub use dead::{DeadLetter, QueueCount, counts, dead_letters, requeue};
pub use enqueue::{enqueue, enqueue_analysis, enqueue_verdict, enqueue_verdicts};
pub use settle::{Reaped, fail, finish, reap, retry};

/// How often a job is tried before it is given up.
pub const MAX_ATTEMPTS: i32 = 5;

/// Which code runs a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// Analyse a dump; the key is its id.
    Analyze,
    /// Analyse a dump again because symbols came that its crash missed; the key is its id.
    Reanalyze,
    /// Compute the verdict of a stop code; the key is [`VerdictKey`].
    Verdict,
    /// Read an uploaded symbol file; the key is its id.
    Symbol,
    /// Make the signatures of stored crashes again; the key is the version of the rules.
    Regroup,
}

impl JobKind {
    /// All kinds.
    pub const ALL: [JobKind; 5] = [
        JobKind::Analyze,
        JobKind::Reanalyze,
        JobKind::Verdict,
        JobKind::Symbol,
        JobKind::Regroup,
    ];

    /// Its name in the table and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            JobKind::Analyze => "analyze",
            JobKind::Reanalyze => "reanalyze",
            JobKind::Verdict => "verdict",
            JobKind::Symbol => "symbol",
            JobKind::Regroup => "regroup",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<JobKind> {
        JobKind::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A claimed job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What ends it.
    pub fence: JobFence,
    /// Which code runs it.
    pub kind: JobKind,
    /// What it is about.
    pub key: String,
    /// When it was enqueued.
    pub created_at: OffsetDateTime,
    /// When it was claimed.
    pub claimed_at: OffsetDateTime,
}

impl Job {
    /// The dump that an `analyze` or `reanalyze` job is about; `None` if the key is no id.
    pub fn dump(&self) -> Option<DumpId> {
        self.key.parse().ok().map(DumpId)
    }

    /// The uploaded file that a `symbol` job is about; `None` if the key is no id.
    pub fn symbol_file(&self) -> Option<SymbolFileId> {
        self.key.parse().ok().map(SymbolFileId)
    }
}

/// A claim on one job. It is void as soon as the job is claimed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JobFence {
    /// The job.
    pub id: i64,
    /// Which claim it is, counted from 1.
    pub attempts: i32,
}

/// What a `verdict` job is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VerdictKey {
    /// The stop code, bit 28 cleared.
    pub stop_code: u32,
    /// The last so many days.
    pub window_days: u16,
}

impl VerdictKey {
    /// The key as written by [`VerdictKey`]'s `Display`, e.g. `118:91`; `None` for any other text.
    pub fn parse(text: &str) -> Option<VerdictKey> {
        let (stop_code, window_days) = text.split_once(':')?;
        Some(VerdictKey {
            stop_code: stop_code.parse().ok()?,
            window_days: window_days.parse().ok()?,
        })
    }
}

impl std::fmt::Display for VerdictKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.stop_code, self.window_days)
    }
}

/// A span for the database; spans beyond 292,000 years are cut there.
pub(crate) fn interval(span: Duration) -> PgInterval {
    PgInterval {
        months: 0,
        days: 0,
        microseconds: i64::try_from(span.as_micros()).unwrap_or(i64::MAX),
    }
}

fn split(fences: &[JobFence]) -> (Vec<i64>, Vec<i32>) {
    fences.iter().map(|fence| (fence.id, fence.attempts)).unzip()
}

#[cfg(test)]
mod tests {
    use super::VerdictKey;

    #[test]
    fn a_verdict_key_survives_its_text_form() {
        let key = VerdictKey {
            stop_code: 118,
            window_days: 91,
        };
        assert_eq!(key.to_string(), "118:91");
        assert_eq!(VerdictKey::parse("118:91"), Some(key));
        for text in ["", "118", "118:", "-1:91", "118:91:2"] {
            assert_eq!(VerdictKey::parse(text), None, "{text:?}");
        }
    }
}
