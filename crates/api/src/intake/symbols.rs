//! What kind of symbol file some bytes are, by their magic, and under which key a path has it.

use store::symbols::SymbolKind;
use wire::symbols::SymbolKey;

use super::describe::describe;
use super::format::looks_like_zip;
use crate::error::ApiError;

/// What a symbol file starts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SymbolFormat {
    /// A program, library or driver (PE).
    Image,
    /// A PDB or a Breakpad symbol file.
    Debug,
    /// A CAB archive of one of them.
    Cab,
}

impl SymbolFormat {
    /// The kind of a file of this format under a key with this id. Only a worker looks into a CAB archive.
    pub(crate) fn kind(self, id: &str) -> SymbolKind {
        match self {
            SymbolFormat::Image => SymbolKind::Image,
            SymbolFormat::Debug => SymbolKind::Debug,
            SymbolFormat::Cab => SymbolKind::of_id(id),
        }
    }
}

/// What a file that starts like this is, or what else, in words.
pub(crate) fn recognise(start: &[u8]) -> Result<SymbolFormat, String> {
    if start.starts_with(b"MZ") {
        Ok(SymbolFormat::Image)
    } else if start.starts_with(b"Microsoft C/C++ MSF 7.00\r\n\x1aDS") || start.starts_with(b"MODULE ") {
        Ok(SymbolFormat::Debug)
    } else if start.starts_with(b"MSCF") {
        Ok(SymbolFormat::Cab)
    } else if looks_like_zip(start) {
        Err("this is a zip archive; send it to POST /api/v1/symbols".to_owned())
    } else if start.starts_with(b"Microsoft C/C++ ") {
        Err(
            "this is a PDB of a kind that only compilers before Visual Studio 7 wrote, or it is damaged"
                .to_owned(),
        )
    } else {
        let start = start.get(..64 << 10).unwrap_or(start);
        Err(describe(start))
    }
}

/// Takes symbol files only.
pub(crate) fn accept_symbols(start: &[u8]) -> Result<(), ApiError> {
    recognise(start)
        .map(|_| ())
        .map_err(|saw| ApiError::NotSymbols { saw })
}

/// Takes debug files only: who sends it knows no other key for it.
pub(crate) fn accept_debug_files(start: &[u8]) -> Result<(), ApiError> {
    match recognise(start) {
        Ok(SymbolFormat::Debug | SymbolFormat::Cab) => Ok(()),
        Ok(SymbolFormat::Image) => Err(ApiError::invalid(
            "this is a Windows program or driver (PE), which has no debug id of its own; send it by \
             PUT /api/v1/symbols/{name}/{id}/{file}",
        )),
        Err(saw) => Err(ApiError::NotSymbols { saw }),
    }
}

/// Takes zip archives only.
pub(crate) fn accept_archives(start: &[u8]) -> Result<(), ApiError> {
    if looks_like_zip(start) {
        return Ok(());
    }
    let saw = match recognise(start) {
        Ok(_) => "this is a single symbol file; send it by PUT /api/v1/symbols/{name}/{id}/{file}".to_owned(),
        Err(saw) => saw,
    };
    Err(ApiError::invalid(format!("{saw}; expected a zip archive")))
}

/// The key of a name and an id out of a path.
///
/// # Errors
///
/// [`ApiError::Invalid`] if they are none.
pub(crate) fn key(name: &str, id: &str) -> Result<SymbolKey, ApiError> {
    SymbolKey::new(name, id).map_err(|error| ApiError::invalid(error.to_string()))
}

/// A file's own name out of a path: it must be one as in a key.
///
/// # Errors
///
/// [`ApiError::Invalid`] if it is none.
pub(crate) fn file_name(name: &str) -> Result<String, ApiError> {
    SymbolKey::new(name, "0")
        .map(|key| key.name().to_owned())
        .map_err(|_| {
            ApiError::invalid("the file name is empty, too long, or has characters not for file names")
        })
}

/// Key and file name of a path that ends in `name/id/file`, or why there is none.
pub(crate) fn place(path: &str) -> Result<(SymbolKey, String), String> {
    let parts: Vec<&str> = path.split(['/', '\\']).collect();
    if parts.iter().any(|part| matches!(*part, "" | "." | "..")) {
        return Err("its path is not a plain one".to_owned());
    }
    let [.., name, id, file] = parts.as_slice() else {
        return Err("its path does not end in name/id/file, as in a symbol store".to_owned());
    };
    let key = SymbolKey::new(name, id).map_err(|error| error.to_string())?;
    let file = SymbolKey::new(file, "0").map_err(|error| error.to_string())?;
    Ok((key, file.name().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{SymbolFormat, place, recognise};

    #[test]
    fn symbol_files_are_told_by_their_first_bytes_and_others_in_words() {
        assert_eq!(recognise(b"MZ\x90\0"), Ok(SymbolFormat::Image));
        assert_eq!(
            recognise(b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0"),
            Ok(SymbolFormat::Debug)
        );
        assert_eq!(recognise(b"MODULE windows x86_64 0 a"), Ok(SymbolFormat::Debug));
        assert_eq!(recognise(b"MSCF\0\0\0\0"), Ok(SymbolFormat::Cab));
        for (bytes, word) in [
            (&b"\x7fELF\x02"[..], "ELF"),
            (b"PK\x03\x04", "zip"),
            (b"Microsoft C/C++ program database 2.00", "Visual Studio"),
            (b"", "empty"),
            (b"hello", "text"),
        ] {
            let saw = recognise(bytes).unwrap_err();
            assert!(saw.contains(word), "{saw}");
        }
    }

    #[test]
    fn a_path_in_a_tree_is_a_key_and_a_file() {
        let (key, file) = place("symbols/amdppm.pdb/1C19FD1/amdppm.pd_").unwrap();
        assert_eq!(
            (key.to_string().as_str(), file.as_str()),
            ("amdppm.pdb/1C19FD1", "amdppm.pd_")
        );
        assert!(place(r"amdppm.pdb\1C19FD1\amdppm.pdb").is_ok());
        for odd in [
            "",
            "a.pdb",
            "1/a.pdb",
            "/a.pdb/1/a.pdb",
            "../a.pdb/1/a.pdb",
            "a.pdb/../1/a.pdb",
            "a.pdb/xyz/a.pdb",
            "a.pdb/1/..",
            "a.pdb/1/a:b",
            "C:/1/a.pdb",
        ] {
            assert!(place(odd).is_err(), "{odd:?}");
        }
    }
}
