//! The body of an upload: the file, compressed while it is read, no faster than allowed.
//!
//! Gzip, because its writer is small and written in Rust; dumps shrink to a fifth to a third either way. Nothing is
//! held in memory but the compressor's window.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use flate2::Compression;
use flate2::read::GzEncoder;

use crate::clock::Clock;

/// How much is handed over between two waits, at most.
const PIECE: usize = 16 << 10;

/// A file as it goes over the wire.
pub(crate) struct UploadBody<'a> {
    compressed: GzEncoder<io::BufReader<File>>,
    clock: &'a dyn Clock,
    bytes_per_second: Option<u64>,
    failure: Option<io::Error>,
}

impl<'a> UploadBody<'a> {
    /// Opens the file. `bytes_per_second` counts compressed bytes.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub(crate) fn open(path: &Path, clock: &'a dyn Clock, bytes_per_second: Option<u64>) -> io::Result<Self> {
        let file = io::BufReader::with_capacity(64 << 10, File::open(path)?);
        Ok(Self {
            compressed: GzEncoder::new(file, Compression::new(6)),
            clock,
            bytes_per_second,
            failure: None,
        })
    }

    /// Why the file could not be read to its end, if it could not: the connection then tells of no more than a cut.
    pub(crate) fn failure(self) -> Option<io::Error> {
        self.failure
    }
}

impl Read for UploadBody<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(PIECE);
        let Some(piece) = buffer.get_mut(..most) else {
            return Ok(0);
        };
        let read = self.compressed.read(piece).inspect_err(|error| {
            self.failure = Some(io::Error::new(error.kind(), error.to_string()));
        })?;
        if let Some(limit) = self.bytes_per_second.filter(|_| read > 0) {
            let micros = u64::try_from(read).unwrap_or(0).saturating_mul(1_000_000) / limit.max(1);
            if !self.clock.sleep(Duration::from_micros(micros)) {
                return Err(io::Error::other("the agent is stopping"));
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::UploadBody;
    use crate::clock::testing::ManualClock;
    use std::io::Read;
    use std::time::Duration;
    use time::macros::datetime;

    #[test]
    fn a_limited_upload_takes_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.dmp");
        let noise: Vec<u8> = (0..100_000_u32)
            .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
            .collect();
        std::fs::write(&path, &noise).unwrap();
        let clock = ManualClock::at(datetime!(2026-11-22 12:00 UTC));
        let mut sent = Vec::new();
        UploadBody::open(&path, &clock, Some(10_000))
            .unwrap()
            .read_to_end(&mut sent)
            .unwrap();
        let slept: Duration = clock.slept().iter().sum();
        assert_eq!(slept.as_secs(), u64::try_from(sent.len()).unwrap() / 10_000);
        let mut inflated = Vec::new();
        flate2::read::GzDecoder::new(sent.as_slice())
            .read_to_end(&mut inflated)
            .unwrap();
        assert_eq!(inflated, noise);
    }
}
