//! Dumps inside a zip that is held in memory.
//!
//! People send a folder of dumps as one zip. [`Archive`] walks over it and hands out each entry that begins like a
//! dump, inflated. What an entry claims about its size is not believed: inflating stops at the limit. Names are for
//! showing; they never become paths, and a zip inside the zip is not opened.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use crate::Error;
use crate::names;

/// How much an archive may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries, whether dumps or not.
    pub entries: usize,
    /// Bytes of all dumps together after inflating.
    pub inflated_bytes: u64,
}

impl Default for Limits {
    /// 1,000 entries, 1 GiB.
    fn default() -> Self {
        Limits {
            entries: 1000,
            inflated_bytes: 1 << 30,
        }
    }
}

/// What is wrong with an archive, or with one entry of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file has no readable directory of entries.
    #[error("its directory cannot be read, so it is damaged or not whole")]
    Damaged,
    /// More entries than are accepted.
    #[error("it holds more than {limit} files; send fewer at a time")]
    TooManyEntries {
        /// How many are accepted.
        limit: usize,
    },
    /// The dumps inflate to more than is accepted.
    #[error("its dumps are larger than {limit} bytes when unpacked; send fewer at a time")]
    TooLarge {
        /// How many bytes are accepted.
        limit: u64,
    },
    /// An entry needs a password.
    #[error("{name} is protected by a password; send it without")]
    Encrypted {
        /// The entry.
        name: String,
    },
    /// An entry cannot be inflated.
    #[error("{name} cannot be unpacked, so it is damaged or packed in a way that is not supported")]
    Unreadable {
        /// The entry.
        name: String,
    },
}

/// One dump of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedDump {
    /// Its base name, for showing only.
    pub name: String,
    /// The inflated bytes.
    pub bytes: Vec<u8>,
}

/// An open archive: an iterator over the dumps in it, in the order of its directory.
///
/// Entries that do not begin like a dump are passed over. A problem with one entry is an item; a limit that is
/// reached ends the walk.
#[derive(Debug)]
pub struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    next: usize,
    left_bytes: u64,
    limits: Limits,
}

impl<'a> Archive<'a> {
    /// Opens a zip.
    ///
    /// # Errors
    ///
    /// [`Error::Archive`] if its directory cannot be read or lists more entries than `limits` allow.
    pub fn open(bytes: &'a [u8], limits: Limits) -> Result<Self, Error> {
        let too_many = Problem::TooManyEntries {
            limit: limits.entries,
        };
        let claimed = claimed_entries(bytes).ok_or(Problem::Damaged)?;
        if claimed > limits.entries {
            return Err(too_many.into());
        }
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|_| Problem::Damaged)?;
        if zip.len() > limits.entries {
            return Err(too_many.into());
        }
        Ok(Archive {
            zip,
            next: 0,
            left_bytes: limits.inflated_bytes,
            limits,
        })
    }

    fn name(&self, index: usize) -> String {
        match self.zip.name_for_index(index) {
            Some(Ok(name)) => names::base_name(&name),
            _ => format!("entry {}", index.saturating_add(1)),
        }
    }

    /// The dump at `index`, or `None` if that entry is something else.
    fn read(&mut self, index: usize) -> Result<Option<ArchivedDump>, Problem> {
        let name = self.name(index);
        if self.zip.by_index_raw(index).is_ok_and(|entry| entry.encrypted()) {
            return Err(Problem::Encrypted { name });
        }
        let Ok(mut entry) = self.zip.by_index(index) else {
            return Err(Problem::Unreadable { name });
        };
        if !entry.is_file() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        let mut limited = entry.by_ref().take(4);
        if limited.read_to_end(&mut bytes).is_err() {
            return Err(Problem::Unreadable { name });
        }
        if !matches!(bytes.as_slice(), b"PAGE" | b"MDMP") {
            return Ok(None);
        }
        let more = self.left_bytes.saturating_sub(4).saturating_add(1);
        if entry.take(more).read_to_end(&mut bytes).is_err() {
            return Err(Problem::Unreadable { name });
        }
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.left_bytes = self.left_bytes.checked_sub(size).ok_or(Problem::TooLarge {
            limit: self.limits.inflated_bytes,
        })?;
        Ok(Some(ArchivedDump { name, bytes }))
    }
}

