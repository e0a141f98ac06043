//! The pool's figures, by their names at `/metrics`.

use std::time::Duration;

use store::jobs::{JobKind, QueueCount};

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Its result is stored.
    Done,
    /// It is given up, or the dump cannot be read.
    Failed,
    /// It will be tried again.
    Retried,
    /// Its lease was lost; somebody else has it.
    Lost,
}

impl Ended {
    fn as_str(self) -> &'static str {
        match self {
            Ended::Done => "done",
            Ended::Failed => "failed",
            Ended::Retried => "retried",
            Ended::Lost => "lost",
        }
    }
}

/// Counts a job that ended.
pub(crate) fn ended(kind: JobKind, ended: Ended) {
    metrics::counter!("stopcode_jobs_total", "kind" => kind.as_str(), "outcome" => ended.as_str())
        .increment(1);
}

/// Notes how long the work on one job took.
pub(crate) fn took(kind: JobKind, elapsed: Duration) {
    metrics::histogram!("stopcode_job_seconds", "kind" => kind.as_str()).record(elapsed.as_secs_f64());
}

/// Notes how long the queue is.
pub(crate) fn queue(counts: &[QueueCount]) {
    for kind in JobKind::ALL {
        let count = counts.iter().find(|count| count.kind == kind.as_str());
        let states = [
            ("queued", count.map_or(0, |count| count.queued)),
            ("running", count.map_or(0, |count| count.running)),
            ("failed", count.map_or(0, |count| count.failed)),
        ];
        for (state, jobs) in states {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a gauge of 2^53 jobs need not be exact"
            )]
            metrics::gauge!("stopcode_queue_jobs", "kind" => kind.as_str(), "state" => state)
                .set(jobs as f64);
        }
    }
}
