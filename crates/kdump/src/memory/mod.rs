//! The virtual memory that a small dump holds, as far as its addresses are known.
//!
//! That is the saved stack, the data blocks (mostly 256-byte pieces around what registers and stack point to), the
//! data page, and the copies of the current thread and process, whose addresses the dump tells: the PRCB copy names
//! the current thread, the thread's copy names the process.
//!
//! Blocks are stored in no order and may overlap. They are sorted into disjoint regions once, when memory is first read;
//! the work and the space follow the number of blocks that fit into the file, never a count in it. Where two blocks
//! disagree about a byte, which no machine writes, the one that begins lower counts.

mod blocks;
mod read_error;

use std::borrow::Cow;
use std::sync::OnceLock;

pub(crate) use blocks::BlockTable;
pub use read_error::ReadError;

use crate::bytes::Bytes;
use crate::{Address, Width};

/// A stretch of virtual memory that the dump holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Region {
    /// Where it begins in memory.
    pub address: Address,
    /// Where its bytes begin in the file.
    pub file_offset: u64,
    /// How long it is.
    pub size_bytes: u64,
}

impl Region {
    /// A region, unless it is empty or runs over the end of the address space.
    pub(crate) fn new(address: Address, file_offset: u64, size_bytes: u64) -> Option<Region> {
        address.checked_add(size_bytes)?;
        (size_bytes != 0).then_some(Region {
            address,
            file_offset,
            size_bytes,
        })
    }

    /// The first address behind it.
    pub fn end(&self) -> Address {
        Address(self.address.0.saturating_add(self.size_bytes))
    }

    /// The region without what lies below `address`.
    fn starting_at(self, address: Address) -> Option<Region> {
        let Some(skipped) = address.offset_from(self.address) else {
            return Some(self);
        };
        let left = self.size_bytes.checked_sub(skipped)?;
        Region::new(address, self.file_offset.checked_add(skipped)?, left)
    }
}

/// The memory of the machine, as far as the dump holds it.
#[derive(Debug)]
pub struct Memory<'a> {
    content: Bytes<'a>,
    width: Width,
    blocks: BlockTable,
    others: Vec<Region>,
    index: OnceLock<Box<[Region]>>,
}

impl<'a> Memory<'a> {
    /// `others` are the regions that are not data blocks; they must lie inside `content`.
    pub(crate) fn new(
        content: Bytes<'a>,
        width: Width,
        blocks: BlockTable,
        others: Vec<Region>,
    ) -> Memory<'a> {
        Memory {
            content,
            width,
            blocks,
            others,
            index: OnceLock::new(),
        }
    }

    /// All regions by address, none overlapping another.
    pub fn regions(&self) -> &[Region] {
        self.index.get_or_init(|| {
            // The table has been cut to the entries that are there, so its length is no lie.
            let mut regions = Vec::with_capacity(self.blocks.len());
            regions.extend(self.blocks.regions(self.content));
            regions.extend(&self.others);
            regions.sort_unstable_by_key(|region| (region.address, region.size_bytes));
            let mut end = Address(0);
            let disjoint = regions.into_iter().filter_map(|region| {
                let rest = region.starting_at(end)?;
                end = rest.end();
                Some(rest)
            });
            disjoint.collect()
        })
    }

    /// The bytes from `address` to the end of the region that holds it.
    pub fn available(&self, address: Address) -> Option<&'a [u8]> {
        let regions = self.regions();
        let after = regions.partition_point(|region| region.address <= address);
        let region = regions.get(after.checked_sub(1)?)?.starting_at(address)?;
        self.content.slice(region.file_offset, region.size_bytes)
    }

    /// `length` bytes from `address`: borrowed if one region holds them, put together if adjoining ones do.
    ///
    /// # Errors
    ///
    /// [`ReadError::Absent`] if the dump does not hold the first byte, [`ReadError::CutShort`] if it does not hold the
    /// last, [`ReadError::OutOfRange`] if the addresses do not exist or no file of this size could hold as much.
    pub fn read(&self, address: Address, length: u64) -> Result<Cow<'a, [u8]>, ReadError> {
        if address.checked_add(length).is_none() || length > self.content.len() {
            return Err(ReadError::OutOfRange { address, length });
        }
        let Some(first) = self.available(address) else {
            return Err(ReadError::Absent { address, length });
        };
        let needed = usize::try_from(length).unwrap_or(usize::MAX);
        if let Some(bytes) = first.get(..needed) {
            return Ok(Cow::Borrowed(bytes));
        }
        self.join(address, first, needed).map(Cow::Owned)
    }

    /// Puts `needed` bytes together from the region of `first` and those that follow it without a gap.
    fn join(&self, address: Address, first: &[u8], needed: usize) -> Result<Vec<u8>, ReadError> {
        let mut bytes = first.to_vec();
        while let Some(missing) = needed.checked_sub(bytes.len()).filter(|&left| left > 0) {
            let there = Bytes::new(&bytes).len();
            let next = address.checked_add(there).and_then(|next| self.available(next));
            let Some(next) = next else {
                return Err(ReadError::CutShort {
                    address,
                    needed: u64::try_from(needed).unwrap_or(u64::MAX),
                    there,
                });
            };
            bytes.extend(next.iter().take(missing));
        }
        Ok(bytes)
    }

    /// The 16-bit number at `address`.
    ///
    /// # Errors
    ///
    /// As [`Memory::read`].
    pub fn read_u16(&self, address: Address) -> Result<u16, ReadError> {
        self.read_array(address).map(u16::from_le_bytes)
    }

    /// The 32-bit number at `address`.
    ///
    /// # Errors
    ///
    /// As [`Memory::read`].
    pub fn read_u32(&self, address: Address) -> Result<u32, ReadError> {
        self.read_array(address).map(u32::from_le_bytes)
    }

    /// The 64-bit number at `address`.
    ///
    /// # Errors
    ///
    /// As [`Memory::read`].
    pub fn read_u64(&self, address: Address) -> Result<u64, ReadError> {
        self.read_array(address).map(u64::from_le_bytes)
    }

    /// The pointer at `address`, in the width of the machine.
    ///
    /// # Errors
    ///
    /// As [`Memory::read`].
    pub fn read_pointer(&self, address: Address) -> Result<Address, ReadError> {
        match self.width {
            Width::Bits32 => self.read_u32(address).map(u64::from),
            Width::Bits64 => self.read_u64(address),
        }
        .map(Address)
    }

    fn read_array<const N: usize>(&self, address: Address) -> Result<[u8; N], ReadError> {
        let length = u64::try_from(N).unwrap_or(u64::MAX);
        let bytes = self.read(address, length)?;
        Ok(bytes.first_chunk().copied().unwrap_or([0; N])) // the read gave N bytes
    }
}

#[cfg(test)]
mod tests;
