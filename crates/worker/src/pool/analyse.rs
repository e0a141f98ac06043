//! One analyser: takes a job from the line, has its child analyse the dump, hands the outcome on.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use store::crashes::NewCrash;
use store::dumps::{self, Dump};
use store::jobs::Job;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use super::{MOST_DEATHS, Pool, log};
use crate::child::process::{Analyser, Failure};
use crate::finish::{Finished, Outcome};
use crate::{record, telemetry};

/// Why a job came to no outcome of its own.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("the dump's bytes are not in the blob store")]
    NoBlob,
    #[error(transparent)]
    Child(Failure),
}

/// Analyses until the line ends or `stop` is cancelled; the job it has by then is brought to its end.
pub(super) async fn run(
    pool: Arc<Pool>,
    line: Arc<Mutex<mpsc::Receiver<Job>>>,
    finished: mpsc::Sender<Finished>,
    stop: CancellationToken,
) {
    let config = &pool.config;
    let mut analyser = Analyser::new(
        config.child.clone(),
        config.analysis_timeout,
        config.dumps_per_child,
    );
    loop {
        let job = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            job = next(&line) => job,
        };
        let Some(job) = job else {
            return;
        };
        let begun = Instant::now();
        // A bug in here must not cost the analyser and leave a job whose lease is renewed for ever.
        let outcome = AssertUnwindSafe(outcome(&pool, &mut analyser, &job))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| Outcome::Retry("a bug in the worker stopped the analysis".to_owned()));
        telemetry::took(job.kind, begun.elapsed());
        if finished.send(Finished { job, outcome }).await.is_err() {
            return;
        }
    }
}

/// Says what holds the children, once a pool.
pub(super) async fn say_what_holds_children(pool: Arc<Pool>) {
    let config = &pool.config;
    let mut analyser = Analyser::new(config.child.clone(), config.analysis_timeout, 1);
    match analyser.cage().await {
        Ok(cage) if cage.unfiltered.is_none() => {
            tracing::info!(worker.cage = %cage, "dumps and symbol files are read in locked-up processes");
        }
        Ok(cage) => {
            tracing::warn!(worker.cage = %cage, "dumps and symbol files are read in processes that are held by limits only");
        }
        // Each dump will say it as well.
        Err(failure) => log(&failure, "no process to read dumps in could be started"),
    }
}

async fn next(line: &Mutex<mpsc::Receiver<Job>>) -> Option<Job> {
    line.lock().await.recv().await
}

#[tracing::instrument(name = "worker.analyze", skip_all, fields(job.id = job.fence.id, dump.id = job.key))]
async fn outcome(pool: &Pool, analyser: &mut Analyser, job: &Job) -> Outcome {
    let Some(dump) = job.dump() else {
        return Outcome::Fail("its key is no dump id".to_owned());
    };
    let dump = match find(pool, dump).await {
        Ok(Some(dump)) => dump,
        Ok(None) => return Outcome::Fail("its dump is gone".to_owned()),
        Err(error) => return retry(&error.into()),
    };
    match analyse(pool, analyser, job, &dump).await {
        Ok(crash) => Outcome::Crash(Box::new(crash)),
        Err(Trouble::Child(Failure::Refused(sentence))) => Outcome::Refused(dump.id, sentence),
        Err(Trouble::Child(death)) if death.is_of_the_file() && job.fence.attempts >= MOST_DEATHS => {
            Outcome::Fail(death.to_string())
        }
        Err(trouble) => retry(&trouble),
    }
}

async fn find(pool: &Pool, id: store::DumpId) -> Result<Option<Dump>, store::Error> {
    let mut conn = pool.database.acquire().await?;
    dumps::find(&mut conn, id).await
}

async fn analyse(pool: &Pool, analyser: &mut Analyser, job: &Job, dump: &Dump) -> Result<NewCrash, Trouble> {
    let bytes = pool.blobs.get(dump.sha256).await?.ok_or(Trouble::NoBlob)?;
    let answer = analyser.analyse(&bytes, &pool.symbols).await;
    let mut report = answer.map_err(Trouble::Child)?;
    let rules = pool.rules.get(&pool.database).await?;
    if rules.version > 0 {
        report.signature = rules.sign(&report);
    }
    Ok(record::crash(dump, job, rules.version, report)?)
}

fn retry(trouble: &Trouble) -> Outcome {
    tracing::warn!(
        error = trouble as &dyn std::error::Error,
        "could not analyse a dump, will try again"
    );
    Outcome::Retry(trouble.to_string())
}
