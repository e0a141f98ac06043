//! How much memory a full or bitmap dump should hold, to tell when it is cut short.
//!
//! The pages themselves are not read yet. What is read:
//!
//! ```text
//! header  PhysicalMemoryBlock    runs u32, pages u64 at +8 (32-bit: runs u32, pages u32)
//! SDMP    bitmap header at the end of the dump header: "SDMP" or "FDMP", "DUMP",
//!         FirstPage u64 at +0x20, present pages u64 at +0x28, bits in the bitmap u64 at +0x30
//! ```

use crate::bytes::Bytes;
use crate::header::layout::Layout;
use crate::{FormatKind, Part, Warning, Width, filler};

const PAGE_SIZE: u64 = 0x1000;

/// What the header says about physical memory (`PhysicalMemoryBlock`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PhysicalMemory {
    /// How many runs of pages there were.
    pub run_count: u32,
    /// How many pages there were in all.
    pub page_count: u64,
}

impl PhysicalMemory {
    /// Reads it from the header; converted small dumps leave it unset.
    pub(crate) fn read(header: Bytes<'_>, layout: &Layout) -> Option<PhysicalMemory> {
        let offset = layout.physical_memory;
        let run_count = header.u32(offset).and_then(filler::u32)?;
        let page_count = match layout.width {
            Width::Bits64 => filler::u64(header.u64(offset.checked_add(8)?)?)?,
            Width::Bits32 => u64::from(filler::u32(header.u32(offset.checked_add(4)?)?)?),
        };
        Some(PhysicalMemory {
            run_count,
            page_count,
        })
    }
}

/// Warns when the file is too short for the pages it should hold.
pub(crate) fn check(
    file: Bytes<'_>,
    layout: &Layout,
    kind: FormatKind,
    memory: Option<PhysicalMemory>,
) -> Option<Warning> {
    let (offset, pages) = match (kind, file.slice_clipped(layout.size, 8)) {
        (_, b"SDMPDUMP" | b"FDMPDUMP") => {
            let at = |field| file.u64(layout.size.saturating_add(field));
            (at(0x20)?, at(0x28)?)
        }
        (FormatKind::Full, _) => (layout.size, memory?.page_count),
        _ => return None,
    };
    let needed = pages.saturating_mul(PAGE_SIZE);
    let there = file.there(offset);
    Warning::cut_short(Part::Pages, offset, needed, there)
}

#[cfg(test)]
mod tests {
    use super::{PhysicalMemory, check};
    use crate::bytes::Bytes;
    use crate::header::layout::Layout;
    use crate::{FormatKind, Part, Warning};

    #[test]
    fn the_page_count_is_behind_the_padding() {
        let mut header = b"PAGE".repeat(0x800);
        header[0x88..0x8C].copy_from_slice(&5_u32.to_le_bytes());
        header[0x90..0x98].copy_from_slice(&0x7_FE86_u64.to_le_bytes());
        let memory = PhysicalMemory::read(Bytes::new(&header), &Layout::BITS_64);
        assert_eq!(
            memory,
            Some(PhysicalMemory {
                run_count: 5,
                page_count: 0x7_FE86
            })
        );
    }

    #[test]
    fn filler_is_no_memory() {
        let header = b"PAGE".repeat(0x800);
        assert_eq!(PhysicalMemory::read(Bytes::new(&header), &Layout::BITS_64), None);
    }

    #[test]
    fn a_bitmap_dump_that_lacks_pages_is_cut_short() {
        let mut file = vec![0; 0x4000];
        file[0x2000..0x2008].copy_from_slice(b"SDMPDUMP");
        file[0x2020..0x2028].copy_from_slice(&0x3000_u64.to_le_bytes());
        file[0x2028..0x2030].copy_from_slice(&2_u64.to_le_bytes());
        let warning = check(Bytes::new(&file), &Layout::BITS_64, FormatKind::Bitmap, None);
        assert_eq!(
            warning,
            Some(Warning::CutShort {
                what: Part::Pages,
                offset: 0x3000,
                needed: 0x2000,
                there: 0x1000
            })
        );
        file[0x2028] = 1;
        assert_eq!(
            check(Bytes::new(&file), &Layout::BITS_64, FormatKind::Live, None),
            None
        );
    }
}
