//! Why a file cannot be turned into a report, in words for the person who sent it.

use std::fmt;

/// Why there is no report.
///
/// The texts say what the file is and what to do: they are what a person sees beside a failed dump.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are something else.
    #[error(
        "this is not a crash dump but {what}; send the .dmp file itself, which begins with PAGEDU64, PAGEDUMP or MDMP"
    )]
    NotADump {
        /// What it looks like.
        what: Foreign,
    },
    /// A kernel dump whose header or tables cannot be read.
    #[error(
        "this kernel dump cannot be read ({reason}); copy it from the machine again, or collect the next one"
    )]
    DamagedKernelDump {
        /// What the parser says is wrong, where, how much was needed and how much was there.
        reason: kdump::Error,
    },
    /// A kernel dump whose content is encrypted.
    #[error(
        "this kernel dump is encrypted, so nothing in it can be read; decrypt it with your organisation's key, or \
         switch dump encryption off on the machine and collect the next one"
    )]
    Encrypted,
    /// A picture of a running machine's memory, taken with a tool.
    #[error(
        "this is a memory image made by {tool}, not a crash dump: the machine did not stop, so there is nothing to explain"
    )]
    MemoryImage {
        /// The tool that writes such files.
        tool: &'static str,
    },
    /// A user-mode minidump whose parts cannot be read.
    #[error(
        "this user-mode minidump cannot be read: {problem}; it was cut short or damaged on its way, so send it again or collect the next one"
    )]
    DamagedMinidump {
        /// What is missing or wrong.
        problem: MinidumpProblem,
    },
    /// A user-mode minidump that claims more than a real one has.
    #[error(
        "this user-mode minidump claims {count} {what}, and no more than {limit} are accepted; it is damaged or was made to do harm"
    )]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// How much it claims.
        count: u64,
        /// How much is accepted.
        limit: u64,
    },
    /// A zip that cannot be opened or holds too much.
    #[error("this zip archive cannot be used: {problem}")]
    Archive {
        /// What is wrong with it.
        problem: crate::archive::Problem,
    },
}

/// What is wrong with a user-mode minidump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MinidumpProblem {
    /// The file ends inside its header or its directory of streams.
    #[error("its {part} needs {needed} bytes at offset {offset:#x}, and the file has {there} in all")]
    Truncated {
        /// Which part.
        part: &'static str,
        /// Where it should be.
        offset: u64,
        /// How many bytes it should have.
        needed: u64,
        /// How many bytes the file has.
        there: u64,
    },
    /// A list whose size and count do not agree.
    #[error("its {list} says it has {count} entries, which do not fit its {size} bytes")]
    CountMismatch {
        /// Which list.
        list: &'static str,
        /// The entries it claims.
        count: u64,
        /// The bytes it has.
        size: u64,
    },
    /// Something without which nothing can be said.
    #[error("it has no {what}")]
    Missing {
        /// What is missing.
        what: &'static str,
    },
    /// The parser gave up for another reason.
    #[error("{what} is not readable")]
    Unreadable {
        /// What could not be read.
        what: &'static str,
    },
}

/// What a file that is no dump looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Foreign {
    /// Nothing at all.
    Empty,
    /// A zip archive.
    Zip,
    /// A gzip, zstd, cabinet, 7-Zip or similar packed file.
    Packed(&'static str),
    /// The text form of a Breakpad microdump, as in an Android log.
    Microdump,
    /// A Windows program, library or driver.
    Program,
    /// Text.
    Text,
    /// A hibernation or page file, or anything else.
    Bytes([u8; 4]),
}

impl Foreign {
    /// What the first bytes look like.
    pub fn recognise(bytes: &[u8]) -> Self {
        let beginning = bytes.get(..bytes.len().min(512)).unwrap_or_default();
        match beginning {
            [] => Foreign::Empty,
            [b'P', b'K', 3 | 5, ..] => Foreign::Zip,
            [0x1f, 0x8b, ..] => Foreign::Packed("a gzip file"),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Foreign::Packed("a zstd file"),
            [b'M', b'S', b'C', b'F', ..] => Foreign::Packed("a cabinet file"),
            [b'7', b'z', 0xbc, 0xaf, ..] => Foreign::Packed("a 7-Zip archive"),
            [b'M', b'Z', ..] => Foreign::Program,
            _ if find(beginning, b"BREAKPAD MICRODUMP") => Foreign::Microdump,
            _ if beginning.iter().all(|byte| is_text(*byte)) => Foreign::Text,
            _ => {
                let mut first = [0; 4];
                for (to, from) in first.iter_mut().zip(beginning) {
                    *to = *from;
                }
                Foreign::Bytes(first)
            }
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Foreign::Empty => formatter.write_str("an empty file"),
            Foreign::Zip => formatter.write_str("a zip archive"),
            Foreign::Packed(name) => formatter.write_str(name),
            Foreign::Microdump => formatter.write_str("the text of a Breakpad microdump"),
            Foreign::Program => formatter.write_str("a Windows program or driver"),
            Foreign::Text => formatter.write_str("a text file"),
            Foreign::Bytes([a, b, c, d]) => {
                write!(
                    formatter,
                    "a file that begins with the bytes {a:02x} {b:02x} {c:02x} {d:02x}"
                )
            }
        }
    }
}

fn find(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..=0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_file_is_called_by_its_name() {
        for (bytes, name) in [
            (&b""[..], "an empty file"),
            (b"PK\x03\x04....", "a zip archive"),
            (b"\x1f\x8b\x08\x00", "a gzip file"),
            (
                b"01-25 F/google-breakpad: -----BEGIN BREAKPAD MICRODUMP-----",
                "a Breakpad microdump",
            ),
            (b"MZ\x90\x00", "a Windows program"),
            (b"hello, world", "a text file"),
            (b"\x00\x01\x02\x03\x04", "00 01 02 03"),
        ] {
            let text = Error::NotADump {
                what: Foreign::recognise(bytes),
            }
            .to_string();
            assert!(text.contains(name), "{text}");
        }
    }
}
