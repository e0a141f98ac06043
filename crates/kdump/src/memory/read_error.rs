//! Why memory could not be read.

use crate::Address;

/// Why a read of the machine's memory failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The dump does not hold even the first byte.
    #[error("no memory at {address} in this dump, {length:#x} bytes asked")]
    Absent {
        /// The first address asked for.
        address: Address,
        /// How many bytes were asked for.
        length: u64,
    },
    /// The dump holds the beginning only.
    #[error("memory at {address} cut short: {needed:#x} bytes needed, {there:#x} there")]
    CutShort {
        /// The first address asked for.
        address: Address,
        /// How many bytes were asked for.
        needed: u64,
        /// How many of them the dump holds.
        there: u64,
    },
    /// The range runs over the end of the address space or is larger than the whole dump.
    #[error("no dump of this size holds {length:#x} bytes at {address}")]
    OutOfRange {
        /// The first address asked for.
        address: Address,
        /// How many bytes were asked for.
        length: u64,
    },
    /// The processor's registers cannot be read for this architecture.
    #[error("contexts of this processor architecture are not known")]
    UnknownMachine,
}
