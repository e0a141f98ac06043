//! The stop code and its four parameters.

use crate::bytes::Record;
use crate::header::layout::Layout;
use crate::{filler, time};

/// What the kernel was stopped with: the arguments of `KeBugCheckEx`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BugCheck {
    /// The code as stored. Small dumps set bit 28 of some codes: `0x1000007E` is `0x7E`.
    pub code: u32,
    /// The parameters as stored; those of 32-bit dumps are extended with zeros.
    pub parameters: [u64; 4],
}

impl BugCheck {
    /// What DumpIt writes in place of a stop code: `MAT` and `T`, little-endian.
    const MEMORY_IMAGE_CODE: u32 = 0x5454_414D;

    /// Reads code and parameters; the filler counts as 0, which is "not a crash".
    pub(crate) fn read(record: Record<'_>, layout: &Layout) -> BugCheck {
        let parameter =
            |offset| time::unfilled(record.pointer(offset, layout.width), layout.width).unwrap_or(0);
        BugCheck {
            code: filler::u32(record.u32(layout.bug_check_code)).unwrap_or(0),
            parameters: layout.bug_check_parameters.map(parameter),
        }
    }

    /// The code with bit 28 cleared, which is the one to group by.
    ///
    /// ```
    /// let bug_check = kdump::BugCheck { code: 0x1000_007E, parameters: [0; 4] };
    /// assert_eq!(bug_check.grouped_code(), 0x7E);
    /// ```
    pub fn grouped_code(&self) -> u32 {
        self.code & !0x1000_0000
    }

    /// Whether this is the mark of a memory imager (DumpIt) and not a stop code.
    ///
    /// Its parameters 1 and 2 read `MOON` and `SOLS`.
    pub fn is_memory_image(&self) -> bool {
        self.code == BugCheck::MEMORY_IMAGE_CODE
    }
}

#[cfg(test)]
mod tests {
    use super::BugCheck;

    #[test]
    fn the_mark_of_a_memory_imager_is_known() {
        let bug_check = BugCheck {
            code: u32::from_le_bytes(*b"MATT"),
            parameters: [0; 4],
        };
        assert!(bug_check.is_memory_image());
    }

    #[test]
    fn grouping_clears_only_bit_28() {
        let bug_check = BugCheck {
            code: 0xC000_021A,
            parameters: [0; 4],
        };
        assert_eq!(bug_check.grouped_code(), 0xC000_021A);
    }
}
