//! Why a file cannot be made a symbol file, in words for the person who sent it.

use wire::symbols::BadKey;

/// Why a file is refused as a symbol file. Its text is one clause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The bytes are something else.
    #[error(
        "the file is neither a PE image nor a PDB, a Breakpad .sym file or a CAB that holds one of these"
    )]
    Unknown,
    /// A PDB of before Visual C++ 7.
    #[error("the PDB has the format of before 2002, which nothing reads any more")]
    OldPdb,
    /// It is larger than what is read, or claims to be.
    #[error("the {what} claims {}, more than the {} allowed", Size(*.bytes), Size(*.limit))]
    TooBig {
        /// What is too big.
        what: &'static str,
        /// Its bytes, by its own word.
        bytes: u64,
        /// The most that is accepted.
        limit: u64,
    },
    /// It holds more of something than any real file.
    #[error("the {what} has more than {limit} {of}, which no real file has")]
    TooMany {
        /// What holds them.
        what: &'static str,
        /// What there is too much of.
        of: &'static str,
        /// The most that is accepted.
        limit: u64,
    },
    /// The file ends inside a part of it.
    #[error("the {what} is cut short: {needed} bytes needed at offset {offset:#x}, and the file has {there}")]
    Truncated {
        /// The part.
        what: &'static str,
        /// Where it should be.
        offset: u64,
        /// How many bytes it should have.
        needed: u64,
        /// How many bytes the file has.
        there: u64,
    },
    /// Two of its numbers cannot both be true.
    #[error("the {what} is damaged: {problem}")]
    Damaged {
        /// What is damaged.
        what: &'static str,
        /// What cannot be true.
        problem: &'static str,
    },
    /// A CAB must hold one file.
    #[error("the CAB holds {count} files, and a symbol file's CAB holds one")]
    FilesInCab {
        /// How many it holds.
        count: u16,
    },
    /// A PE image whose stamp is 0 has no key.
    #[error("the PE image has no TimeDateStamp, so no symbol server could find it")]
    NoStamp,
    /// Its name or its id cannot be part of a key.
    #[error("{what} cannot be a symbol key's: {reason}")]
    Key {
        /// The name or the id.
        what: &'static str,
        /// Why not.
        reason: BadKey,
    },
    /// The parser of its format found something else wrong.
    #[error("the {what} cannot be read: {reason}")]
    Unreadable {
        /// What it is.
        what: &'static str,
        /// What the parser says, cut short and fit to show.
        reason: String,
    },
    /// The parser of its format gave up on something that it did not foresee.
    #[error("the {what} is damaged in a way that its parser did not foresee")]
    Defeated {
        /// What it is.
        what: &'static str,
    },
}

impl CompileError {
    /// What a parser says of a file, with what it says of the cause.
    pub(super) fn unreadable(what: &'static str, error: &dyn std::error::Error) -> Self {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source.filter(|_| reason.len() < MAX_REASON) {
            reason.push_str(": ");
            reason.push_str(&cause.to_string());
            source = cause.source();
        }
        CompileError::Unreadable {
            what,
            // Some say where they are in a drawing of several lines.
            reason: crate::names::cut(
                &reason.split_whitespace().collect::<Vec<_>>().join(" "),
                MAX_REASON,
            ),
        }
    }
}

/// The longest text of a parser that is kept, in characters.
const MAX_REASON: usize = 200;

/// A count of bytes in the unit a person would use.
struct Size(u64);

impl std::fmt::Display for Size {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            bytes if bytes >= 1 << 30 => write!(formatter, "{} GiB", bytes >> 30),
            bytes if bytes >= 1 << 20 => write!(formatter, "{} MiB", bytes >> 20),
            bytes if bytes >= 1 << 10 => write!(formatter, "{} KiB", bytes >> 10),
            bytes => write!(formatter, "{bytes} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_sizes_in_units() {
        let error = CompileError::TooBig {
            what: "CAB",
            bytes: 4 << 30,
            limit: 512 << 20,
        };
        assert_eq!(
            error.to_string(),
            "the CAB claims 4 GiB, more than the 512 MiB allowed"
        );
    }
}
