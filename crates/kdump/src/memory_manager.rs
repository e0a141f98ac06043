//! The figures of the memory manager in a small dump.

use crate::bytes::Bytes;
use crate::{Part, Triage, Warning};

const SIZE: u64 = 0x50;

/// What the memory manager knew at the crash. Pools are counted in bytes, memory in pages.
///
/// Converted dumps leave all of it zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryManager {
    /// Version of the block, 1.
    pub version: u32,
    /// Its size, 0x50.
    pub size: u32,
    /// The pool tag that special pool watches.
    pub special_pool_tag: u32,
    /// What the memory manager did about trouble it met.
    pub triage_action_taken: u32,
    /// Driver Verifier's level.
    pub verify_driver_level: u32,
    /// Driver Verifier's flag.
    pub verifier_flag: u32,
    /// Most of the nonpaged pool.
    pub maximum_nonpaged_pool: u64,
    /// Used of the nonpaged pool.
    pub allocated_nonpaged_pool: u64,
    /// Most of the paged pool.
    pub paged_pool_maximum: u64,
    /// Used of the paged pool.
    pub allocated_paged_pool: u64,
    /// Committed pages.
    pub committed_pages: u64,
    /// Most pages ever committed.
    pub committed_pages_peak: u64,
    /// Most pages that can be committed.
    pub commit_limit_maximum: u64,
}

impl MemoryManager {
    pub(crate) fn find(
        content: Bytes<'_>,
        triage: &Triage,
        warnings: &mut Vec<Warning>,
    ) -> Option<MemoryManager> {
        let offset = u64::from(triage.mm_offset);
        if offset == 0 {
            return None;
        }
        let there = content.there(offset);
        warnings.extend(Warning::cut_short(Part::MemoryManager, offset, SIZE, there));
        let record = content.record(offset, SIZE)?;
        let found = record.u32(4);
        if u64::from(found) != SIZE {
            warnings.push(Warning::Unexpected {
                what: Part::MemoryManager,
                offset: offset.saturating_add(4),
                expected: SIZE,
                found: u64::from(found),
            });
            return None;
        }
        Some(MemoryManager {
            version: record.u32(0x00),
            size: found,
            special_pool_tag: record.u32(0x08),
            triage_action_taken: record.u32(0x0C),
            verify_driver_level: record.u32(0x10),
            verifier_flag: record.u32(0x14),
            maximum_nonpaged_pool: record.u64(0x18),
            allocated_nonpaged_pool: record.u64(0x20),
            paged_pool_maximum: record.u64(0x28),
            allocated_paged_pool: record.u64(0x30),
            committed_pages: record.u64(0x38),
            committed_pages_peak: record.u64(0x40),
            commit_limit_maximum: record.u64(0x48),
        })
    }
}
