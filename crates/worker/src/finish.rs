//! Ending `analyze` jobs, several in one transaction: results are stored exactly when their jobs end.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use store::crashes::{self, Counted, NewCrash};
use store::jobs::{self, Job, JobFence, JobKind, VerdictKey};
use store::{DumpId, Error, dumps};
use tokio::sync::{Mutex, mpsc};

use crate::backoff;
use crate::pool::{Pool, log};
use crate::telemetry::{self, Ended};

/// The most jobs that end in one transaction.
const LARGEST_GROUP: usize = 16;

/// How often a transaction is tried while the database is away; after that the leases run out.
const TRIES: i32 = 3;

/// A job whose work is done, one way or the other.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) job: Job,
    pub(crate) outcome: Outcome,
}

/// What came of an `analyze` job.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A crash to be recorded.
    Crash(Box<NewCrash>),
    /// The dump cannot be read, for this reason.
    Refused(DumpId, String),
    /// Something that may go better next time.
    Retry(String),
    /// Something that will not.
    Fail(String),
}

/// Stores outcomes as they come.
#[derive(Debug)]
pub(crate) struct Finisher {
    pool: Arc<Pool>,
}

/// What one transaction did.
#[derive(Default)]
struct Stored {
    ended: Vec<(JobKind, Ended)>,
    stop_codes: BTreeSet<u32>,
}

impl Finisher {
    pub(crate) fn new(pool: Arc<Pool>) -> Finisher {
        Finisher { pool }
    }

    /// Runs until no analyser is left. Several finishers may share the results.
    pub(crate) async fn run(self, results: Arc<Mutex<mpsc::Receiver<Finished>>>) {
        let mut group = Vec::with_capacity(LARGEST_GROUP);
        while receive(&results, &mut group).await > 0 {
            // Dumps in one order everywhere, so that two replicas never wait for each other's rows in a circle.
            group.sort_by(|one, other| one.job.key.cmp(&other.job.key));
            let (results, others): (Vec<_>, Vec<_>) = group
                .drain(..)
                .partition(|finished| matches!(finished.outcome, Outcome::Crash(_) | Outcome::Refused(..)));
            self.store_results(&results).await;
            for finished in others {
                self.settle(&finished).await;
            }
        }
    }

    async fn store_results(&self, results: &[Finished]) {
        if results.is_empty() {
            return;
        }
        match self.try_to_store(results).await {
            Ok(stored) => self.tell(stored).await,
            // One result that the database does not take must not hold up the others.
            Err(error) if results.len() > 1 && !error.is_transient() => {
                for result in results {
                    Box::pin(self.store_results(std::slice::from_ref(result))).await;
                }
            }
            Err(error) => {
                log(&error, "could not store the results of analysis");
                for result in results {
                    self.retry(&result.job, &error.to_string()).await;
                }
            }
        }
    }

