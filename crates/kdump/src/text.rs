//! UTF-16 text as Windows stores it, decoded only when somebody reads it.

use std::fmt::{self, Write};

/// Text in UTF-16, borrowed from the dump.
///
/// Driver names come from the machine that crashed and may be anything: unpaired surrogates read as `U+FFFD`, and
/// control characters are kept, so escape the text before showing it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct WideText<'a>(&'a [u8]);

impl<'a> WideText<'a> {
    /// The text up to its first NUL; an odd last byte is ignored.
    pub(crate) fn until_nul(bytes: &'a [u8]) -> WideText<'a> {
        let units = bytes.chunks_exact(2).take_while(|unit| *unit != [0, 0]);
        let length = units.count().saturating_mul(2);
        WideText(bytes.get(..length).unwrap_or_default())
    }

    /// Whether there is no text.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The part behind the last backslash or slash: the file name of a path.
    #[must_use]
    pub fn base_name(self) -> WideText<'a> {
        let after = self
            .0
            .chunks_exact(2)
            .rposition(|unit| matches!(unit, [b'\\' | b'/', 0]))
            .and_then(|separator| separator.checked_add(1)?.checked_mul(2))
            .unwrap_or(0);
        WideText(self.0.get(after..).unwrap_or_default())
    }

    /// The characters, `U+FFFD` for what is none.
    pub fn chars(self) -> impl Iterator<Item = char> + use<'a> {
        let units = self.0.chunks_exact(2).map(|unit| {
            let unit: [u8; 2] = unit.try_into().unwrap_or_default();
            u16::from_le_bytes(unit)
        });
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    /// The text as a string; quicker than `to_string`.
    pub fn decode(self) -> String {
        let units = self.0.chunks_exact(2);
        let mut text = String::with_capacity(units.len());
        for unit in units {
            match unit {
                [low @ 0x00..=0x7F, 0] => text.push(char::from(*low)),
                _ => return self.chars().collect(),
            }
        }
        text
    }

    /// Whether the text is `other` but for the case of ASCII letters.
    pub fn eq_ignore_ascii_case(self, other: &str) -> bool {
        let folded = self.chars().map(|character| character.to_ascii_lowercase());
        folded.eq(other.chars().map(|character| character.to_ascii_lowercase()))
    }
}

impl fmt::Display for WideText<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chars()
            .try_for_each(|character| formatter.write_char(character))
    }
}

impl fmt::Debug for WideText<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.decode(), formatter)
    }
}

impl PartialEq<str> for WideText<'_> {
    fn eq(&self, other: &str) -> bool {
        self.chars().eq(other.chars())
    }
}

impl PartialEq<&str> for WideText<'_> {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

#[cfg(test)]
mod tests {
    use super::WideText;

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn the_base_name_is_what_follows_the_last_separator() {
        let bytes = wide(r"\SystemRoot\system32\drivers\amdppm.sys");
        let text = WideText::until_nul(&bytes);
        assert_eq!(text.base_name(), "amdppm.sys");
        assert_eq!(text.base_name().base_name(), "amdppm.sys");
        let bytes = wide(r"folder\");
        assert!(WideText::until_nul(&bytes).base_name().is_empty());
    }

    #[test]
    fn text_ends_at_its_nul() {
        let bytes = wide("dam.sys\0\u{1}");
        assert_eq!(WideText::until_nul(&bytes), "dam.sys");
    }

    #[test]
    fn a_separator_is_a_whole_unit() {
        let bytes = wide("a\u{5C5C}b");
        assert_eq!(WideText::until_nul(&bytes).base_name(), "a\u{5C5C}b");
    }

    #[test]
    fn an_unpaired_surrogate_is_replaced() {
        let mut bytes = wide("ü");
        bytes.extend([0x00, 0xD8]);
        let text = WideText::until_nul(&bytes);
        assert_eq!(text.decode(), "ü\u{FFFD}");
        assert_eq!(text.to_string(), text.decode());
    }

    #[test]
    fn names_compare_without_regard_to_ascii_case() {
        let bytes = wide("NETIO.SYS");
        assert!(WideText::until_nul(&bytes).eq_ignore_ascii_case("netio.sys"));
        assert!(!WideText::until_nul(&bytes).eq_ignore_ascii_case("netio.sy"));
    }
}
