//! Bytes that grow at the end and are patched in the middle, little-endian.

/// What Windows fills header fields with that it leaves alone.
pub(super) const FILLER: &[u8; 4] = b"PAGE";

/// The bytes of a dump while it is laid out.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
}

impl Buffer {
    /// `len` bytes of zero.
    pub(super) fn zeros(len: usize) -> Self {
        Buffer { bytes: vec![0; len] }
    }

    /// `len` bytes of `PAGEPAGE…`, as in a header of which nothing is set.
    pub(super) fn filler(len: usize) -> Self {
        Buffer {
            bytes: FILLER.iter().copied().cycle().take(len).collect(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The length, which is also the offset of what is appended next.
    pub(super) fn end(&self) -> u32 {
        offset_of(self.bytes.len())
    }

    /// Overwrites the bytes at `at`.
    pub(super) fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    pub(super) fn put_u8(&mut self, at: usize, value: u8) {
        self.put(at, &[value]);
    }

    pub(super) fn put_u16(&mut self, at: usize, value: u16) {
        self.put(at, &value.to_le_bytes());
    }

    pub(super) fn put_u32(&mut self, at: usize, value: u32) {
        self.put(at, &value.to_le_bytes());
    }

    pub(super) fn put_u64(&mut self, at: usize, value: u64) {
        self.put(at, &value.to_le_bytes());
    }

    /// Writes the low `width` bytes of `value`: a pointer of a CPU of that width.
    pub(super) fn put_pointer(&mut self, at: usize, value: u64, width: usize) {
        self.put(at, &value.to_le_bytes()[..width]);
    }

    /// Appends and returns the offset at which the bytes begin.
    pub(super) fn append(&mut self, bytes: &[u8]) -> u32 {
        let at = self.end();
        self.bytes.extend_from_slice(bytes);
        at
    }

    /// Appends zeros until the length is a multiple of `alignment`.
    pub(super) fn align(&mut self, alignment: usize) {
        let len = self.bytes.len().next_multiple_of(alignment);
        self.bytes.resize(len, 0);
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// A length as the 32-bit number that the format stores.
pub(super) fn offset_of(len: usize) -> u32 {
    u32::try_from(len).expect("an invented dump is far below 4 GiB")
}

/// The UTF-16 units of `text`, little-endian, without a NUL.
pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
