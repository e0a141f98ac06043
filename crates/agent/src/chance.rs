//! Random waits. A fleet that lost its server must not come back in one second.
//!
//! Not for secrets: a `SplitMix64` generator (Steele, Lea and Flood 2014), seeded from the system once.

use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

/// The first wait after a failure; it doubles with each further one.
const BACKOFF_FIRST: Duration = Duration::from_secs(10);

/// The longest wait after a failure, unless the server asks for a longer one.
const BACKOFF_MOST: Duration = Duration::from_hours(1);

/// A seeded generator of waits.
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The generator with this seed; the same seed gives the same waits.
    #[cfg(test)]
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator that differs from machine to machine. Without system randomness it is seeded by `fallback`.
    pub(crate) fn from_system(fallback: u64) -> Self {
        let mut seed = [0; 8];
        match SystemRandom::new().fill(&mut seed) {
            Ok(()) => Self(u64::from_le_bytes(seed)),
            Err(_) => Self(fallback),
        }
    }

    /// A wait between zero and `most`, in milliseconds.
    pub(crate) fn up_to(&mut self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        match most.checked_add(1) {
            Some(count) => Duration::from_millis(self.next() % count),
            None => Duration::from_millis(self.next()),
        }
    }

    /// `interval`, a tenth shorter or longer.
    pub(crate) fn around(&mut self, interval: Duration) -> Duration {
        interval.saturating_sub(interval / 10) + self.up_to(interval / 5)
    }

    /// How long to wait after so many failures in a row: exponential, with full jitter.
    pub(crate) fn backoff(&mut self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let most = BACKOFF_FIRST.saturating_mul(1 << doublings).min(BACKOFF_MOST);
        self.up_to(most)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::{BACKOFF_MOST, Chance};
    use std::time::Duration;

    #[test]
    fn waits_after_failures_grow_up_to_an_hour_and_are_spread() {
        let mut chance = Chance::new(7);
        let longest = |chance: &mut Chance, failures| (0..500).map(|_| chance.backoff(failures)).max();
        assert!(longest(&mut chance, 1) <= Some(Duration::from_secs(10)));
        let late = longest(&mut chance, 40);
        assert!(late <= Some(BACKOFF_MOST) && late > Some(BACKOFF_MOST / 2));
        let early = (0..500).map(|_| chance.backoff(40)).min();
        assert!(
            early < Some(BACKOFF_MOST / 10),
            "full jitter reaches down to nothing"
        );
    }

    #[test]
    fn the_generator_gives_the_published_numbers() {
        // The first two outputs of SplitMix64 for the seed 1234567, from Rosetta Code.
        let mut chance = Chance::new(1_234_567);
        assert_eq!(chance.next(), 6_457_827_717_110_365_317);
        assert_eq!(chance.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn an_interval_is_kept_within_a_tenth() {
        let mut chance = Chance::new(1);
        for _ in 0..200 {
            let wait = chance.around(Duration::from_secs(100)).as_secs();
            assert!((90..=110).contains(&wait), "{wait}");
        }
    }
}
