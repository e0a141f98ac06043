//! What a symbol file is, and what is made of it.
//!
//! ```text
//! PE image   ─► kept as it is: the walker reads its .pdata in place
//! PDB        ─┐                ┌ names, lines, inlined calls
//! .sym       ─┴► a container:  ┤ stack records, found by address
//!                              └ parameter bytes
//! CAB        ─► one of those, compressed
//! ```
//!
//! Symbol files are hostile input. Sizes are bounded here and in the modules that read each format; the parsers of
//! other people are given only what passed, and if one panics on it, that is an error of the file. What cannot be
//! foreseen (a parser that loops, or takes all memory) is what the process around it is for.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use symbolic_cfi::AsciiCfiWriter;
use symbolic_debuginfo::pdb::PdbObject;
use symbolic_debuginfo::{Object, ParseObjectOptions};
use wire::symbols::{SymbolKey, SymbolKind};

use super::error::CompileError;
use super::functions::{self, MAX_INLINE_DEPTH, Origin};
use super::records::Records;
use super::{breakpad, cabinet, container, image, pdb};

/// The largest symbol file that is read, compressed or not.
const MAX_BYTES: u64 = 512 << 20;

/// A symbol file, ready for use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// What it is for.
    pub kind: SymbolKind,
    /// The key it has by its own content: what it really is.
    pub key: SymbolKey,
    /// The debug file that an image names.
    pub debug: Option<SymbolKey>,
    /// What to keep.
    pub contents: Contents,
}

/// What to keep of a symbol file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    /// The bytes as they came.
    AsItIs,
    /// These.
    Bytes(Vec<u8>),
}

/// Makes a symbol file ready for use.
///
/// `bytes` are a PE image, a PDB, a Breakpad `.sym` file, or a CAB that holds one of these. `name` is the name that
/// the file came under: images and PDBs do not know theirs. A last `_`, as CABs on symbol servers have it, is made
/// the letter that it stands for.
///
/// # Errors
///
/// When the bytes are something else, damaged, or more than any real file; the text is a clause for the person who
/// sent the file.
///
/// ```
/// let sym = b"MODULE windows x86_64 000000000000000000000000000000001 acme.pdb\nPUBLIC 1000 0 AcmeRead\n";
/// let compiled = analysis::symbols::compile(sym, "acme.sym").unwrap();
/// assert_eq!(compiled.key.name(), "acme.pdb");
/// ```
pub fn compile(bytes: &[u8], name: &str) -> Result<Compiled, CompileError> {
    let file = File::of(bytes, name, MAX_BYTES)?;
    let (key, debug) = file.keys()?;
    let contents = match (file.format, &file.bytes) {
        (Format::Image, Cow::Borrowed(_)) => Contents::AsItIs,
        (Format::Image, Cow::Owned(image)) => Contents::Bytes(image.clone()),
        (Format::Pdb, pdb) => Contents::Bytes(guarded("PDB", || compile_pdb(pdb))?),
        (Format::Breakpad, sym) => Contents::Bytes(guarded(".sym file", || compile_breakpad(sym))?),
    };
    Ok(Compiled {
        kind: file.format.kind(),
        key,
        debug,
        contents,
    })
}

/// What a symbol file is, without compiling it.
///
/// # Errors
///
/// As [`compile`], as far as the file is looked at.
pub fn identify(bytes: &[u8], name: &str) -> Result<(SymbolKind, SymbolKey), CompileError> {
    let file = File::of(bytes, name, MAX_BYTES)?;
    let (key, _) = file.keys()?;
    Ok((file.format.kind(), key))
}

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Image,
    Pdb,
    Breakpad,
}

impl Format {
    fn of(bytes: &[u8]) -> Result<Self, CompileError> {
        if bytes.starts_with(b"MZ") {
            Ok(Format::Image)
        } else if pdb::is_old_pdb(bytes) {
            Err(CompileError::OldPdb)
        } else if pdb::is_pdb(bytes) {
            Ok(Format::Pdb)
        } else if breakpad::is_breakpad(bytes) {
            Ok(Format::Breakpad)
        } else {
            Err(CompileError::Unknown)
        }
    }

    fn kind(self) -> SymbolKind {
        match self {
            Format::Image => SymbolKind::Image,
            Format::Pdb | Format::Breakpad => SymbolKind::Debug,
        }
    }
}

/// A symbol file out of its CAB.
struct File<'a> {
    format: Format,
    name: String,
    bytes: Cow<'a, [u8]>,
}

impl<'a> File<'a> {
    fn of(bytes: &'a [u8], name: &str, limit: u64) -> Result<Self, CompileError> {
        let (what, length) = ("file", bytes.len() as u64);
        if length > limit {
            return Err(CompileError::TooBig {
                what,
                bytes: length,
                limit,
            });
        }
        let outer = name.rsplit(['/', '\\']).next().unwrap_or(name);
        if !cabinet::is_cabinet(bytes) {
            return Ok(File {
                format: Format::of(bytes)?,
                name: outer.to_owned(),
                bytes: Cow::Borrowed(bytes),
            });
        }
        let inflated = guarded("CAB", || cabinet::inflate(bytes, limit))?;
        let format = Format::of(&inflated.bytes)?;
        Ok(File {
            name: whole_name(outer, &inflated.name, format),
            format,
            bytes: Cow::Owned(inflated.bytes),
        })
    }

