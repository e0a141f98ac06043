//! What a file is, before it is sent: by its bytes, with `kdump`, and whether it is whole.
//!
//! Only the head of a large file is read. A file that is no dump is not sent, whatever it is called: so a link or a
//! renamed document in a dump folder stays on the machine.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use kdump::{Dump, Error, Part, Warning, Writer};

use crate::state::Crash;

/// The most that is read of a file. Small dumps have up to 2 MiB.
const HEAD_MOST: u64 = 4 << 20;

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Examined {
    /// In a word, as `status` shows it.
    pub(crate) kind: String,
    /// Why it is not to be sent, if it is not.
    pub(crate) refusal: Option<String>,
    /// Whether it ends before it should.
    pub(crate) is_cut_short: bool,
    /// The crash, if it is a kernel dump.
    pub(crate) crash: Option<Crash>,
}

impl Examined {
    fn of(kind: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            refusal: None,
            is_cut_short: false,
            crash: None,
        }
    }

    fn refused(error: &Error) -> Self {
        Self {
            refusal: Some(error.to_string()),
            ..Self::of("no dump")
        }
    }
}

/// Reads what a file of `size_bytes` is.
///
/// # Errors
///
/// When it cannot be read: it is locked, or the agent may not.
pub(crate) fn examine(path: &Path, size_bytes: u64) -> io::Result<Examined> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD_MOST).read_to_end(&mut head)?;
    Ok(judge(&head, size_bytes))
}

fn judge(head: &[u8], size_bytes: u64) -> Examined {
    let dump = match Dump::parse(head) {
        Ok(dump) => dump,
        Err(Error::UserMinidump) => {
            return Examined {
                is_cut_short: is_user_dump_cut_short(head, size_bytes),
                ..Examined::of("user-minidump")
            };
        }
        Err(Error::Encrypted { .. }) => return Examined::of("encrypted"),
        Err(error @ Error::Truncated { .. }) => {
            return Examined {
                is_cut_short: true,
                ..Examined::refused(&error)
            };
        }
        Err(error) => return Examined::refused(&error),
    };
    let header = dump.header();
    Examined {
        is_cut_short: is_dump_cut_short(&dump, size_bytes),
        crash: Some(Crash {
            raw_code: header.bug_check.code,
            parameters: header.bug_check.parameters,
            at: header.system_time.map(kdump::FileTime::unix_seconds),
        }),
        ..Examined::of(dump.format().kind.as_str())
    }
}

/// Whether a part lies past the end of the file, or a dump that the kernel itself wrote is shorter than it says.
///
/// `RequiredDumpSpace` tells nothing in other dumps: the small dumps that Windows makes out of a full one keep the
/// number of the latter (two real ones do, by a fifth).
fn is_dump_cut_short(dump: &Dump<'_>, size_bytes: u64) -> bool {
    let needed = dump.header().required_dump_space;
    let is_shorter_than_said = needed.is_some_and(|needed| needed > size_bytes);
    let is_past_the_end = |warning: &Warning| match *warning {
        Warning::CutShort {
            what: Part::Triage | Part::Secondary | Part::Blob | Part::Pages,
            offset,
            needed,
            ..
        } => offset.saturating_add(needed) > size_bytes,
        _ => false,
    };
    (is_shorter_than_said && dump.writer() == Writer::KernelWritten)
        || dump.warnings().iter().any(is_past_the_end)
}

/// Whether a stream of the directory lies past the end of the file.
///
/// The head is `MDMP`, version, count of streams, offset of the directory; an entry is type, size, offset.
fn is_user_dump_cut_short(head: &[u8], size_bytes: u64) -> bool {
    let word = |offset: usize| -> Option<u32> {
        let bytes = head.get(offset..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    };
    let ends = || -> Option<u64> {
        let (count, directory) = (word(8)?, usize::try_from(word(12)?).ok()?);
        let mut end = 0;
        for index in 0..usize::try_from(count.min(256)).ok()? {
            let entry = directory.checked_add(index * 12)?;
            end = end.max(u64::from(word(entry + 4)?) + u64::from(word(entry + 8)?));
        }
        Some(end)
    };
    let is_whole_head = u64::try_from(head.len()).is_ok_and(|length| length == size_bytes);
    match ends() {
        Some(end) => end > size_bytes,
        None => is_whole_head, // the directory itself is past the end, not only past what was read
    }
}

#[cfg(test)]
mod tests {
    use super::judge;
    use synth::scenarios::{self, Scene};

    fn small_dump() -> Vec<u8> {
        scenarios::locked_pages_at_exit(&Scene::sample(7)).to_bytes()
    }

    fn examine(bytes: &[u8]) -> super::Examined {
        judge(bytes, u64::try_from(bytes.len()).unwrap())
    }

    #[test]
    fn a_small_dump_is_known_with_its_crash_before_it_is_sent() {
        let examined = examine(&small_dump());
        assert_eq!(examined.kind, "triage");
        assert!(!examined.is_cut_short && examined.refusal.is_none());
        let crash = examined.crash.unwrap();
        assert_eq!((crash.raw_code, crash.parameters[0]), (0x76, 0));
    }

    #[test]
    fn a_dump_that_is_being_written_is_cut_short_at_every_length() {
        let bytes = small_dump();
        for length in (1..bytes.len()).step_by(4096) {
            assert!(examine(&bytes[..length]).is_cut_short, "{length}");
        }
    }

    #[test]
    fn what_is_no_dump_is_not_sent() {
        let text = "x".repeat(10_000);
        assert!(examine(text.as_bytes()).refusal.is_some());
        assert!(examine(&vec![0; 20_000]).refusal.is_some());
    }

    #[test]
    fn every_scenario_is_something() {
        for (name, scenario) in scenarios::ALL {
            let examined = examine(&scenario(&Scene::sample(1)).to_bytes());
            assert!(examined.refusal.is_none(), "{name}: {examined:?}");
        }
    }

    #[test]
    fn a_user_dump_whose_stream_lies_past_the_end_is_cut_short() {
        let mut bytes = b"MDMP\x93\xa7\0\0\x01\0\0\0\x20\0\0\0".to_vec();
        bytes.resize(0x20, 0);
        bytes.extend([3_u32, 16, 0x2C].into_iter().flat_map(u32::to_le_bytes));
        assert!(examine(&bytes).is_cut_short);
        bytes.resize(0x3C, 0);
        assert!(!examine(&bytes).is_cut_short);
        assert_eq!(examine(&bytes).kind, "user-minidump");
    }
}