impl Iterator for Archive<'_> {
    type Item = Result<ArchivedDump, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.next < self.zip.len() {
            let index = self.next;
            self.next = self.next.saturating_add(1);
            match self.read(index) {
                Ok(None) => {}
                Ok(Some(dump)) => return Some(Ok(dump)),
                Err(problem) => {
                    if matches!(problem, Problem::TooLarge { .. }) {
                        self.next = usize::MAX;
                    }
                    return Some(Err(problem.into()));
                }
            }
        }
        None
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Error::Archive { problem }
    }
}

/// How many entries the end of the directory claims.
///
/// Read before the archive is opened, because opening allocates for each of them. `0xffff` stands for "more", which
/// is over any limit here.
fn claimed_entries(bytes: &[u8]) -> Option<usize> {
    const END: &[u8] = b"PK\x05\x06";
    let tail = bytes.len().saturating_sub(0x1_0000 + 22);
    let at = bytes
        .get(tail..)?
        .windows(END.len())
        .rposition(|window| window == END)?;
    let count = bytes.get(tail..)?.get(at..)?.get(10..12)?;
    Some(usize::from(u16::from_le_bytes([*count.first()?, *count.get(1)?])))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in entries {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn only_entries_that_begin_like_a_dump_are_handed_out() {
        let bytes = zip(&[
            ("readme.txt", b"hello"),
            ("a/b/one.dmp", b"PAGEDU64 and so on"),
            ("two.bin", b"MDMP and so on"),
            ("empty.dmp", b""),
        ]);
        let dumps: Vec<_> = Archive::open(&bytes, Limits::default())
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(dumps.len(), 2);
        assert_eq!(dumps[0].name, "one.dmp");
        assert_eq!(dumps[1].bytes, b"MDMP and so on");
    }

    #[test]
    fn a_name_that_climbs_is_cut_to_its_last_part() {
        let bytes = zip(&[("../../../etc/cron.d/x.dmp", b"MDMP")]);
        let dump = Archive::open(&bytes, Limits::default())
            .unwrap()
            .next()
            .unwrap()
            .unwrap();
        assert_eq!(dump.name, "x.dmp");
    }

    #[test]
    fn inflating_stops_at_the_limit() {
        let mut bomb = b"MDMP".to_vec();
        bomb.resize(1 << 20, 0);
        let bytes = zip(&[("a.dmp", &bomb), ("b.dmp", &bomb), ("c.dmp", &bomb)]);
        let limits = Limits {
            entries: 10,
            inflated_bytes: (1 << 20) + 10,
        };
        let items: Vec<_> = Archive::open(&bytes, limits).unwrap().collect();
        assert_eq!(items.len(), 2);
        assert!(items[0].is_ok());
        assert_eq!(
            items[1],
            Err(Error::Archive {
                problem: Problem::TooLarge {
                    limit: limits.inflated_bytes
                }
            })
        );
    }

    #[test]
    fn a_zip_with_too_many_entries_is_refused() {
        let names: Vec<_> = (0..11).map(|number| format!("{number}.dmp")).collect();
        let entries: Vec<_> = names.iter().map(|name| (name.as_str(), &b"MDMP"[..])).collect();
        let limits = Limits {
            entries: 10,
            ..Limits::default()
        };
        let error = Archive::open(&zip(&entries), limits).unwrap_err();
        assert!(error.to_string().contains("more than 10 files"), "{error}");
    }

    #[test]
    fn a_cut_zip_is_refused_in_words() {
        let bytes = zip(&[("a.dmp", b"MDMP")]);
        let error = Archive::open(&bytes[..bytes.len() - 8], Limits::default()).unwrap_err();
        assert!(error.to_string().contains("directory cannot be read"), "{error}");
    }
}
