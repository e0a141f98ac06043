//! `symbol` jobs: an uploaded file is read by a child, and becomes ready or fails with the reason.

use std::sync::Arc;
use std::time::Instant;

use store::jobs::{self, Job, JobKind};
use store::symbols::{self, SymbolFile};
use store::{Error, SymbolFileId};
use tokio_util::sync::CancellationToken;

use super::Finder;
use super::compiler::{Compiled, NotCompiled};
use super::uploaded::Unusable;
use crate::backoff;
use crate::child::Failure;
use crate::finish::retry;
use crate::housekeeping::Wake;
use crate::pool::{MOST_DEATHS, Pool, log, one_by_one};
use crate::telemetry::{self, Ended};

/// Jobs are claimed so many at a time: they are worked on one after the other.
const BATCH: u32 = 4;

/// What came of a file.
enum Outcome {
    Ready(Compiled),
    Failed(String),
    Retry(String),
}

/// Reads uploads one after the other until `stop`; the one it is at is brought to its end.
pub(crate) async fn run(pool: Arc<Pool>, wake: Wake, stop: CancellationToken) {
    let Some(finder) = pool.symbols.finder.clone() else {
        return;
    };
    one_by_one(&pool, (JobKind::Symbol, BATCH), wake, &stop, |job| {
        run_one(&pool, &finder, job)
    })
    .await;
}

#[tracing::instrument(name = "worker.symbol", skip_all, fields(job.id = job.fence.id, symbol_file.id = job.key))]
async fn run_one(pool: &Pool, finder: &Finder, job: Job) {
    let begun = Instant::now();
    let settled = async {
        let Some(file) = find(pool, &job).await? else {
            // Deleted or replaced in the meantime.
            return finish(pool, &job, None).await;
        };
        match outcome(finder, &file, job.fence.attempts).await {
            Outcome::Retry(reason) => {
                retry(pool, &job, &reason, backoff::after_attempt(job.fence.attempts)).await;
                Ok(())
            }
            outcome => finish(pool, &job, Some((&file, outcome))).await,
        }
    };
    if let Err(error) = settled.await {
        log(&error, "could not settle a symbol file");
        retry(
            pool,
            &job,
            &error.to_string(),
            backoff::after_attempt(job.fence.attempts),
        )
        .await;
    }
    telemetry::took(JobKind::Symbol, begun.elapsed());
}

async fn find(pool: &Pool, job: &Job) -> Result<Option<SymbolFile>, Error> {
    let Ok(id) = job.key.parse() else {
        return Ok(None);
    };
    let mut conn = pool.database.acquire().await?;
    symbols::find(&mut conn, SymbolFileId(id)).await
}

async fn outcome(finder: &Finder, file: &SymbolFile, attempts: i32) -> Outcome {
    match finder.compile_upload(file).await {
        Ok(compiled) => Outcome::Ready(compiled),
        Err(Unusable::NotCompiled(NotCompiled::Child(Failure::Refused(sentence)))) => {
            Outcome::Failed(sentence)
        }
        Err(Unusable::NotCompiled(other @ NotCompiled::Other { .. })) => Outcome::Failed(other.to_string()),
        Err(Unusable::NotCompiled(NotCompiled::Child(death)))
            if death.is_of_the_file() && attempts >= MOST_DEATHS =>
        {
            Outcome::Failed(death.to_string())
        }
        Err(trouble) => {
            tracing::warn!(
                error = &trouble as &dyn std::error::Error,
                "could not read a symbol file, will try again"
            );
            Outcome::Retry(trouble.to_string())
        }
    }
}

/// One transaction. What another worker has claimed in the meantime is its own.
async fn finish(pool: &Pool, job: &Job, result: Option<(&SymbolFile, Outcome)>) -> Result<(), Error> {
    let mut transaction = pool.database.begin().await?;
    let held = jobs::finish(&mut transaction, &pool.config.name, &[job.fence]).await?;
    if held.is_empty() {
        telemetry::ended(JobKind::Symbol, Ended::Lost);
        return Ok(());
    }
    let ended = match result {
        Some((file, Outcome::Ready(compiled))) => {
            let debug = compiled.identity.debug.map(|key| key.canonical());
            let key = file.key.canonical();
            let queued =
                symbols::settle_ready(&mut transaction, file.id, file.kind, &key, debug.as_deref()).await?;
            tracing::info!(symbols.key = key, dumps = queued, "a symbol file is ready");
            Ended::Done
        }
        Some((file, Outcome::Failed(reason) | Outcome::Retry(reason))) => {
            symbols::settle_failed(&mut transaction, file.id, &reason).await?;
            Ended::Failed
        }
        None => Ended::Done,
    };
    transaction.commit().await?;
    telemetry::ended(JobKind::Symbol, ended);
    Ok(())
}
