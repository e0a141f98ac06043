//! The bytes `PAGE` that Windows fills a header with before it writes fields.
//!
//! A field that its writer left alone holds them instead of zero, so they mean "absent" everywhere.

const FILLER: [u8; 8] = *b"PAGEPAGE";

/// The value, or `None` for the filler.
pub(crate) fn u32(value: u32) -> Option<u32> {
    let [a, b, c, d, ..] = FILLER;
    (value != u32::from_le_bytes([a, b, c, d])).then_some(value)
}

/// The value, or `None` for the filler.
pub(crate) fn u64(value: u64) -> Option<u64> {
    (value != u64::from_le_bytes(FILLER)).then_some(value)
}

/// The text up to its NUL, or `None` for the filler and for no text at all.
///
/// Bytes outside ASCII are shown as the replacement character; the field has no stated encoding.
pub(crate) fn text(bytes: &[u8]) -> Option<String> {
    if bytes.starts_with(&FILLER) {
        return None;
    }
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    let text: String = text
        .iter()
        .map(|&byte| {
            if byte.is_ascii() {
                char::from(byte)
            } else {
                char::REPLACEMENT_CHARACTER
            }
        })
        .collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::{text, u32, u64};

    #[test]
    fn filler_is_absent_and_zero_is_not() {
        assert_eq!(u32(0x4547_4150), None);
        assert_eq!(u64(0x4547_4150_4547_4150), None);
        assert_eq!(u32(0), Some(0));
        assert_eq!(u64(0x4547_4150), Some(0x4547_4150));
    }

    #[test]
    fn a_comment_ends_at_its_nul() {
        assert_eq!(text(b"hello\0PAGEPAGE").as_deref(), Some("hello"));
        assert_eq!(text(b"PAGEPAGEPAGE"), None);
        assert_eq!(text(b"\0PAGE"), None);
    }
}
