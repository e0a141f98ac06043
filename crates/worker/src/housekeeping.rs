//! What every pool does besides its jobs.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use store::jobs::{self, VerdictKey};
use store::wakeup::Listener;
use store::{Error, Window, audit, crashes, experiments, exposure, sessions, verdict_changes, verdicts};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::pool::{Pool, log};
use crate::{alerts, backoff};

/// How often the queue is looked over for expired leases.
const QUEUE_EVERY: Duration = Duration::from_secs(5);

/// How often verdicts are looked over for their age.
const VERDICTS_EVERY: Duration = Duration::from_mins(1);

/// How often weeks are looked over that are due to be rolled up.
const ROLL_UPS_EVERY: Duration = Duration::from_mins(1);

/// How often it is asked whether machines told anything new.
const NEWS_EVERY: Duration = Duration::from_secs(15);

/// What machines tell of their days and drivers makes a verdict due when it is so old.
const NEWS_WAIT: time::Duration = time::Duration::minutes(2);

/// How often it is looked for 0xCBs that name a driver, and for experiments that they or their dates end.
const EXPERIMENTS_EVERY: Duration = Duration::from_secs(5);

/// How often stop codes' rates are looked over for jumps. They are counted by day.
const RATES_EVERY: Duration = Duration::from_mins(30);

/// How often partitions are made, orphans and old sessions swept.
const DAILY: Duration = Duration::from_hours(24);

/// Partitions are there for so many days before and after today.
const PARTITION_DAYS: (i64, i64) = (190, 70);

/// How long it is remembered what verdicts said: a little longer than pages look back.
const CHANGES_KEPT: time::Duration = time::Duration::days(400);

/// Ends the pauses of idle tasks.
#[derive(Debug, Clone)]
pub(crate) struct Wake {
    sender: watch::Sender<()>,
    receiver: watch::Receiver<()>,
}

impl Wake {
    pub(crate) fn new() -> Wake {
        let (sender, receiver) = watch::channel(());
        Wake { sender, receiver }
    }

    /// Waits for a wake-up that was not waited for yet, for `span`, or for the end, whatever is first.
    pub(crate) async fn wait(&mut self, span: Duration, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(span) => {}
            _ = self.receiver.changed() => {}
        }
    }
}

/// Hands on the wake-ups of all replicas. Without a connection the pool still polls.
pub(crate) async fn listen(pool: Arc<Pool>, wake: Wake, stop: CancellationToken) {
    let listening = async {
        loop {
            if let Err(error) = hear(&pool, &wake).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "no wake-ups, polling only"
                );
            }
            tokio::time::sleep(backoff::with_jitter(QUEUE_EVERY)).await;
        }
    };
    stop.run_until_cancelled(listening).await;
}

async fn hear(pool: &Pool, wake: &Wake) -> Result<(), Error> {
    let mut listener = Listener::connect(&pool.database).await?;
    loop {
        listener.heard().await?;
        wake.sender.send_replace(());
    }
}

/// Renews the leases of the pool's jobs until `done`.
pub(crate) async fn renew_leases(pool: Arc<Pool>, done: CancellationToken) {
    let every = pool.config.lease / 4;
    repeat(&done, every, "could not renew leases", || async {
        let mut conn = pool.database.acquire().await?;
        jobs::heartbeat(&mut conn, &pool.config.name, pool.config.lease).await?;
        Ok(())
    })
    .await;
}

/// Does all that is done every so often, until `stop`.
pub(crate) async fn keep_house(pool: Arc<Pool>, stop: CancellationToken) {
    let news = Mutex::new(None);
    tokio::join!(
        repeat(&stop, QUEUE_EVERY, "could not look over the queue", || {
            look_over_queue(&pool)
        }),
        repeat(&stop, VERDICTS_EVERY, "could not refresh verdicts", || {
            refresh_verdicts(&pool)
        }),
        repeat(&stop, NEWS_EVERY, "could not ask for verdicts after news", || {
            hear_news(&pool, &news)
        }),
        repeat(&stop, ROLL_UPS_EVERY, "could not roll weeks up", || {
            roll_up(&pool)
        }),
        repeat(
            &stop,
            EXPERIMENTS_EVERY,
            "could not look over experiments",
            || look_over_experiments(&pool)
        ),
        repeat(&stop, DAILY, "could not make partitions", || make_partitions(
            &pool
        )),
        repeat(&stop, DAILY, "could not sweep", || sweep(&pool)),
        repeat(&stop, DAILY, "could not forget what is old", || forget(&pool)),
        repeat(&stop, RATES_EVERY, "could not watch rates", || {
            alerts::watch_rates(&pool)
        }),
        repeat(&stop, DAILY, "could not forget alerts", || alerts::prune(&pool)),
    );
}

