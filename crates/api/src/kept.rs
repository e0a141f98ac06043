//! Answers that were dear, kept for a while.
//!
//! What is counted over a whole fleet takes milliseconds for a thousand machines and seconds for a million. An answer is
//! kept for twenty times as long as it took, so that counting never takes more than a twentieth of the time, however
//! often it is asked for; what was fast is not kept at all, and a small fleet sees each crash at once. Of several who ask
//! at the same time, one counts.

use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::future::Cache;

use crate::error::ApiError;

/// What takes less long is counted each time.
const FAST: Duration = Duration::from_secs(1);

/// For how many times as long as it took an answer is kept.
const KEPT_FOR: u32 = 20;

/// For how long an answer is kept at most.
const LONGEST: Duration = Duration::from_mins(10);

/// The most answers that are kept of a kind.
const MOST: u64 = 64;

/// Answers of one kind, by what was asked.
pub(crate) struct Kept<K, V>(Cache<K, Answer<V>>);

/// An answer and how long it took.
struct Answer<V> {
    value: Arc<V>,
    took: Duration,
}

// By hand: a clone is another handle to the value, which need not be `Clone` itself.
impl<V> Clone for Answer<V> {
    fn clone(&self) -> Self {
        Answer {
            value: Arc::clone(&self.value),
            took: self.took,
        }
    }
}

/// What those are told who waited for somebody else's count.
#[derive(Debug, thiserror::Error)]
#[error("what was being counted for another request failed")]
struct Uncounted;

/// Tells moka how long.
struct ByWhatItTook;

impl<K, V> Expiry<K, Answer<V>> for ByWhatItTook {
    fn expire_after_create(&self, _: &K, answer: &Answer<V>, _: Instant) -> Option<Duration> {
        Some(kept_for(answer.took))
    }
}

/// For how long an answer is kept that took so long.
fn kept_for(took: Duration) -> Duration {
    if took < FAST {
        Duration::ZERO
    } else {
        took.saturating_mul(KEPT_FOR).min(LONGEST)
    }
}

impl<K, V> Kept<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// Nothing kept yet.
    pub(crate) fn new() -> Self {
        Kept(
            Cache::builder()
                .max_capacity(MOST)
                .expire_after(ByWhatItTook)
                .build(),
        )
    }

    /// The answer for `key`: one that is kept, or that of `count`.
    ///
    /// # Errors
    ///
    /// That of `count`, for whoever asked first; for the others [`ApiError::Unavailable`]. The next one counts again.
    pub(crate) async fn get(
        &self,
        key: K,
        count: impl Future<Output = Result<V, ApiError>>,
    ) -> Result<Arc<V>, ApiError> {
        let mut failure = None;
        let timed = async {
            let started = Instant::now();
            match count.await {
                Ok(value) => Ok(Answer {
                    value: Arc::new(value),
                    took: started.elapsed(),
                }),
                Err(error) => {
                    failure = Some(error);
                    Err(Uncounted)
                }
            }
        };
        // Boxed: the cache holds what counts several times over, on the stack of whoever asks.
        match Box::pin(self.0.try_get_with(key, Box::pin(timed))).await {
            Ok(answer) => Ok(answer.value),
            Err(_) => Err(failure.unwrap_or_else(|| ApiError::Unavailable(Box::new(Uncounted)))),
        }
    }

    /// Forgets all answers: something has changed that they tell.
    pub(crate) fn forget(&self) {
        self.0.invalidate_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::{Kept, LONGEST, kept_for};
    use crate::error::ApiError;

    #[test]
    fn the_longer_it_took_the_longer_it_is_kept() {
        assert_eq!(kept_for(Duration::from_millis(999)), Duration::ZERO);
        assert_eq!(kept_for(Duration::from_secs(3)), Duration::from_mins(1));
        assert_eq!(kept_for(Duration::from_hours(1)), LONGEST);
        assert_eq!(kept_for(Duration::MAX), LONGEST);
    }

    /// How often `count` ran for five questions, one after the other.
    async fn counted(takes: Duration) -> u32 {
        let (kept, counted) = (Kept::new(), AtomicU32::new(0));
        for _ in 0..5 {
            let count = async {
                tokio::time::sleep(takes).await;
                Ok(counted.fetch_add(1, Ordering::Relaxed))
            };
            kept.get((), count).await.unwrap();
        }
        counted.into_inner()
    }

    #[tokio::test]
    async fn what_is_fast_is_counted_each_time_and_what_is_slow_once() {
        assert_eq!(counted(Duration::ZERO).await, 5);
        assert_eq!(counted(Duration::from_millis(1_100)).await, 1);
    }

    #[tokio::test]
    async fn an_answer_can_be_forgotten_and_a_failure_is_not_kept() {
        let kept = Kept::new();
        let slow = |answer: Result<u32, ApiError>| async {
            tokio::time::sleep(Duration::from_millis(1_100)).await;
            answer
        };
        assert!(matches!(
            kept.get(1, slow(Err(ApiError::Busy))).await,
            Err(ApiError::Busy)
        ));
        assert_eq!(*kept.get(1, slow(Ok(1))).await.unwrap(), 1);
        assert_eq!(*kept.get(1, slow(Ok(2))).await.unwrap(), 1);
        kept.forget();
        assert_eq!(*kept.get(1, slow(Ok(3))).await.unwrap(), 3);
    }
}
