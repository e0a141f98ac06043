//! The pool's figures, by their names at `/metrics`.
//!
//! Labels are our own words only. Counters start at 0 with every label they can have, so that a rate sees the first
//! increment. How long the queue is, is told by the server, for all pools together.

use std::time::Duration;

use store::jobs::{Job, JobKind};

use crate::{alerts, symbols};

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
    const ALL: [Ended; 4] = [Ended::Done, Ended::Failed, Ended::Retried, Ended::Lost];

    fn as_str(self) -> &'static str {
        match self {
            Ended::Done => "done",
            Ended::Failed => "failed",
            Ended::Retried => "retried",
            Ended::Lost => "lost",
        }
    }
}

/// Says what the figures of a pool are, to the recorder that is installed; before the pool runs.
pub fn describe_metrics() {
    metrics::describe_counter!("stopcode_jobs_total", "Jobs that ended, by kind and outcome.");
    metrics::describe_histogram!(
        "stopcode_job_duration_seconds",
        "How long the work on one job took."
    );
    metrics::describe_histogram!(
        "stopcode_job_wait_seconds",
        "How long a job waited before its first claim."
    );
    for kind in JobKind::ALL {
        for ended in Ended::ALL {
            jobs_total(kind, ended).increment(0);
        }
        drop(job_duration(kind));
        drop(job_wait(kind));
    }
    symbols::describe_metrics();
    alerts::describe_metrics();
}

/// Counts a job that ended.
pub(crate) fn ended(kind: JobKind, ended: Ended) {
    jobs_total(kind, ended).increment(1);
}

/// Notes how long the work on one job took.
pub(crate) fn took(kind: JobKind, elapsed: Duration) {
    job_duration(kind).record(elapsed.as_secs_f64());
}

/// Notes how long a claimed job had waited. A job that is tried again waits on purpose.
pub(crate) fn claimed(job: &Job) {
    if job.fence.attempts == 1 {
        let waited = (job.claimed_at - job.created_at).as_seconds_f64();
        job_wait(job.kind).record(waited.max(0.0));
    }
}

fn jobs_total(kind: JobKind, ended: Ended) -> metrics::Counter {
    metrics::counter!("stopcode_jobs_total", "kind" => kind.as_str(), "outcome" => ended.as_str())
}

fn job_duration(kind: JobKind) -> metrics::Histogram {
    metrics::histogram!("stopcode_job_duration_seconds", "kind" => kind.as_str())
}

fn job_wait(kind: JobKind) -> metrics::Histogram {
    metrics::histogram!("stopcode_job_wait_seconds", "kind" => kind.as_str())
}