/// Runs `task` now and then every `every`, each time anew whatever came of the last.
async fn repeat<F: Future<Output = Result<(), Error>>>(
    stop: &CancellationToken,
    every: Duration,
    failed: &'static str,
    task: impl Fn() -> F,
) {
    let repeating = async {
        loop {
            if let Err(error) = task().await {
                log(&error, failed);
            }
            tokio::time::sleep(backoff::with_jitter(every)).await;
        }
    };
    stop.run_until_cancelled(repeating).await;
}

async fn look_over_queue(pool: &Pool) -> Result<(), Error> {
    let mut conn = pool.database.acquire().await?;
    let reaped = jobs::reap(&mut conn, backoff::after_attempt(1)).await?;
    if reaped.requeued + reaped.failed > 0 {
        tracing::warn!(
            requeued = reaped.requeued,
            failed = reaped.failed,
            "took jobs from workers that are gone"
        );
    }
    Ok(())
}

/// Asks for verdicts that are older than they may be, so that days pass and lost wishes are made up for.
async fn refresh_verdicts(pool: &Pool) -> Result<(), Error> {
    let now = pool.config.clock.now();
    ask_for_older(pool, now - pool.config.verdict_age).await
}

/// Asks for verdicts that are older than the latest news, once they are not all too young. `news` is when there was
/// any; it is lost with the process, which the refresh makes up for.
async fn hear_news(pool: &Pool, news: &Mutex<Option<OffsetDateTime>>) -> Result<(), Error> {
    let now = pool.config.clock.now();
    let mut conn = pool.database.acquire().await?;
    let is_new = verdicts::heard_news(&mut conn).await?;
    drop(conn);
    let latest = {
        let mut latest = news.lock().unwrap_or_else(PoisonError::into_inner);
        if is_new {
            *latest = Some(now);
        }
        *latest
    };
    match latest {
        Some(latest) => ask_for_older(pool, latest.min(now - NEWS_WAIT)).await,
        None => Ok(()),
    }
}

async fn ask_for_older(pool: &Pool, before: OffsetDateTime) -> Result<(), Error> {
    let config = &pool.config;
    let now = config.clock.now();
    let mut conn = pool.database.acquire().await?;
    for &window_days in &config.window_days {
        let window = Window::ending(now.date(), window_days);
        for stop_code in verdicts::codes_to_refresh(&mut conn, window, window_days, before).await? {
            let key = VerdictKey {
                stop_code,
                window_days,
            };
            jobs::enqueue_verdict(&mut conn, key, Duration::ZERO).await?;
        }
    }
    Ok(())
}

/// Counts closed weeks once, so that verdicts need not.
async fn roll_up(pool: &Pool) -> Result<(), Error> {
    let mut conn = pool.database.acquire().await?;
    let weeks = exposure::roll_up_due(&mut conn, pool.config.clock.now()).await?;
    if !weeks.is_empty() {
        tracing::info!(weeks = weeks.len(), "rolled weeks up");
    }
    Ok(())
}

/// Ends experiments, and asks for the ranking of 0x76 anew when Windows named a driver.
async fn look_over_experiments(pool: &Pool) -> Result<(), Error> {
    let mut conn = pool.database.acquire().await?;
    let found = experiments::look_over(&mut conn, pool.config.clock.now()).await?;
    for (id, state) in &found.ended {
        tracing::info!(experiment.id = %id, state = state.as_str(), "an experiment ended");
    }
    if found.new_proofs == 0 {
        return Ok(());
    }
    for &window_days in &pool.config.window_days {
        let key = VerdictKey {
            stop_code: experiments::LOCKED_PAGES,
            window_days,
        };
        jobs::enqueue_verdict(&mut conn, key, Duration::ZERO).await?;
    }
    Ok(())
}

async fn make_partitions(pool: &Pool) -> Result<(), Error> {
    let today = pool.config.clock.now().date();
    let (before, after) = PARTITION_DAYS;
    let from = today.saturating_sub(time::Duration::days(before));
    let to = today.saturating_add(time::Duration::days(after));
    let mut conn = pool.database.acquire().await?;
    crashes::ensure_partitions(&mut conn, from, to).await?;
    Ok(())
}

async fn sweep(pool: &Pool) -> Result<(), Error> {
    let orphans = pool.blobs.sweep_orphans(&pool.database).await?;
    if orphans > 0 {
        tracing::info!(orphans, "swept blobs that no dump had");
    }
    let mut conn = pool.database.acquire().await?;
    sessions::sweep(&mut conn, pool.config.clock.now()).await?;
    Ok(())
}

/// Deletes entries of the record, and changes of verdicts, that are older than anybody looks back.
async fn forget(pool: &Pool) -> Result<(), Error> {
    let now = pool.config.clock.now();
    let mut conn = pool.database.acquire().await?;
    let entries = audit::prune(&mut conn, now - pool.config.audit_kept).await?;
    if entries > 0 {
        tracing::info!(entries, "deleted old entries of the record of who did what");
    }
    verdict_changes::prune(&mut conn, now - CHANGES_KEPT).await?;
    Ok(())
}
