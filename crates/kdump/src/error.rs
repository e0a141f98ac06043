//! Why a file cannot be read as a kernel dump at all.

use crate::Part;

/// Why a file is not a kernel dump that can be read.
///
/// Damage behind the header is no error: [`crate::Dump::warnings`] lists it and the rest is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file ends before the header does.
    #[error("{what} cut short: {needed:#x} bytes needed at offset {offset:#x}, {there:#x} there")]
    Truncated {
        /// The structure that is not whole.
        what: Part,
        /// Where it begins.
        offset: u64,
        /// How many bytes it has.
        needed: u64,
        /// How many of them the file holds.
        there: u64,
    },
    /// The first eight bytes are not those of a kernel dump.
    #[error("not a kernel dump: it begins with \"{}\"", found.escape_ascii())]
    NotADump {
        /// The first eight bytes.
        found: [u8; 8],
    },
    /// The file is a user-mode minidump (`MDMP`), a different format.
    #[error("a user-mode minidump, not a kernel dump")]
    UserMinidump,
    /// The content is encrypted and the header says that it has not been decrypted.
    #[error("the dump is encrypted (attributes {attributes:#x} at offset {offset:#x})")]
    Encrypted {
        /// The attributes as stored.
        attributes: u32,
        /// Where they are stored.
        offset: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::Error;
    use crate::Part;

    #[test]
    fn a_truncation_is_told_with_place_need_and_presence() {
        let error = Error::Truncated {
            what: Part::Header,
            offset: 0,
            needed: 0x2000,
            there: 0x123,
        };
        assert_eq!(
            error.to_string(),
            "dump header cut short: 0x2000 bytes needed at offset 0x0, 0x123 there"
        );
    }

    #[test]
    fn foreign_bytes_are_shown_escaped() {
        let error = Error::NotADump {
            found: *b"\x7fELF\x02\x01\x01\0",
        };
        assert_eq!(
            error.to_string(),
            "not a kernel dump: it begins with \"\\x7fELF\\x02\\x01\\x01\\x00\""
        );
    }
}
