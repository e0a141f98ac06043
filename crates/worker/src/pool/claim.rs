//! Claiming `analyze` jobs, a batch at a time, as analysers can take them; `reanalyze` jobs when there are no others, so
//! that a symbol file for a million old crashes does not hold up the new ones.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use store::Error;
use store::jobs::{self, Job, JobKind};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{BATCH, LINE, Pool, log};
use crate::backoff;
use crate::housekeeping::Wake;
use crate::telemetry;

const _: () = assert!(BATCH as usize <= LINE, "a batch must fit into the line");

/// How long to wait when the database does not answer.
const AFTER_ERROR: Duration = Duration::from_secs(2);

/// Keeps the line filled until `stop`.
pub(super) async fn claim_analyses(
    pool: Arc<Pool>,
    line: mpsc::Sender<Job>,
    mut wake: Wake,
    stop: CancellationToken,
) {
    loop {
        // A whole batch must fit, so that claims stay large while there is much to do.
        let places = tokio::select! {
            () = stop.cancelled() => return,
            places = line.reserve_many(BATCH as usize) => places,
        };
        let Ok(places) = places else {
            return;
        };
        // Not under `select!`: a claim that is dropped half-way would leave jobs that nobody knows of.
        let claimed = match claim_batch(&pool).await {
            Ok(claimed) => claimed,
            Err(error) => {
                log(&error, "could not claim jobs");
                drop(places);
                pause(&stop, AFTER_ERROR).await;
                continue;
            }
        };
        let full = claimed.len() == BATCH as usize;
        for (place, job) in places.zip(claimed) {
            place.send(job);
        }
        if !full {
            wake.wait(backoff::with_jitter(pool.config.poll), &stop).await;
        }
    }
}

async fn claim_batch(pool: &Pool) -> Result<Vec<Job>, Error> {
    let fresh = claim(pool, JobKind::Analyze, BATCH).await?;
    if fresh.is_empty() {
        claim(pool, JobKind::Reanalyze, BATCH).await
    } else {
        Ok(fresh)
    }
}

/// Runs jobs of a kind one after the other, claimed `batch` at a time, until `stop`; the one under way is brought to its end.
pub(crate) async fn one_by_one<F: Future<Output = ()>>(
    pool: &Pool,
    (kind, batch): (JobKind, u32),
    mut wake: Wake,
    stop: &CancellationToken,
    run: impl Fn(Job) -> F,
) {
    while !stop.is_cancelled() {
        let claimed = match claim(pool, kind, batch).await {
            Ok(claimed) => claimed,
            Err(error) => {
                log(&error, "could not claim jobs");
                pause(stop, AFTER_ERROR).await;
                continue;
            }
        };
        if claimed.is_empty() {
            wake.wait(backoff::with_jitter(pool.config.poll), stop).await;
        }
        for job in claimed {
            if stop.is_cancelled() {
                return;
            }
            run(job).await;
        }
    }
}

/// Claims jobs for the pool.
async fn claim(pool: &Pool, kind: JobKind, batch: u32) -> Result<Vec<Job>, Error> {
    let mut conn = pool.database.acquire().await?;
    let claimed = jobs::claim(&mut conn, &pool.config.name, kind, batch, pool.config.lease).await?;
    claimed.iter().for_each(telemetry::claimed);
    Ok(claimed)
}

/// Waits, but not longer than to the end.
pub(crate) async fn pause(stop: &CancellationToken, span: Duration) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(span) => {}
    }
}
