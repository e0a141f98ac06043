//! Windows times: 100 ns steps since 1601, and durations in the same steps.

use std::time::Duration;

use crate::{Width, filler};

/// Steps of 100 ns from 1601-01-01 to 1970-01-01.
const UNIX_EPOCH: u64 = 116_444_736_000_000_000;

/// A moment as `FILETIME`: steps of 100 ns since 1601-01-01 00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileTime(pub u64);

impl FileTime {
    /// Zero and the filler mean that nobody wrote a time.
    pub(crate) fn read(raw: u64) -> Option<FileTime> {
        filler::u64(raw).filter(|&raw| raw != 0).map(FileTime)
    }

    /// Whole seconds since 1970, negative before it.
    ///
    /// ```
    /// let time = kdump::FileTime(132_583_559_029_999_999);
    /// assert_eq!(time.unix_seconds(), 1_613_882_302);
    /// ```
    pub fn unix_seconds(self) -> i64 {
        let seconds = self.unix_nanos().div_euclid(1_000_000_000);
        i64::try_from(seconds).unwrap_or(i64::MAX) // 2^64 steps are fewer than 2^41 seconds
    }

    /// Nanoseconds since 1970, negative before it.
    pub fn unix_nanos(self) -> i128 {
        i128::from(self.0)
            .saturating_sub(i128::from(UNIX_EPOCH))
            .saturating_mul(100)
    }

    /// The moment `duration` earlier, or `None` before 1601.
    pub fn checked_sub(self, duration: Duration) -> Option<FileTime> {
        let steps = u64::try_from(duration.as_nanos() / 100).ok()?;
        self.0.checked_sub(steps).map(FileTime)
    }
}

/// A duration stored in steps of 100 ns.
pub(crate) fn hundreds_of_nanoseconds(steps: u64) -> Duration {
    let seconds = steps / 10_000_000;
    let nanos = (steps % 10_000_000).saturating_mul(100);
    Duration::new(seconds, u32::try_from(nanos).unwrap_or(0))
}

/// A pointer-sized value, or `None` for the filler of that width.
pub(crate) fn unfilled(value: u64, width: Width) -> Option<u64> {
    match width {
        Width::Bits32 => u32::try_from(value).ok().and_then(filler::u32).map(u64::from),
        Width::Bits64 => filler::u64(value),
    }
}

#[cfg(test)]
mod tests {
    use super::{FileTime, UNIX_EPOCH, hundreds_of_nanoseconds};
    use std::time::Duration;

    #[test]
    fn the_unix_epoch_is_second_zero() {
        assert_eq!(FileTime(UNIX_EPOCH).unix_seconds(), 0);
        assert_eq!(FileTime(UNIX_EPOCH).unix_nanos(), 0);
    }

    #[test]
    fn times_before_1970_are_negative_and_round_down() {
        let time = FileTime(UNIX_EPOCH - 1);
        assert_eq!(time.unix_nanos(), -100);
        assert_eq!(time.unix_seconds(), -1);
    }

    #[test]
    fn the_last_file_time_is_a_number_of_seconds() {
        assert_eq!(FileTime(u64::MAX).unix_seconds(), 1_833_029_933_770);
    }

    #[test]
    fn an_uptime_keeps_its_fraction() {
        assert_eq!(hundreds_of_nanoseconds(37_474_793), Duration::new(3, 747_479_300));
    }

    #[test]
    fn nothing_is_earlier_than_1601() {
        assert_eq!(FileTime(9).checked_sub(Duration::from_micros(1)), None);
    }
}
