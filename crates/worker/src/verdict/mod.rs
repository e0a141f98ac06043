//! Computing verdicts: counts from the store, judged by attribution, kept as the body that the API answers with.

use std::sync::Arc;
use std::time::Instant;

use store::alerts::Reached;
use store::jobs::{self, Job, JobKind, VerdictKey};
use store::verdict_changes::{self, Said};
use store::verdicts::{self, Verdict};
use store::{Error, Window, exposure, proofs};
use tokio_util::sync::CancellationToken;
use wire::suspects::{Suspects, VerdictWord};

use crate::finish::retry;
use crate::housekeeping::Wake;
use crate::pool::{Pool, log, one_by_one};
use crate::telemetry::{self, Ended};
use crate::{alerts, backoff};

mod body;
mod context;
mod input;

/// Verdicts are claimed so many at a time: each takes a moment, and another replica may have nothing to do.
const BATCH: u32 = 4;

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Store(#[from] Error),
    #[error("the verdict cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    #[error("the computation was stopped by a bug")]
    Panicked,
}

/// Computes verdicts one after the other until `stop`; the one it is at is brought to its end.
pub(crate) async fn run(pool: Arc<Pool>, wake: Wake, stop: CancellationToken) {
    one_by_one(&pool, (JobKind::Verdict, BATCH), wake, &stop, |job| {
        run_one(&pool, job)
    })
    .await;
}

async fn run_one(pool: &Arc<Pool>, job: Job) {
    let Some(key) = VerdictKey::parse(&job.key) else {
        return retry(
            pool,
            &job,
            "its key is no stop code and window",
            backoff::after_attempt(4),
        )
        .await;
    };
    let begun = Instant::now();
    let computing = compute(Arc::clone(pool), key);
    // A task of its own, so that a bug in the statistics does not end this loop.
    let computed = tokio::spawn(computing).await.unwrap_or(Err(Trouble::Panicked));
    telemetry::took(JobKind::Verdict, begun.elapsed());
    match computed {
        Ok(()) => finish(pool, &job).await,
        Err(trouble) => {
            log(&trouble, "could not compute a verdict");
            retry(
                pool,
                &job,
                &trouble.to_string(),
                backoff::after_attempt(job.fence.attempts),
            )
            .await;
        }
    }
}

async fn finish(pool: &Pool, job: &Job) {
    let finished: Result<usize, Error> = async {
        let mut conn = pool.database.acquire().await.map_err(Error::from)?;
        let held = jobs::finish(&mut conn, &pool.config.name, &[job.fence]).await?;
        Ok(held.len())
    }
    .await;
    match finished {
        Ok(0) => telemetry::ended(JobKind::Verdict, Ended::Lost),
        Ok(_) => telemetry::ended(JobKind::Verdict, Ended::Done),
        Err(error) => log(&error, "could not end a verdict job; its lease will run out"),
    }
}

/// Computes and stores one verdict. It may be run twice; the newer one stays.
#[tracing::instrument(name = "worker.verdict", skip_all, fields(verdict.key = %key))]
async fn compute(pool: Arc<Pool>, key: VerdictKey) -> Result<(), Trouble> {
    let computed_at = pool.config.clock.now();
    let window = Window::ending(computed_at.date(), key.window_days);
    let mut conn = pool.database.acquire().await.map_err(Error::from)?;
    let counts = exposure::counts(&mut conn, key.stop_code, window).await?;
    drop(conn);

    let counts = Arc::new(counts);
    let counted = Arc::clone(&counts);
    let judged = tokio::task::spawn_blocking(move || attribution::verdict::verdict(&input::of(&counted)))
        .await
        .map_err(|_| Trouble::Panicked)?;

    let mut conn = pool.database.acquire().await.map_err(Error::from)?;
    let context = context::gather(&mut conn, key.stop_code, window, &counts, &judged).await?;
    let suspects = body::suspects(key.stop_code, computed_at, &counts, &judged, &context);
    let verdict = Verdict {
        stop_code: key.stop_code,
        window_days: key.window_days,
        window,
        computed_at,
        body: serde_json::to_value(&suspects)?,
    };
    let told = Told {
        reached: alerts::of_verdict(&suspects, &counts, &judged)?,
        said: said(&suspects, first_suspect(&suspects, &counts, &judged)),
    };
    drop(conn);
    store_verdict(&pool, &verdict, told).await?;
    Ok(())
}

/// What is kept of a verdict beside its body.
struct Told {
    /// What people should be told.
    reached: Option<Reached>,
    /// What it says, and the driver versions of its first suspect; none if it accuses no driver.
    said: Said,
}

/// What a verdict says, as far as its changes are kept; `versions` are those of its first suspect.
fn said(suspects: &Suspects, versions: Vec<i32>) -> Said {
    let accuses = suspects.verdict >= VerdictWord::Associated;
    let first = suspects.suspects.first().filter(|_| accuses);
    Said {
        stop_code: suspects.stop_code.get(),
        word: suspects.verdict.as_str(),
        suspect: first.map(alerts::suspect_name),
        driver_version_ids: versions,
    }
}

/// The versions that a verdict puts first, if it accuses anybody at all.
fn first_suspect(
    suspects: &Suspects,
    counts: &exposure::Counts,
    judged: &attribution::verdict::Verdict,
) -> Vec<i32> {
    if suspects.verdict < VerdictWord::Associated {
        return Vec::new();
    }
    let groups = context::groups(counts, judged);
    groups.into_iter().next().unwrap_or_default()
}

/// Stores a verdict, and with it what people should be told and what proofs are held against.
///
/// Only the first of the windows is told of: the others say the same of fewer or more days.
async fn store_verdict(pool: &Pool, verdict: &Verdict, told: Told) -> Result<(), Error> {
    let mut transaction = pool.database.begin().await?;
    let is_newest = verdicts::put(&mut transaction, verdict).await?;
    let is_main = pool.config.window_days.first() == Some(&verdict.window_days);
    if is_newest && is_main {
        let (stop_code, computed_at) = (verdict.stop_code, verdict.computed_at);
        let versions = &told.said.driver_version_ids;
        proofs::note_first_suspect(&mut transaction, stop_code, versions, computed_at).await?;
        verdict_changes::note(&mut transaction, &told.said, computed_at).await?;
        if let Some(reached) = told.reached {
            store::alerts::verdict_reached(&mut transaction, &reached, computed_at).await?;
        }
    }
    transaction.commit().await?;
    Ok(())
}
