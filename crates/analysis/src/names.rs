//! Names out of a dump, made fit to show.
//!
//! Module and process names are the attacker's text: they are cut to a length, freed of control characters, and
//! nothing here makes a path of them.

/// The longest name that is kept, in characters.
const MAX_CHARACTERS: usize = 260;

/// The part of a path after its last separator, fit to show.
pub(crate) fn base_name(path: &str) -> String {
    printable(path.rsplit(['\\', '/']).next().unwrap_or(path))
}

/// The text without control characters and cut to 260 characters.
pub(crate) fn printable(text: &str) -> String {
    cut(text, MAX_CHARACTERS)
}

/// The text without control characters and cut to `most` characters.
pub(crate) fn cut(text: &str, most: usize) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                character
            }
        })
        .take(most)
        .collect()
}

/// The name without its extension.
pub(crate) fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_name_is_what_follows_the_last_separator() {
        assert_eq!(
            base_name(r"\SystemRoot\system32\drivers\amdppm.sys"),
            "amdppm.sys"
        );
        assert_eq!(base_name("/usr/lib/libc.so.6"), "libc.so.6");
        assert_eq!(base_name("ntoskrnl.exe"), "ntoskrnl.exe");
    }

    #[test]
    fn control_characters_do_not_survive() {
        assert_eq!(base_name("a\x1b[31m\n.sys"), "a\u{fffd}[31m\u{fffd}.sys");
        assert_eq!(printable(&"x".repeat(5000)).len(), MAX_CHARACTERS);
    }
}
