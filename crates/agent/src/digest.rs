//! SHA-256 of files, read piece by piece: a driver may have a hundred megabytes, the agent has twenty.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use ring::digest::{Context, SHA256, digest};

/// How much is read at a time.
const PIECE: usize = 64 << 10;

/// The SHA-256 of a file, 64 lower-case hex digits.
///
/// # Errors
///
/// When the file cannot be read.
pub(crate) fn of_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut context = Context::new(&SHA256);
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece)?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok(hex::encode(context.finish()));
        };
        context.update(bytes);
    }
}

/// The SHA-256 of bytes, 64 lower-case hex digits.
pub(crate) fn of_bytes(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_file_has_the_digest_of_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "abc").unwrap();
        // FIPS 180-2, appendix B.1
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(super::of_file(&path).unwrap(), expected);
        assert_eq!(super::of_bytes(b"abc"), expected);
    }
}
