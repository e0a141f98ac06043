//! Bounds-checked little-endian reads, the only place where bytes of the file are touched.
//!
//! [`Bytes`] is a stretch of the file: every read may fail. [`Record`] is a structure that has been cut out of it
//! with its whole size, so its fields, whose offsets are constants of ours, are always there.

use crate::{Error, Part, Width};

/// A stretch of the dump whose reads answer `None` past its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Bytes<'a> {
        Bytes(bytes)
    }

    /// The length; a slice never exceeds `isize::MAX` bytes, so it fits.
    pub(crate) fn len(self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }

    /// How many bytes there are from `offset` to the end.
    pub(crate) fn there(self, offset: u64) -> u64 {
        self.len().saturating_sub(offset)
    }

    /// The first `length` bytes, or all if there are fewer.
    pub(crate) fn until(self, length: u64) -> Bytes<'a> {
        let end = usize::try_from(length).unwrap_or(usize::MAX);
        Bytes(self.0.get(..end).unwrap_or(self.0))
    }

    pub(crate) fn slice(self, offset: u64, length: u64) -> Option<&'a [u8]> {
        let start = usize::try_from(offset).ok()?;
        let length = usize::try_from(length).ok()?;
        self.0.get(start..start.checked_add(length)?)
    }

    /// What there is of `length` bytes from `offset`; empty when `offset` is past the end.
    pub(crate) fn slice_clipped(self, offset: u64, length: u64) -> &'a [u8] {
        self.slice(offset, length.min(self.there(offset)))
            .unwrap_or_default()
    }

    pub(crate) fn record(self, offset: u64, length: u64) -> Option<Record<'a>> {
        self.slice(offset, length).map(Record)
    }

    /// As [`Bytes::record`], with the error that says which part of the dump is cut short.
    pub(crate) fn require(self, what: Part, offset: u64, needed: u64) -> Result<Record<'a>, Error> {
        self.record(offset, needed).ok_or(Error::Truncated {
            what,
            offset,
            needed,
            there: self.there(offset).min(needed),
        })
    }

    pub(crate) fn u16(self, offset: u64) -> Option<u16> {
        self.array(offset).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(self, offset: u64) -> Option<u32> {
        self.array(offset).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(self, offset: u64) -> Option<u64> {
        self.array(offset).map(u64::from_le_bytes)
    }

    fn array<const N: usize>(self, offset: u64) -> Option<[u8; N]> {
        let start = usize::try_from(offset).ok()?;
        self.0.get(start..)?.first_chunk::<N>().copied()
    }
}

/// A structure that is there as a whole; reading outside it is a mistake of ours and gives zero.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a>(&'a [u8]);

impl<'a> Record<'a> {
    pub(crate) fn bytes(self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn slice(self, offset: usize, length: usize) -> &'a [u8] {
        let end = offset.saturating_add(length);
        debug_assert!(end <= self.0.len(), "field outside its structure");
        self.0.get(offset..end).unwrap_or_default()
    }

    pub(crate) fn u8(self, offset: usize) -> u8 {
        u8::from_le_bytes(self.array(offset))
    }

    pub(crate) fn u16(self, offset: usize) -> u16 {
        u16::from_le_bytes(self.array(offset))
    }

    pub(crate) fn u32(self, offset: usize) -> u32 {
        u32::from_le_bytes(self.array(offset))
    }

    pub(crate) fn u64(self, offset: usize) -> u64 {
        u64::from_le_bytes(self.array(offset))
    }

    /// A pointer-sized field, extended with zeros.
    pub(crate) fn pointer(self, offset: usize, width: Width) -> u64 {
        match width {
            Width::Bits32 => u64::from(self.u32(offset)),
            Width::Bits64 => self.u64(offset),
        }
    }

    fn array<const N: usize>(self, offset: usize) -> [u8; N] {
        let field = self.0.get(offset..).and_then(<[u8]>::first_chunk::<N>);
        debug_assert!(field.is_some(), "field outside its structure");
        field.copied().unwrap_or([0; N])
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;
    use crate::{Error, Part};

    #[test]
    fn numbers_are_little_endian() {
        let bytes = Bytes::new(&[1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(bytes.u16(0), Some(0x0201));
        assert_eq!(bytes.u32(4), Some(0x0807_0605));
        assert_eq!(bytes.u64(0), Some(0x0807_0605_0403_0201));
    }

    #[test]
    fn a_read_that_ends_one_byte_late_fails() {
        let bytes = Bytes::new(&[0; 8]);
        assert_eq!(bytes.u64(1), None);
        assert_eq!(bytes.u32(5), None);
        assert_eq!(bytes.slice(8, 0), Some(&[][..]));
        assert_eq!(bytes.slice(9, 0), None);
        assert_eq!(bytes.slice(u64::MAX, u64::MAX), None);
    }

    #[test]
    fn a_clipped_slice_is_what_is_left() {
        let bytes = Bytes::new(&[1, 2, 3]);
        assert_eq!(bytes.slice_clipped(1, 10), &[2, 3]);
        assert!(bytes.slice_clipped(4, 10).is_empty());
    }

    #[test]
    fn a_missing_structure_says_how_much_was_there() {
        let error = Bytes::new(&[0; 8]).require(Part::Header, 6, 4).unwrap_err();
        assert_eq!(
            error,
            Error::Truncated {
                what: Part::Header,
                offset: 6,
                needed: 4,
                there: 2
            }
        );
    }
}
