//! The queue: who holds a job may end it, and nobody else.

use std::collections::BTreeSet;
use std::time::Duration;

use store::PgPool;
use store::jobs::{self, Job, JobKind, MAX_ATTEMPTS, Reaped, VerdictKey};
use tests::database;
use uuid::Uuid;

const LEASE: Duration = Duration::from_mins(1);
const OVER: Duration = Duration::ZERO;

async fn enqueue(pool: &PgPool, count: usize) {
    let mut conn = pool.acquire().await.unwrap();
    for _ in 0..count {
        let dump = store::DumpId(Uuid::now_v7());
        jobs::enqueue_analysis(&mut conn, dump).await.unwrap();
    }
}

async fn claim(pool: &PgPool, worker: &str, batch: u32, lease: Duration) -> Vec<Job> {
    let mut conn = pool.acquire().await.unwrap();
    jobs::claim(&mut conn, worker, JobKind::Analyze, batch, lease)
        .await
        .unwrap()
}

async fn reap(pool: &PgPool) -> Reaped {
    let mut conn = pool.acquire().await.unwrap();
    jobs::reap(&mut conn, Duration::ZERO).await.unwrap()
}

/// Queued, running, failed.
async fn counts(pool: &PgPool) -> (u64, u64, u64) {
    let mut conn = pool.acquire().await.unwrap();
    let counts = jobs::counts(&mut conn).await.unwrap();
    counts
        .first()
        .map_or((0, 0, 0), |count| (count.queued, count.running, count.failed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_job_is_handed_to_two_workers() {
    let pool = database().await.pool;
    enqueue(&pool, 200).await;
    let claiming = (0..8).map(|worker| {
        let pool = pool.clone();
        tokio::spawn(async move {
            let mut ids = Vec::new();
            loop {
                let jobs = claim(&pool, &format!("w{worker}"), 7, LEASE).await;
                if jobs.is_empty() {
                    return ids;
                }
                ids.extend(jobs.iter().map(|job| job.fence.id));
            }
        })
    });
    let mut ids = Vec::new();
    for claimed in claiming.collect::<Vec<_>>() {
        ids.extend(claimed.await.unwrap());
    }
    // A claimer may give up while others hold locks on what is left, so not all need be claimed; none twice.
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    assert_eq!(counts(&pool).await.1, u64::try_from(ids.len()).unwrap());
}

#[tokio::test]
async fn a_worker_whose_lease_ran_out_ends_nothing() {
    let pool = database().await.pool;
    enqueue(&pool, 1).await;
    let lost = claim(&pool, "slow", 1, OVER).await.remove(0).fence;
    assert_eq!(reap(&pool).await.requeued, 1);
    let held = claim(&pool, "other", 1, LEASE).await.remove(0).fence;
    let mut conn = pool.acquire().await.unwrap();
    assert!(jobs::finish(&mut conn, "slow", &[lost]).await.unwrap().is_empty());
    assert!(!jobs::retry(&mut conn, "slow", lost, "late", OVER).await.unwrap());
    assert!(!jobs::fail(&mut conn, "slow", lost, "late").await.unwrap());
    assert_eq!(jobs::finish(&mut conn, "other", &[held]).await.unwrap(), [held]);
}

#[tokio::test]
async fn a_second_claim_of_the_same_worker_voids_its_first() {
    let pool = database().await.pool;
    enqueue(&pool, 1).await;
    let lost = claim(&pool, "w", 1, OVER).await.remove(0).fence;
    reap(&pool).await;
    let held = claim(&pool, "w", 1, LEASE).await.remove(0).fence;
    let mut conn = pool.acquire().await.unwrap();
    assert!(jobs::finish(&mut conn, "w", &[lost]).await.unwrap().is_empty());
    assert_eq!(held.attempts, 2);
}

#[tokio::test]
async fn a_heartbeat_keeps_jobs_from_the_reaper() {
    let pool = database().await.pool;
    enqueue(&pool, 2).await;
    claim(&pool, "w", 2, OVER).await;
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(jobs::heartbeat(&mut conn, "w", LEASE).await.unwrap().len(), 2);
    drop(conn);
    assert_eq!(reap(&pool).await, Reaped::default());
}

#[tokio::test]
async fn the_fifth_lost_lease_makes_a_dead_letter_that_can_be_revived() {
    let pool = database().await.pool;
    enqueue(&pool, 1).await;
    for attempt in 1..=MAX_ATTEMPTS {
        let job = claim(&pool, "w", 1, OVER).await.remove(0);
        assert_eq!(job.fence.attempts, attempt);
        let failed = u64::from(attempt == MAX_ATTEMPTS);
        assert_eq!(
            reap(&pool).await,
            Reaped {
                requeued: 1 - failed,
                failed
            }
        );
    }
    assert!(claim(&pool, "w", 1, LEASE).await.is_empty());
    let mut conn = pool.acquire().await.unwrap();
    let letter = jobs::dead_letters(&mut conn, 10).await.unwrap().remove(0);
    assert!(letter.last_error.unwrap().contains("worker was gone"));
    jobs::requeue(&mut conn, letter.id).await.unwrap().unwrap();
    drop(conn);
    assert_eq!(claim(&pool, "w", 1, LEASE).await.remove(0).fence.attempts, 1);
}

#[tokio::test]
async fn the_fifth_retry_gives_a_job_up_with_its_reason() {
    let pool = database().await.pool;
    enqueue(&pool, 1).await;
    for _ in 0..MAX_ATTEMPTS {
        let job = claim(&pool, "w", 1, LEASE).await.remove(0);
        let mut conn = pool.acquire().await.unwrap();
        assert!(
            jobs::retry(&mut conn, "w", job.fence, "it went wrong", OVER)
                .await
                .unwrap()
        );
    }
    assert_eq!(counts(&pool).await, (0, 0, 1));
    let mut conn = pool.acquire().await.unwrap();
    let letters = jobs::dead_letters(&mut conn, 10).await.unwrap();
    assert_eq!(letters[0].last_error.as_deref(), Some("it went wrong"));
}

#[tokio::test]
async fn a_job_that_was_given_back_has_not_lost_an_attempt() {
    let pool = database().await.pool;
    enqueue(&pool, 3).await;
    claim(&pool, "w", 2, LEASE).await;
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(jobs::release(&mut conn, "w").await.unwrap(), 2);
    drop(conn);
    let again = claim(&pool, "other", 16, LEASE).await;
    assert_eq!(again.len(), 3);
    assert!(again.iter().all(|job| job.fence.attempts == 1));
}

#[tokio::test]
async fn a_retry_waits_its_delay() {
    let pool = database().await.pool;
    enqueue(&pool, 1).await;
    let job = claim(&pool, "w", 1, LEASE).await.remove(0);
    let mut conn = pool.acquire().await.unwrap();
    jobs::retry(&mut conn, "w", job.fence, "busy", LEASE)
        .await
        .unwrap();
    drop(conn);
    assert!(claim(&pool, "w", 1, LEASE).await.is_empty());
    assert_eq!(counts(&pool).await, (1, 0, 0));
}

#[tokio::test]
async fn a_second_wish_for_a_verdict_only_makes_the_first_more_urgent() {
    let pool = database().await.pool;
    let key = VerdictKey {
        stop_code: 0x76,
        window_days: 91,
    };
    let mut conn = pool.acquire().await.unwrap();
    for delay in [LEASE, OVER, LEASE] {
        jobs::enqueue_verdict(&mut conn, key, delay).await.unwrap();
    }
    let claimed = jobs::claim(&mut conn, "w", JobKind::Verdict, 16, LEASE)
        .await
        .unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!(VerdictKey::parse(&claimed[0].key), Some(key));
    // While it runs a new wish is a new job, and a retry of the first does not collide with it.
    jobs::enqueue_verdict(&mut conn, key, LEASE).await.unwrap();
    assert!(
        jobs::retry(&mut conn, "w", claimed[0].fence, "busy", OVER)
            .await
            .unwrap()
    );
    drop(conn);
    assert_eq!(counts(&pool).await, (2, 0, 0));
}
