//! How long to wait before something is tried again.

use std::time::Duration;

/// 1, 4, 16, 64 seconds after the first, second, third, fourth attempt.
pub(crate) fn after_attempt(attempts: i32) -> Duration {
    let exponent = attempts.clamp(1, 4).unsigned_abs() - 1;
    Duration::from_secs(4_u64.pow(exponent))
}

/// `span`, more or less a quarter, so that replicas do not move in step.
pub(crate) fn with_jitter(span: Duration) -> Duration {
    // The last byte of such an id is random; that is all that is wanted here.
    let [.., random] = uuid::Uuid::now_v7().into_bytes();
    span.mul_f64(0.75 + f64::from(random) / 512.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    #[test]
    fn each_pause_is_four_times_the_one_before() {
        let pauses = [1, 2, 3, 4].map(super::after_attempt);
        assert_eq!(pauses, [1, 4, 16, 64].map(Duration::from_secs));
    }

    #[test]
    fn jitter_stays_within_a_quarter() {
        for _ in 0..100 {
            let span = super::with_jitter(Duration::from_secs(4));
            assert!((3.0..=5.0).contains(&span.as_secs_f64()), "{span:?}");
        }
    }
}