    /// The file's own key, and that of the debug file it names.
    fn keys(&self) -> Result<(SymbolKey, Option<SymbolKey>), CompileError> {
        match self.format {
            Format::Breakpad => Ok((breakpad::key(&self.bytes)?, None)),
            Format::Pdb => {
                let id = pdb::id(&self.bytes)?;
                let digits = format!("{:032X}{:x}", id.guid, id.age);
                Ok((self.named(&digits)?, None))
            }
            Format::Image => {
                let image = image::id(&self.bytes)?;
                if image.time_date_stamp == 0 {
                    return Err(CompileError::NoStamp);
                }
                let digits = format!("{:08X}{:x}", image.time_date_stamp, image.size_of_image);
                Ok((self.named(&digits)?, image.debug))
            }
        }
    }

    fn named(&self, id: &str) -> Result<SymbolKey, CompileError> {
        SymbolKey::new(&self.name, id).map_err(|reason| CompileError::Key {
            what: "the name of the file",
            reason,
        })
    }
}

/// The name of a file from a CAB: `crash.pdb` of `crash.pd_`.
///
/// The name inside tells the letter; where the two have nothing in common, the format does.
fn whole_name(outer: &str, inner: &str, format: Format) -> String {
    let inner = inner.rsplit(['/', '\\']).next().unwrap_or(inner);
    let Some(beginning) = outer.strip_suffix('_') else {
        return outer.to_owned();
    };
    let last = inner.char_indices().next_back();
    if let Some((at, letter)) = last
        && inner
            .get(..at)
            .is_some_and(|inner| inner.eq_ignore_ascii_case(beginning))
    {
        return format!("{beginning}{letter}");
    }
    let extension = beginning.rsplit('.').next().unwrap_or_default();
    let letter = match (format, extension.to_ascii_lowercase().as_str()) {
        (Format::Pdb, _) => 'b',
        (Format::Breakpad, _) => 'm',
        (Format::Image, "ex") => 'e',
        (Format::Image, "sy") => 's',
        (Format::Image, _) => 'l',
    };
    format!("{beginning}{letter}")
}

fn compile_pdb(bytes: &[u8]) -> Result<Vec<u8>, CompileError> {
    let unreadable = |error: &dyn std::error::Error| CompileError::unreadable("PDB", error);
    let object = PdbObject::parse(bytes).map_err(|error| unreadable(&error))?;
    let symcache = functions::symcache(&object, Origin::Pdb)?;
    let mut records = Records::default();
    // Only x86 has them: elsewhere an image has its own.
    if object.has_unwind_info() {
        let mut text = Vec::new();
        AsciiCfiWriter::new(&mut text)
            .process(&Object::Pdb(object))
            .map_err(|error| unreadable(&error))?;
        records = Records::of(&text);
    }
    Ok(container::write(&symcache, &records))
}

fn compile_breakpad(bytes: &[u8]) -> Result<Vec<u8>, CompileError> {
    let mut options = ParseObjectOptions::default();
    options.max_inline_depth = Some(MAX_INLINE_DEPTH);
    let Object::Breakpad(object) = Object::parse_with_opts(bytes, options)
        .map_err(|error| CompileError::unreadable(".sym file", &error))?
    else {
        return Err(CompileError::Unknown);
    };
    let symcache = functions::symcache(&object, Origin::Breakpad)?;
    Ok(container::write(&symcache, &Records::of(bytes)))
}

/// What a parser makes of a file; if it panics, the file is to blame.
fn guarded<T>(what: &'static str, read: impl FnOnce() -> Result<T, CompileError>) -> Result<T, CompileError> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or(Err(CompileError::Defeated { what }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_a_cab_gets_its_last_letter_back() {
        for (outer, inner, format, whole) in [
            ("crash.pd_", "crash.pdb", Format::Pdb, "crash.pdb"),
            ("CRASH.PD_", "crash.pdb", Format::Pdb, "CRASH.PDb"),
            ("crash.pd_", "other.bin", Format::Pdb, "crash.pdb"),
            ("acme.sy_", "acme.sys", Format::Image, "acme.sys"),
            ("acme.sy_", "x", Format::Image, "acme.sys"),
            ("acme.sy_", "x", Format::Breakpad, "acme.sym"),
            ("acme.ex_", "", Format::Image, "acme.exe"),
            ("acme.dl_", "ä", Format::Image, "acme.dll"),
            ("crash.pdb", "x", Format::Pdb, "crash.pdb"),
        ] {
            assert_eq!(whole_name(outer, inner, format), whole);
        }
    }

    #[test]
    fn a_file_beyond_the_limit_is_refused_by_its_size() {
        let error = File::of(&[b'M'; 2048], "a.sym", 1024).err().unwrap();
        assert_eq!(
            error.to_string(),
            "the file claims 2 KiB, more than the 1 KiB allowed"
        );
    }

    #[test]
    fn other_files_are_refused_in_words() {
        for bytes in [&b""[..], b"\x7fELF", b"MDMP", b"hello"] {
            assert_eq!(identify(bytes, "x"), Err(CompileError::Unknown));
        }
        assert_eq!(
            identify(b"Microsoft C/C++ program database 2.00\r\n\x1aJG", "x.pdb"),
            Err(CompileError::OldPdb)
        );
    }
}
