//! What was wrong with a dump that could be read all the same.
//!
//! A warning names the part, where it is in the file, how much of it was needed and how much was there. There are
//! at most a few per part, whatever the file says: lists report their damage as one warning with a count.

use std::fmt;

use crate::{Address, FormatKind};

/// A part of a dump, as errors and warnings name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// The first eight bytes.
    Signature,
    /// `DUMP_HEADER`.
    Header,
    /// `TRIAGE_DUMP`, or everything up to its `SizeOfDump`.
    Triage,
    /// The memory manager's figures.
    MemoryManager,
    /// The list of unloaded drivers.
    UnloadedDrivers,
    /// The copy of the processor's control block.
    Prcb,
    /// The copy of the current process.
    Process,
    /// The copy of the current thread.
    Thread,
    /// The saved part of the kernel stack.
    Stack,
    /// The list of loaded drivers.
    Drivers,
    /// The name of a loaded driver.
    DriverName,
    /// `KDDEBUGGER_DATA64`.
    DebuggerData,
    /// The table of data blocks.
    DataBlocks,
    /// The bytes of a data block.
    DataBlock,
    /// The header of the data behind the triage part.
    Secondary,
    /// A blob of the data behind the triage part.
    Blob,
    /// The pages of physical memory of a dump that is not a triage dump.
    Pages,
}

impl Part {
    /// The part in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Part::Signature => "signature",
            Part::Header => "dump header",
            Part::Triage => "triage part",
            Part::MemoryManager => "memory manager block",
            Part::UnloadedDrivers => "list of unloaded drivers",
            Part::Prcb => "processor control block",
            Part::Process => "process",
            Part::Thread => "thread",
            Part::Stack => "stack",
            Part::Drivers => "driver list",
            Part::DriverName => "driver name",
            Part::DebuggerData => "debugger data",
            Part::DataBlocks => "data block table",
            Part::DataBlock => "data block",
            Part::Secondary => "secondary data",
            Part::Blob => "secondary data blob",
            Part::Pages => "memory pages",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Something about a dump that the reader should know before trusting it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// A part reaches past the end of the file or of the triage part; what is there of it has been read.
    #[error("{what} cut short: {needed:#x} bytes needed at offset {offset:#x}, {there:#x} there")]
    CutShort {
        /// The part.
        what: Part,
        /// Where it begins.
        offset: u64,
        /// How many bytes it has by its own word.
        needed: u64,
        /// How many of them there are.
        there: u64,
    },
    /// Entries of a list that could not be read in full; the other entries are there.
    #[error(
        "{count} damaged, the first {what} at offset {offset:#x}: {needed:#x} bytes needed, {there:#x} there"
    )]
    Damaged {
        /// What one entry is.
        what: Part,
        /// How many are damaged.
        count: u64,
        /// Where the first damaged one begins.
        offset: u64,
        /// How many bytes that one has by its own word.
        needed: u64,
        /// How many of them there are.
        there: u64,
    },
    /// A count that no genuine dump reaches; as many entries as `limit` have been read.
    #[error("{what} at offset {offset:#x}: {count} entries are over the limit of {limit}")]
    TooMany {
        /// The list.
        what: Part,
        /// Where the list begins.
        offset: u64,
        /// How many entries it has by its own word.
        count: u64,
        /// The most entries that are read.
        limit: u64,
    },
    /// A value that is fixed by the format, or by another field, is something else.
    #[error("{what}: {found:#x} at offset {offset:#x} where {expected:#x} was expected")]
    Unexpected {
        /// The part.
        what: Part,
        /// Where the value is stored.
        offset: u64,
        /// What it should be.
        expected: u64,
        /// What it is.
        found: u64,
    },
    /// The first driver of the list should be the kernel and hold the head of the module list; it does not.
    #[error("the first driver, {base} to {end}, does not hold PsLoadedModuleList at {list_head}")]
    NotTheKernel {
        /// `PsLoadedModuleList` of the header.
        list_head: Address,
        /// Where the first driver begins.
        base: Address,
        /// Where it ends.
        end: Address,
    },
    /// The file is an image made by a memory imager such as DumpIt, so its stop code does not tell of a crash.
    #[error("an image made by a memory imager, not a crash")]
    MemoryImage,
    /// Only header, bug check and context are read of this kind of dump.
    #[error("the memory of a {kind} dump is not read yet")]
    NotRead {
        /// The kind.
        kind: FormatKind,
    },
}

impl Warning {
    /// The warning that a part is cut short, if it is.
    pub(crate) fn cut_short(what: Part, offset: u64, needed: u64, there: u64) -> Option<Warning> {
        (there < needed).then_some(Warning::CutShort {
            what,
            offset,
            needed,
            there,
        })
    }

    /// The warning that a list is longer than any genuine one, if it is.
    pub(crate) fn too_many(what: Part, offset: u64, count: u64, limit: u64) -> Option<Warning> {
        (count > limit).then_some(Warning::TooMany {
            what,
            offset,
            count,
            limit,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Part, Warning};

    #[test]
    fn damage_in_a_list_is_one_sentence() {
        let warning = Warning::Damaged {
            what: Part::DriverName,
            count: 3,
            offset: 0x1500,
            needed: 0x40,
            there: 0x12,
        };
        assert_eq!(
            warning.to_string(),
            "3 damaged, the first driver name at offset 0x1500: 0x40 bytes needed, 0x12 there"
        );
    }
}
