//! The pool's tasks and how they start and end.

use std::sync::Arc;

use store::blobs::Blobs;
use store::jobs::{self, Job};
use store::{Error, PgPool};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::Config;
use crate::finish::{Finished, Finisher};
use crate::housekeeping::{self, Wake};
use crate::signatures::InForce;
use crate::symbols::Symbols;

mod analyse;
mod claim;

pub(crate) use claim::{one_by_one, pause};

/// Jobs are claimed in batches of so many.
const BATCH: u32 = 16;

/// Jobs that are claimed and wait for an analyser. While one batch waits, the next is claimed.
const LINE: usize = 32;

/// A dump or symbol file over which so many children died or were killed is given up.
pub(crate) const MOST_DEATHS: i32 = 3;

/// Transactions that store results side by side. One alone waits for the database most of the time, while analysers wait
/// for it.
const FINISHERS: usize = 3;

/// What all tasks of a pool share.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) config: Config,
    pub(crate) database: PgPool,
    pub(crate) blobs: Blobs,
    pub(crate) symbols: Symbols,
    pub(crate) rules: InForce,
}

impl Pool {
    pub(crate) fn new(config: Config, database: PgPool, blobs: Blobs, symbols: Symbols) -> Arc<Pool> {
        Arc::new(Pool {
            config,
            database,
            blobs,
            symbols,
            rules: InForce::default(),
        })
    }

    /// Works until `stop` is cancelled, and then until all that was begun is ended.
    ///
    /// Dropped half-way, it ends everything at once, children too, as if the program had been killed.
    #[tracing::instrument(name = "worker.pool", skip_all, fields(worker = self.config.name))]
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let wake = Wake::new();
        let leases_needed = CancellationToken::new();
        let mut house = JoinSet::new();
        house.spawn(housekeeping::renew_leases(
            Arc::clone(&self),
            leases_needed.clone(),
        ));
        house.spawn(analyse::say_what_holds_children(Arc::clone(&self)));
        house.spawn(housekeeping::keep_house(Arc::clone(&self), stop.clone()));
        house.spawn(crate::alerts::deliver(Arc::clone(&self), stop.clone()));
        house.spawn(housekeeping::listen(
            Arc::clone(&self),
            wake.clone(),
            stop.clone(),
        ));

        let mut work = JoinSet::new();
        let (line, jobs) = mpsc::channel(LINE);
        let (finished, results) = mpsc::channel(LINE);
        work.spawn(claim::claim_analyses(
            Arc::clone(&self),
            line,
            wake.clone(),
            stop.clone(),
        ));
        work.spawn(crate::symbols::run(Arc::clone(&self), wake.clone(), stop.clone()));
        work.spawn(crate::signatures::run(
            Arc::clone(&self),
            wake.clone(),
            stop.clone(),
        ));
        work.spawn(crate::verdict::run(Arc::clone(&self), wake, stop.clone()));
        let results = Arc::new(Mutex::new(results));
        for _ in 0..FINISHERS {
            work.spawn(Finisher::new(Arc::clone(&self)).run(Arc::clone(&results)));
        }
        self.start_analysers(&mut work, jobs, finished, &stop);
        end_of(work).await;

        leases_needed.cancel();
        end_of(house).await;
        self.give_back().await;
    }

    fn start_analysers(
        self: &Arc<Self>,
        work: &mut JoinSet<()>,
        jobs: mpsc::Receiver<Job>,
        finished: mpsc::Sender<Finished>,
        stop: &CancellationToken,
    ) {
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..self.config.analysers.max(1) {
            let analysing = analyse::run(
                Arc::clone(self),
                Arc::clone(&jobs),
                finished.clone(),
                stop.clone(),
            );
            work.spawn(analysing);
        }
        // The finisher ends when the last analyser has; this handle must not keep it.
        drop(finished);
    }

    /// Gives back what was claimed and not begun. If it fails, the leases run out.
    async fn give_back(&self) {
        let released: Result<u64, Error> = async {
            let mut conn = self.database.acquire().await?;
            jobs::release(&mut conn, &self.config.name).await
        }
        .await;
        match released {
            Ok(0) => {}
            Ok(jobs) => tracing::info!(jobs, "gave back jobs that were not begun"),
            Err(error) => log(&error, "could not give back jobs; their leases will run out"),
        }
    }
}

/// Waits for all tasks.
async fn end_of(mut tasks: JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            log(&error, "a task of the worker pool ended by a bug");
        }
    }
}

/// Logs a failure with its whole chain, once.
pub(crate) fn log(error: &(dyn std::error::Error + 'static), message: &'static str) {
    tracing::error!(error, "{message}");
}