    async fn try_to_store(&self, results: &[Finished]) -> Result<Stored, Error> {
        let mut tries = 1;
        loop {
            match self.store(results).await {
                Err(error) if error.is_transient() && tries < TRIES => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "could not store results, trying again"
                    );
                    tokio::time::sleep(backoff::after_attempt(tries)).await;
                    tries += 1;
                }
                settled => return settled,
            }
        }
    }

    /// One transaction. Only results whose job is still this pool's are stored.
    async fn store(&self, results: &[Finished]) -> Result<Stored, Error> {
        let fences: Vec<JobFence> = results.iter().map(|result| result.job.fence).collect();
        let mut transaction = self.pool.database.begin().await?;
        let held: HashSet<JobFence> = jobs::finish(&mut transaction, &self.pool.config.name, &fences)
            .await?
            .into_iter()
            .collect();
        let mut stored = Stored::default();
        let mut crashes: Vec<&NewCrash> = Vec::with_capacity(results.len());
        for result in results {
            let (fence, kind) = (result.job.fence, result.job.kind);
            let ended = match &result.outcome {
                _ if !held.contains(&fence) => Ended::Lost,
                Outcome::Crash(crash) => {
                    crashes.push(crash);
                    Ended::Done
                }
                Outcome::Refused(dump, sentence) => {
                    dumps::mark_failed(&mut transaction, *dump, fence, sentence).await?;
                    Ended::Failed
                }
                Outcome::Retry(_) | Outcome::Fail(_) => continue,
            };
            stored.ended.push((kind, ended));
        }
        let recorded = crashes::record(&mut transaction, &crashes).await?;
        let counted = crashes
            .iter()
            .zip(recorded)
            .filter(|(crash, recorded)| recorded.changed && crash.counted == Counted::Yes);
        stored.stop_codes = counted
            .filter_map(|(crash, _)| Some(crash.bug_check.as_ref()?.code))
            .collect();
        transaction.commit().await?;
        Ok(stored)
    }

    /// Counts what ended and asks for the verdicts that it changes. A wish that is lost is made up for by the refresh.
    async fn tell(&self, stored: Stored) {
        for (kind, ended) in stored.ended {
            telemetry::ended(kind, ended);
        }
        if let Err(error) = self.ask_for_verdicts(&stored.stop_codes).await {
            log(&error, "could not ask for verdicts");
        }
    }

    async fn ask_for_verdicts(&self, stop_codes: &BTreeSet<u32>) -> Result<(), Error> {
        let config = &self.pool.config;
        let keys: Vec<VerdictKey> = stop_codes
            .iter()
            .flat_map(|&stop_code| {
                let windows = config.window_days.iter();
                windows.map(move |&window_days| VerdictKey {
                    stop_code,
                    window_days,
                })
            })
            .collect();
        if keys.is_empty() {
            return Ok(());
        }
        let mut conn = self.pool.database.acquire().await?;
        jobs::enqueue_verdicts(&mut conn, &keys, config.verdict_delay).await
    }

    async fn settle(&self, finished: &Finished) {
        match &finished.outcome {
            Outcome::Retry(reason) => self.retry(&finished.job, reason).await,
            Outcome::Fail(reason) => self.fail(&finished.job, reason).await,
            Outcome::Crash(_) | Outcome::Refused(..) => {}
        }
    }

    async fn retry(&self, job: &Job, reason: &str) {
        retry(
            &self.pool,
            job,
            reason,
            backoff::after_attempt(job.fence.attempts),
        )
        .await;
    }

    async fn fail(&self, job: &Job, reason: &str) {
        let failed: Result<bool, Error> = async {
            let mut conn = self.pool.database.acquire().await?;
            jobs::fail(&mut conn, &self.pool.config.name, job.fence, reason).await
        }
        .await;
        count(job.kind, failed, Ended::Failed);
    }
}

/// Some results; none when no analyser is left.
async fn receive(results: &Mutex<mpsc::Receiver<Finished>>, group: &mut Vec<Finished>) -> usize {
    results.lock().await.recv_many(group, LARGEST_GROUP).await
}

/// Queues a job again, or gives it up after its last attempt.
pub(crate) async fn retry(pool: &Pool, job: &Job, reason: &str, delay: Duration) {
    let retried: Result<bool, Error> = async {
        let mut conn = pool.database.acquire().await?;
        jobs::retry(&mut conn, &pool.config.name, job.fence, reason, delay).await
    }
    .await;
    let ended = if job.fence.attempts >= jobs::MAX_ATTEMPTS {
        Ended::Failed
    } else {
        Ended::Retried
    };
    count(job.kind, retried, ended);
}

fn count(kind: JobKind, settled: Result<bool, Error>, ended: Ended) {
    match settled {
        Ok(true) => telemetry::ended(kind, ended),
        Ok(false) => telemetry::ended(kind, Ended::Lost),
        Err(error) => log(&error, "could not settle a job; its lease will run out"),
    }
}
