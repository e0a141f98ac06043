//! Tests of memory on a few regions made by hand.

use super::{BlockTable, Memory, ReadError, Region};
use crate::bytes::Bytes;
use crate::{Address, Width};

const FILE: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// Regions given as (address, file offset, size).
fn memory(regions: &[(u64, u64, u64)]) -> Memory<'static> {
    let regions = regions
        .iter()
        .filter_map(|&(address, offset, size)| Region::new(Address(address), offset, size));
    Memory::new(
        Bytes::new(&FILE),
        Width::Bits64,
        BlockTable::EMPTY,
        regions.collect(),
    )
}

#[test]
fn a_read_inside_a_region_gives_its_bytes() {
    let memory = memory(&[(0x2000, 8, 4), (0x1000, 0, 4)]);
    assert_eq!(*memory.read(Address(0x2001), 3).unwrap(), [9, 10, 11]);
    assert_eq!(memory.read_u32(Address(0x1000)).unwrap(), 0x0302_0100);
}

#[test]
fn adjoining_regions_read_as_one() {
    let memory = memory(&[(0x1004, 8, 4), (0x1000, 0, 4)]);
    assert_eq!(memory.read_u64(Address(0x1000)).unwrap(), 0x0B0A_0908_0302_0100);
}

#[test]
fn a_read_over_a_gap_says_how_much_was_there() {
    let memory = memory(&[(0x1000, 0, 4), (0x1005, 8, 4)]);
    assert_eq!(
        memory.read(Address(0x1001), 8),
        Err(ReadError::CutShort {
            address: Address(0x1001),
            needed: 8,
            there: 3
        })
    );
}

#[test]
fn a_read_before_behind_and_between_regions_is_absent() {
    let memory = memory(&[(0x1000, 0, 4), (0x2000, 8, 4)]);
    for address in [0, 0xFFF, 0x1004, 0x1FFF, 0x2004] {
        let address = Address(address);
        assert_eq!(
            memory.read(address, 1),
            Err(ReadError::Absent { address, length: 1 })
        );
    }
}

#[test]
fn a_read_larger_than_the_file_is_refused_before_it_allocates() {
    let memory = memory(&[(0x1000, 0, 16)]);
    assert!(matches!(
        memory.read(Address(0x1000), 17),
        Err(ReadError::OutOfRange { .. })
    ));
    assert!(matches!(
        memory.read(Address(u64::MAX), 2),
        Err(ReadError::OutOfRange { .. })
    ));
}

#[test]
fn overlapping_regions_become_disjoint_and_lose_nothing() {
    let memory = memory(&[(0x1000, 0, 8), (0x1002, 2, 2), (0x1004, 4, 8)]);
    let regions = memory.regions();
    assert!(regions.is_sorted_by_key(|region| region.address));
    assert!(regions.windows(2).all(|pair| pair[0].end() <= pair[1].address));
    assert_eq!(memory.read(Address(0x1000), 12).unwrap(), &FILE[..12]);
}

#[test]
fn regions_at_the_very_end_of_the_address_space_are_left_out() {
    assert_eq!(Region::new(Address(u64::MAX), 0, 2), None);
    assert_eq!(Region::new(Address(0x1000), 0, 0), None);
}

/// Found by fuzzing: a block may claim the stack's addresses with other bytes.
#[test]
fn where_regions_disagree_the_one_that_begins_lower_counts() {
    let memory = memory(&[(0x1004, 12, 4), (0x1000, 0, 8)]);
    assert_eq!(*memory.read(Address(0x1004), 4).unwrap(), [4, 5, 6, 7]);
    assert_eq!(memory.regions().len(), 1);
}
