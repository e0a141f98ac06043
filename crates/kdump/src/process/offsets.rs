//! Where `EPROCESS` keeps name, id and locked pages, by build.
//!
//! Measured in dumps of 17763, 19041, 26100 (x64) and 22000 (Arm64); the others are from published symbol listings.

use std::ops::RangeInclusive;

use super::Identity;
use crate::Machine;

/// Offsets in one version of `EPROCESS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offsets {
    pub(super) image_file_name: u64,
    pub(super) unique_process_id: u64,
    /// `NumberOfLockedPages`; not known for 32-bit Windows, Arm64 and build 26100.
    pub(super) locked_pages: Option<u64>,
}

impl Offsets {
    const fn new(image_file_name: u64, unique_process_id: u64, locked_pages: u64) -> Offsets {
        Offsets {
            image_file_name,
            unique_process_id,
            locked_pages: if locked_pages == 0 {
                None
            } else {
                Some(locked_pages)
            },
        }
    }

    /// The offsets by size on 64-bit machines, by build on 32-bit ones.
    pub(super) fn find(identity: Identity) -> Option<Offsets> {
        match identity.machine {
            Machine::Amd64 => lookup(AMD64, identity.size),
            Machine::Arm64 => lookup(ARM64, identity.size),
            Machine::X86 => lookup(X86, u64::from(identity.build)),
            _ => None,
        }
    }
}

fn lookup(table: &[(RangeInclusive<u64>, Offsets)], key: u64) -> Option<Offsets> {
    let (_, offsets) = table.iter().find(|(range, _)| range.contains(&key))?;
    Some(*offsets)
}

/// By `SizeEProcess`.
const AMD64: &[(RangeInclusive<u64>, Offsets)] = &[
    (0x3E0..=0x3E0, Offsets::new(0x268, 0xD8, 0)),      // Server 2003
    (0x3E8..=0x3E8, Offsets::new(0x238, 0xE0, 0)),      // Vista
    (0x4D0..=0x4D0, Offsets::new(0x2E0, 0x180, 0x250)), // 7
    (0x660..=0x660, Offsets::new(0x438, 0x2E0, 0x390)), // 8
    (0x6B8..=0x6D8, Offsets::new(0x438, 0x2E0, 0x390)), // 8.1
    (0x798..=0x798, Offsets::new(0x448, 0x2E8, 0x3A0)), // 10240
    (0x788..=0x788, Offsets::new(0x450, 0x2E8, 0x3A0)), // 10586
    (0x7B0..=0x7B0, Offsets::new(0x450, 0x2E8, 0x3A0)), // 14393
    (0x818..=0x818, Offsets::new(0x450, 0x2E0, 0x3A0)), // 15063
    (0x838..=0x838, Offsets::new(0x450, 0x2E0, 0x3A0)), // 16299
    (0x848..=0x850, Offsets::new(0x450, 0x2E0, 0x3A0)), // 17134, 17763
    (0x880..=0x880, Offsets::new(0x450, 0x2E8, 0x3A8)), // 18362
    (0xA40..=0xA40, Offsets::new(0x5A8, 0x440, 0x500)), // 19041 to 19045
    (0xB80..=0xB80, Offsets::new(0x5A8, 0x440, 0x500)), // 22000 to 22631
    (0x840..=0x840, Offsets::new(0x338, 0x1D0, 0)),     // 26100
];

/// By `SizeEProcess`.
const ARM64: &[(RangeInclusive<u64>, Offsets)] = &[
    (0xC80..=0xC80, Offsets::new(0x560, 0x3F8, 0)), // 22000
];

/// By build, because the sizes are not published.
const X86: &[(RangeInclusive<u64>, Offsets)] = &[
    (2600..=2600, Offsets::new(0x174, 0x84, 0)),  // XP
    (3790..=3790, Offsets::new(0x164, 0x94, 0)),  // Server 2003
    (6000..=6003, Offsets::new(0x14C, 0x9C, 0)),  // Vista
    (7600..=7601, Offsets::new(0x16C, 0xB4, 0)),  // 7
    (9200..=10240, Offsets::new(0x170, 0xB4, 0)), // 8, 8.1, 10240
    (10586..=14393, Offsets::new(0x174, 0xB4, 0)),
    (15063..=18363, Offsets::new(0x17C, 0xB4, 0)),
    (19041..=19045, Offsets::new(0x1AC, 0xE4, 0)),
];

#[cfg(test)]
mod tests {
    use super::{AMD64, Offsets};
    use crate::Machine;
    use crate::process::Identity;

    #[test]
    fn no_size_belongs_to_two_builds() {
        for (index, (range, _)) in AMD64.iter().enumerate() {
            let twice = AMD64
                .iter()
                .skip(index + 1)
                .any(|(other, _)| other.contains(range.start()) || range.contains(other.start()));
            assert!(!twice, "{range:x?}");
        }
    }

    #[test]
    fn a_24h2_process_has_no_known_count_of_locked_pages() {
        let offsets = Offsets::find(Identity {
            machine: Machine::Amd64,
            build: 26100,
            size: 0x840,
        });
        assert_eq!(offsets, Some(Offsets::new(0x338, 0x1D0, 0)));
    }
}
