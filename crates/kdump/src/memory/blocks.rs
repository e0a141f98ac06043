//! `TRIAGE_DATA_BLOCK`, the pieces of memory in a small dump.
//!
//! An entry is 16 bytes: address (u64), file offset (u32), size (u32). For 32-bit dumps two readings are in use: the
//! same 16 bytes, or 12 bytes with a 32-bit address. No 32-bit sample was at hand to settle it, so the table itself
//! decides: the reading counts that keeps every block inside the triage part; if both do, the one by which the
//! first block's bytes follow the table directly, as they do in every sample; and 16 bytes in the end.

use super::Region;
use crate::bytes::Bytes;
use crate::damage::Damage;
use crate::{Address, Part, Triage, Warning, Width};

/// More blocks than any genuine dump has; 2,667 were seen.
const MAX_BLOCKS: u64 = 65_536;

/// How the address of an entry is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    /// 16 bytes.
    Address64,
    /// 12 bytes.
    Address32,
}

/// Where the table is, and how many entries can be there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockTable {
    offset: u64,
    count: u64,
    entry: Entry,
    width: Width,
}

impl BlockTable {
    /// The table of a dump that has none.
    pub(crate) const EMPTY: BlockTable = BlockTable {
        offset: 0,
        count: 0,
        entry: Entry::Address64,
        width: Width::Bits64,
    };

    pub(crate) fn find(
        content: Bytes<'_>,
        triage: &Triage,
        width: Width,
        warnings: &mut Vec<Warning>,
    ) -> BlockTable {
        let offset = u64::from(triage.data_blocks_offset);
        let stored = u64::from(triage.data_blocks_count);
        let count = stored.min(MAX_BLOCKS);
        warnings.extend(Warning::too_many(Part::DataBlocks, offset, stored, MAX_BLOCKS));
        let table = |entry| BlockTable {
            offset,
            count,
            entry,
            width,
        };
        let mut chosen = table(Entry::Address64);
        if width == Width::Bits32 && chosen.fit(content) < table(Entry::Address32).fit(content) {
            chosen = table(Entry::Address32);
        }
        chosen.check(content, warnings)
    }

    /// Cuts the table to what is there of it and reports it and the blocks that are not whole.
    fn check(mut self, content: Bytes<'_>, warnings: &mut Vec<Warning>) -> BlockTable {
        let needed = self.count.saturating_mul(self.entry.size_bytes());
        let there = content.there(self.offset);
        warnings.extend(Warning::cut_short(Part::DataBlocks, self.offset, needed, there));
        if needed > there {
            self.count = there.checked_div(self.entry.size_bytes()).unwrap_or(0);
        }
        let mut damaged = Damage::default();
        for block in self.stored(content) {
            let there = content.there(block.file_offset);
            if block.size_bytes > there {
                damaged.add(block.file_offset, block.size_bytes, there);
            }
        }
        warnings.extend(damaged.into_warning(Part::DataBlock));
        self
    }

    /// How well a reading of the table fits: whole and inside, and then followed by the first block's bytes.
    fn fit(self, content: Bytes<'_>) -> (bool, bool) {
        let size = self.count.saturating_mul(self.entry.size_bytes());
        let end = self.offset.saturating_add(size);
        let is_inside = |block: &Region| {
            block.size_bytes <= content.there(block.file_offset)
                && u32::try_from(block.address.0).is_ok()
                && block.file_offset >= end
        };
        let fits = size <= content.there(self.offset) && self.stored(content).all(|b| is_inside(&b));
        let first = self.stored(content).map(|block| block.file_offset).min();
        (fits, first == Some(end))
    }

    /// How many entries are there.
    pub(super) fn len(self) -> usize {
        usize::try_from(self.count).unwrap_or(0) // at most 65,536
    }

    /// The entries as stored.
    fn stored(self, content: Bytes<'_>) -> impl Iterator<Item = Region> {
        let size = self.entry.size_bytes();
        (0..self.count).map_while(move |index| {
            let offset = index.checked_mul(size)?.checked_add(self.offset)?;
            let record = content.record(offset, size)?;
            let (stored, at) = match self.entry {
                Entry::Address64 => (record.u64(0), 8),
                Entry::Address32 => (u64::from(record.u32(0)), 4),
            };
            let address = match (self.width, stored >> 32) {
                (Width::Bits32, 0xFFFF_FFFF) => stored & 0xFFFF_FFFF, // stored with the sign extended
                _ => stored,
            };
            Some(Region {
                address: Address(address),
                file_offset: u64::from(record.u32(at)),
                size_bytes: u64::from(record.u32(at.saturating_add(4))),
            })
        })
    }

    /// The blocks, each as far as its bytes are there.
    pub(super) fn regions(self, content: Bytes<'_>) -> impl Iterator<Item = Region> {
        self.stored(content).filter_map(move |block| {
            let size = block.size_bytes.min(content.there(block.file_offset));
            Region::new(block.address, block.file_offset, size)
        })
    }
}

impl Entry {
    fn size_bytes(self) -> u64 {
        match self {
            Entry::Address64 => 16,
            Entry::Address32 => 12,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BlockTable, Entry};
    use crate::Width;
    use crate::bytes::Bytes;

    /// Two blocks of four bytes in a 32-bit dump, with addresses of `address_bytes` bytes.
    fn table(address_bytes: usize) -> Vec<u8> {
        let data = 2 * (address_bytes + 8);
        let entry = |address: u64, offset: usize| {
            let mut bytes = address.to_le_bytes()[..address_bytes].to_vec();
            bytes.extend(u32::try_from(offset).unwrap().to_le_bytes());
            bytes.extend(4_u32.to_le_bytes());
            bytes
        };
        [entry(0x8100_0000, data), entry(0x8200_0000, data + 4), vec![9; 8]].concat()
    }

    fn fit(bytes: &[u8], entry: Entry) -> (bool, bool) {
        let table = BlockTable {
            offset: 0,
            count: 2,
            entry,
            width: Width::Bits32,
        };
        table.fit(Bytes::new(bytes))
    }

    #[test]
    fn only_the_true_reading_of_a_table_keeps_its_blocks_inside_and_behind_it() {
        for (bytes, entry) in [(table(8), Entry::Address64), (table(4), Entry::Address32)] {
            for reading in [Entry::Address64, Entry::Address32] {
                let expected = (reading == entry, reading == entry);
                assert_eq!(fit(&bytes, reading), expected, "{entry:?} read as {reading:?}");
            }
        }
    }
}
