//! The list of an image's functions, `.pdata`, by which everything else is found.
//!
//! ```text
//! x64      begin u32, end u32, unwind information u32          (RVAs)
//! Arm64    begin u32, packed unwind information or its RVA
//! ```
//!
//! A linker sorts the list. Whether it is sorted is not looked at before a search fails, because a search that finds
//! an entry around the address has the right one; only a failure, which stands for "no function", could be a lie.

use std::sync::OnceLock;

use super::arm64;
use super::bytes::{u32_at, usize_of};
use super::pe::{Pe, PeMachine};

/// More functions than any image has.
const MAX_FUNCTIONS: usize = 4_000_000;
/// Most functions of a list that is put in order, for which it is copied. No linker leaves one out of order.
const MAX_SORTED: usize = 100_000;

/// One function, or a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Function {
    /// RVA of its first byte.
    pub(crate) begin: u32,
    /// RVA behind its last byte.
    pub(crate) end: u32,
    /// RVA of its unwind information; on Arm64 it may be packed in here.
    pub(crate) unwind: u32,
}

impl Function {
    /// Whether `rva` lies in it.
    pub(crate) fn contains(&self, rva: u32) -> bool {
        (self.begin..self.end).contains(&rva)
    }

    /// An entry of x64 from its bytes.
    pub(super) fn of_x64(entry: &[u8]) -> Option<Function> {
        Some(Function {
            begin: u32_at(entry, 0)?,
            end: u32_at(entry, 4)?,
            unwind: u32_at(entry, 8)?,
        })
    }
}

/// Where the list is in the file.
#[derive(Debug)]
pub(super) struct Functions {
    machine: PeMachine,
    file_offset: usize,
    count: usize,
    /// Begun once a search has failed: nothing if the list is in order, otherwise a copy that is.
    in_order: OnceLock<Option<Box<[Function]>>>,
}

impl Functions {
    /// The list of an image that has none.
    pub(super) fn none() -> Functions {
        Functions::new(PeMachine::Other, 0, 0)
    }

    /// The list in `length` bytes from `file_offset`.
    pub(super) fn new(machine: PeMachine, file_offset: usize, length: usize) -> Functions {
        let count = length.checked_div(entry_bytes(machine)).unwrap_or(0);
        Functions {
            machine,
            file_offset,
            count: count.min(MAX_FUNCTIONS),
            in_order: OnceLock::new(),
        }
    }

    /// How many entries there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Whether a search found the list out of order.
    pub(super) fn was_out_of_order(&self) -> bool {
        matches!(self.in_order.get(), Some(Some(_)))
    }

    /// The function that `rva` lies in.
    pub(super) fn find(&self, image: &Pe, rva: u32) -> Option<Function> {
        let listed = self.last_from(image, rva);
        if let Some(function) = listed.filter(|function| function.contains(rva)) {
            return Some(function);
        }
        let sorted = self.in_order.get_or_init(|| self.put_in_order(image)).as_ref()?;
        let after = sorted.partition_point(|function| function.begin <= rva);
        let function = sorted.get(after.checked_sub(1)?)?;
        function.contains(rva).then_some(*function)
    }

    /// The last entry that begins at or before `rva`, if the list is in order.
    fn last_from(&self, image: &Pe, rva: u32) -> Option<Function> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            if self.begin(image, middle)? <= rva {
                low = middle.checked_add(1)?;
            } else {
                high = middle;
            }
        }
        self.entry(image, low.checked_sub(1)?)
    }

    fn put_in_order(&self, image: &Pe) -> Option<Box<[Function]>> {
        let begins = || (0..self.count).map_while(|index| self.begin(image, index));
        if begins().is_sorted() {
            return None;
        }
        let mut all: Vec<_> = (0..self.count.min(MAX_SORTED))
            .filter_map(|index| self.entry(image, index))
            .collect();
        all.sort_unstable();
        Some(all.into_boxed_slice())
    }

    fn bytes<'a>(&self, image: &'a Pe, index: usize) -> Option<&'a [u8]> {
        let at = index.checked_mul(entry_bytes(self.machine))?;
        image.file().get(self.file_offset.checked_add(at)?..)
    }

    fn begin(&self, image: &Pe, index: usize) -> Option<u32> {
        u32_at(self.bytes(image, index)?, 0)
    }

    fn entry(&self, image: &Pe, index: usize) -> Option<Function> {
        let bytes = self.bytes(image, index)?;
        match self.machine {
            PeMachine::Amd64 => Function::of_x64(bytes),
            PeMachine::Arm64 => {
                let (begin, unwind) = (u32_at(bytes, 0)?, u32_at(bytes, 4)?);
                let length = arm64::length(image, unwind)?;
                Some(Function {
                    begin,
                    end: begin.checked_add(length)?,
                    unwind,
                })
            }
            PeMachine::Other => None,
        }
    }
}

/// Bytes of an entry.
fn entry_bytes(machine: PeMachine) -> usize {
    match machine {
        PeMachine::Amd64 => 12,
        PeMachine::Arm64 => 8,
        PeMachine::Other => usize_of(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use crate::unwind::sample::{CODE, Image};

    #[test]
    fn an_address_is_in_the_function_around_it_or_in_none() {
        let image = Image::x64()
            .function(0x00, 0x20, &[1, 0, 0, 0])
            .function(0x30, 0x40, &[1, 0, 0, 0])
            .open();
        let begins = |rva| image.function(rva).map(|function| function.begin);
        assert_eq!(begins(CODE), Some(CODE));
        assert_eq!(begins(CODE + 0x1f), Some(CODE));
        assert_eq!(begins(CODE + 0x20), None);
        assert_eq!(begins(CODE + 0x3f), Some(CODE + 0x30));
        assert_eq!(begins(CODE + 0x40), None);
        assert_eq!(begins(0), None);
        assert!(!image.was_out_of_order());
    }

    #[test]
    fn a_list_out_of_order_is_searched_all_the_same_and_told() {
        let mut image = Image::x64();
        for begin in [0x50, 0x10, 0x70, 0x00, 0x20] {
            image = image.function(begin, begin + 8, &[1, 0, 0, 0]);
        }
        let image = image.open();
        for begin in [0x50, 0x10, 0x70, 0x00, 0x20] {
            assert_eq!(
                image.function(CODE + begin + 7).map(|function| function.begin),
                Some(CODE + begin)
            );
            assert_eq!(image.function(CODE + begin + 8), None);
        }
        assert!(image.was_out_of_order());
    }
}
