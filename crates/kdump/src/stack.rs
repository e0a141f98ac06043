//! The saved part of the kernel stack.

use crate::{Address, Width};

/// The stack of the thread that stopped the machine, from the stack pointer up.
///
/// It mostly ends at the base of the thread's stack. A DPC's stack was seen cut at 0x2000 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stack<'a> {
    /// The lowest address; the header's stack pointer lies at it or above.
    pub base: Address,
    /// The bytes from there up.
    pub bytes: &'a [u8],
    width: Width,
}

impl<'a> Stack<'a> {
    pub(crate) fn new(base: Address, bytes: &'a [u8], width: Width) -> Stack<'a> {
        Stack { base, bytes, width }
    }

    /// The first address above the saved part.
    pub fn end(&self) -> Address {
        let size = u64::try_from(self.bytes.len()).unwrap_or(u64::MAX);
        Address(self.base.0.saturating_add(size))
    }

    /// The pointer-sized values with the addresses they lie at, upwards.
    pub fn words(&self) -> impl Iterator<Item = (Address, u64)> + use<'a> {
        let step = self.width.pointer_size_bytes();
        let base = self.base;
        let words = self
            .bytes
            .chunks_exact(usize::try_from(step).unwrap_or(8))
            .map(little_endian);
        (0_u64..)
            .zip(words)
            .map_while(move |(index, value)| Some((base.checked_add(index.checked_mul(step)?)?, value)))
    }
}

/// A number of at most eight bytes.
fn little_endian(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |value: u64, &byte| (value << 8) | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::Stack;
    use crate::{Address, Width};

    #[test]
    fn words_come_with_their_addresses_and_an_odd_rest_is_left_out() {
        let bytes = [1, 0, 0, 0, 0, 0, 0, 0x80, 2, 0, 0, 0, 0, 0, 0, 0, 9];
        let stack = Stack::new(Address(0x1000), &bytes, Width::Bits64);
        let words: Vec<_> = stack.words().collect();
        assert_eq!(
            words,
            [(Address(0x1000), 0x8000_0000_0000_0001), (Address(0x1008), 2)]
        );
        let stack = Stack::new(Address(0x1000), &bytes, Width::Bits32);
        assert_eq!(stack.words().nth(1), Some((Address(0x1004), 0x8000_0000)));
    }
}
