//! The rules by which crashes are grouped: those in force, and grouping what is stored by new ones.
//!
//! Children know only the built-in rules. What an administrator adds is applied here, to the report a child gave: a
//! signature is made of a report alone, and patterns take time in proportion to what they are held against.

use std::sync::Arc;
use std::time::{Duration, Instant};

use analysis::signature::{Patterns, Rules, of_report};
use serde_json::Value;
use store::jobs::{self, Job, JobKind};
use store::signatures::{self, Outdated, Place};
use store::{Error, PgPool};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use wire::report::Report;

use crate::backoff;
use crate::finish::retry;
use crate::housekeeping::Wake;
use crate::pool::{Pool, log, one_by_one};
use crate::telemetry::{self, Ended};

/// How long rules are believed to be in force.
const FRESH: Duration = Duration::from_secs(1);

/// Crashes are grouped again so many at a time.
const BATCH: u32 = 500;

/// Later rounds, for crashes that were being analysed when the rules changed: what ends the job's key, and how long after
/// the round before. Most analyses take less than a second, and none longer than two minutes.
const ROUNDS: [(&str, Duration); 2] = [
    ("again", Duration::from_secs(5)),
    ("last", Duration::from_mins(2)),
];

/// Rules and which change they came with; 0 for those that are built in.
#[derive(Debug, Default)]
pub(crate) struct Versioned {
    pub(crate) version: i32,
    rules: Rules,
}

impl Versioned {
    /// The signature of a report by these rules.
    pub(crate) fn sign(&self, report: &Report) -> String {
        of_report(report, &self.rules)
    }
}

/// The rules in force, asked for at most once a second.
#[derive(Debug, Default)]
pub(crate) struct InForce {
    known: Mutex<Option<(Instant, Arc<Versioned>)>>,
}

impl InForce {
    pub(crate) async fn get(&self, database: &PgPool) -> Result<Arc<Versioned>, Error> {
        let mut known = self.known.lock().await;
        if let Some((at, rules)) = &*known
            && at.elapsed() < FRESH
        {
            return Ok(Arc::clone(rules));
        }
        let stored = signatures::rules(&mut *database.acquire().await?).await?;
        let rules = match (stored, &*known) {
            (None, Some((_, rules))) if rules.version == 0 => Arc::clone(rules),
            (None, _) => Arc::default(),
            (Some(stored), Some((_, rules))) if rules.version == stored.version => Arc::clone(rules),
            (Some(stored), _) => Arc::new(Versioned {
                version: stored.version,
                rules: read(stored.rules),
            }),
        };
        *known = Some((Instant::now(), Arc::clone(&rules)));
        Ok(rules)
    }
}

/// Rules were checked before they were stored, but perhaps by another version of this program.
fn read(stored: Value) -> Rules {
    let patterns: Result<Patterns, _> = serde_json::from_value(stored);
    let rules = patterns.map_err(|error| error.to_string());
    let rules = rules.and_then(|patterns| Rules::new(patterns).map_err(|error| error.to_string()));
    rules.unwrap_or_else(|reason| {
        tracing::error!(
            reason,
            "the stored signature rules cannot be read; the built-in ones are used"
        );
        Rules::default()
    })
}

/// Groups stored crashes by new rules, until `stop`.
pub(crate) async fn run(pool: Arc<Pool>, wake: Wake, stop: CancellationToken) {
    one_by_one(&pool, (JobKind::Regroup, 1), wake, &stop, |job| {
        run_one(&pool, job, &stop)
    })
    .await;
}

#[tracing::instrument(name = "worker.regroup", skip_all, fields(job.id = job.fence.id, job.key = job.key))]
async fn run_one(pool: &Pool, job: Job, stop: &CancellationToken) {
    let begun = Instant::now();
    let done = match regroup(pool, stop).await {
        Ok(Some(changed)) => {
            tracing::info!(changed, "grouped crashes again");
            finish(pool, &job).await
        }
        // The job is given back with all others.
        Ok(None) => return,
        Err(error) => Err(error),
    };
    telemetry::took(JobKind::Regroup, begun.elapsed());
    if let Err(error) = done {
        log(&error, "could not group crashes again");
        let pause = backoff::after_attempt(job.fence.attempts);
        retry(pool, &job, &error.to_string(), pause).await;
    }
}

/// Ends the job and asks for the next round.
async fn finish(pool: &Pool, job: &Job) -> Result<(), Error> {
    let mut transaction = pool.database.begin().await?;
    let held = jobs::finish(&mut transaction, &pool.config.name, &[job.fence]).await?;
    if held.is_empty() {
        telemetry::ended(JobKind::Regroup, Ended::Lost);
        return Ok(());
    }
    let (version, round) = job.key.split_once(':').unwrap_or((&job.key, ""));
    let done = ROUNDS.iter().position(|(name, _)| *name == round);
    if let Some((next, after)) = ROUNDS.get(done.map_or(0, |done| done + 1)) {
        let key = format!("{version}:{next}");
        jobs::enqueue(&mut transaction, JobKind::Regroup, &key, *after).await?;
    }
    transaction.commit().await?;
    telemetry::ended(JobKind::Regroup, Ended::Done);
    Ok(())
}

/// Gives all crashes that other rules signed the signature of those in force; how many changed by it. `None` if it was
/// stopped: the next run goes on from there.
async fn regroup(pool: &Pool, stop: &CancellationToken) -> Result<Option<u64>, Error> {
    let rules = pool.rules.get(&pool.database).await?;
    let mut after: Option<Place> = None;
    let mut changed = 0;
    loop {
        if stop.is_cancelled() {
            return Ok(None);
        }
        let mut conn = pool.database.acquire().await?;
        let outdated = signatures::outdated(&mut conn, rules.version, after, BATCH).await?;
        let Some(last) = outdated.last() else {
            return Ok(Some(changed));
        };
        after = Some(last.place);
        let signed = sign(&rules, outdated).await;
        changed += signatures::regroup(&mut conn, rules.version, &signed).await?;
    }
}

/// The signatures of crashes. A report that an older version of this program wrote may not be readable any more; it
/// keeps its signature.
async fn sign(rules: &Arc<Versioned>, outdated: Vec<Outdated>) -> Vec<(Place, String)> {
    let rules = Arc::clone(rules);
    let signing = tokio::task::spawn_blocking(move || {
        let signed = outdated.into_iter().filter_map(|crash| {
            let report: Report = serde_json::from_value(crash.report).ok()?;
            Some((crash.place, rules.sign(&report)))
        });
        signed.collect()
    });
    signing.await.unwrap_or_default()
}
