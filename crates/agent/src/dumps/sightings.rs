//! Whether a file is whole: it has not changed between two looks that are some seconds apart.
//!
//! File times are wall time and may lie; how long a file has been steady is measured with the clock that only goes
//! forward. Only a file that was changed a minute or more ago is taken at the first look.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::folders::Found;
use crate::clock::Clock;

/// A file that old is taken at the first look.
const OLD_SECONDS: i64 = 60;

/// What was seen of each file that is not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Sightings {
    seen: HashMap<PathBuf, Sighting>,
}

#[derive(Debug, Clone, Copy)]
struct Sighting {
    size_bytes: u64,
    modified: i64,
    first: Duration,
    steady_since: Duration,
}

/// How long files are waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waits {
    /// How long a file must not change.
    pub(crate) steady: Duration,
    /// How long a file that is cut short is waited for.
    pub(crate) patience: Duration,
}

impl Sightings {
    /// Notes a look at a file, and says whether it is steady.
    pub(crate) fn is_steady(&mut self, found: &Found, clock: &dyn Clock, waits: Waits) -> bool {
        let elapsed = clock.elapsed();
        let sighting = self.seen.entry(found.path.clone()).or_insert(Sighting {
            size_bytes: found.size_bytes,
            modified: found.modified,
            first: elapsed,
            steady_since: elapsed,
        });
        if (sighting.size_bytes, sighting.modified) != (found.size_bytes, found.modified) {
            sighting.size_bytes = found.size_bytes;
            sighting.modified = found.modified;
            sighting.steady_since = elapsed;
        }
        elapsed.saturating_sub(sighting.steady_since) >= waits.steady || age(found, clock) >= OLD_SECONDS
    }

    /// Whether a file that is cut short was waited for long enough.
    pub(crate) fn is_waited_out(&self, found: &Found, clock: &dyn Clock, waits: Waits) -> bool {
        let first = self
            .seen
            .get(&found.path)
            .map_or_else(|| clock.elapsed(), |sighting| sighting.first);
        let waited = clock.elapsed().saturating_sub(first);
        let patience = i64::try_from(waits.patience.as_secs()).unwrap_or(i64::MAX);
        waited >= waits.patience || age(found, clock) >= patience.max(OLD_SECONDS)
    }

    /// Forgets a file that was taken.
    pub(crate) fn forget(&mut self, path: &Path) {
        self.seen.remove(path);
    }

    /// Forgets files that are not there any more.
    pub(crate) fn keep_only(&mut self, found: &[Found]) {
        self.seen
            .retain(|path, _| found.iter().any(|found| found.path == *path));
    }
}

/// Seconds since the file was changed, by the wall clock; negative if that is in the future.
fn age(found: &Found, clock: &dyn Clock) -> i64 {
    clock.now().unix_timestamp().saturating_sub(found.modified)
}

#[cfg(test)]
mod tests {
    use super::{Sightings, Waits};
    use crate::clock::Clock;
    use crate::clock::testing::ManualClock;
    use crate::dumps::folders::Found;
    use std::time::Duration;
    use time::OffsetDateTime;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
    const WAITS: Waits = Waits {
        steady: Duration::from_secs(10),
        patience: Duration::from_mins(2),
    };

    fn found(size_bytes: u64, modified: i64) -> Found {
        Found {
            path: "a.dmp".into(),
            size_bytes,
            modified,
            is_memory_dump: false,
        }
    }

    #[test]
    fn a_growing_file_is_not_taken_until_it_stands_still() {
        let clock = ManualClock::at(NOW);
        let mut sightings = Sightings::default();
        let now = NOW.unix_timestamp();
        for step in 0..5_u8 {
            assert!(!sightings.is_steady(&found(u64::from(step), now), &clock, WAITS));
            clock.sleep(Duration::from_secs(10));
        }
        assert!(!sightings.is_steady(&found(9, now), &clock, WAITS));
        clock.sleep(Duration::from_secs(10));
        assert!(sightings.is_steady(&found(9, now), &clock, WAITS));
    }

    #[test]
    fn a_file_from_the_future_is_taken_once_it_was_seen_steady() {
        let clock = ManualClock::at(NOW);
        let mut sightings = Sightings::default();
        let future = found(1, NOW.unix_timestamp() + 1_000_000);
        assert!(!sightings.is_steady(&future, &clock, WAITS));
        clock.set(NOW - time::Duration::days(900));
        clock.sleep(Duration::from_secs(10));
        assert!(sightings.is_steady(&future, &clock, WAITS));
    }

    #[test]
    fn a_dump_that_stays_cut_short_is_taken_after_the_patience() {
        let clock = ManualClock::at(NOW);
        let mut sightings = Sightings::default();
        let short = found(1, NOW.unix_timestamp());
        sightings.is_steady(&short, &clock, WAITS);
        assert!(!sightings.is_waited_out(&short, &clock, WAITS));
        clock.sleep(Duration::from_mins(2));
        assert!(sightings.is_waited_out(&short, &clock, WAITS));
    }
}
