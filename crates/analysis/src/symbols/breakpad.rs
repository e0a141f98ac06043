//! A Breakpad `.sym` file's first line, which says what it is of.
//!
//! ```text
//! MODULE windows x86 5A9832E5287241C1838ED98914E9B7FF1 test_app.pdb
//! ```

use wire::symbols::SymbolKey;

use super::error::CompileError;

/// Longest first line that is looked at.
const MAX_LINE_BYTES: usize = 1_024;

/// Whether the bytes begin like a `.sym` file.
pub(super) fn is_breakpad(bytes: &[u8]) -> bool {
    bytes.starts_with(b"MODULE ")
}

/// The key that a `.sym` file gives itself.
pub(super) fn key(bytes: &[u8]) -> Result<SymbolKey, CompileError> {
    let beginning = bytes.get(..bytes.len().min(MAX_LINE_BYTES)).unwrap_or_default();
    let line = beginning.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = str::from_utf8(line).map_err(|_| damaged("its first line is not text"))?;
    // The name is the rest of the line: it may have spaces.
    let mut words = line.trim_end().splitn(5, ' ');
    let (Some(_), Some(_), Some(_), Some(id), Some(name)) = (
        words.next(),
        words.next(),
        words.next(),
        words.next(),
        words.next(),
    ) else {
        return Err(damaged(
            "its first line is not MODULE, system, processor, id and name",
        ));
    };
    SymbolKey::new(name, id).map_err(|reason| CompileError::Key {
        what: "the name and id on the .sym file's first line",
        reason,
    })
}

fn damaged(problem: &'static str) -> CompileError {
    CompileError::Damaged {
        what: ".sym file",
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_key() {
        let file = b"MODULE windows x86 5A9832E5287241C1838ED98914E9B7FF1 test app.pdb\r\nFILE 1 a.c\n";
        assert_eq!(
            key(file).unwrap().to_string(),
            "test app.pdb/5A9832E5287241C1838ED98914E9B7FF1"
        );
    }

    #[test]
    fn a_name_that_climbs_is_refused() {
        for file in [
            &b"MODULE windows x86 5A98 ../../etc/passwd"[..],
            b"MODULE windows x86 ../.. a.pdb",
            b"MODULE windows",
            b"MODULE \xff\xff",
        ] {
            assert!(key(file).is_err());
        }
    }
}
