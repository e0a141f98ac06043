//! Symbol files: real ones against what others say of them, and hostile ones.

use std::sync::Arc;

use analysis::symbols::{Compiled, Contents, DebugFile, compile, identify};
use wire::symbols::SymbolKind;

use crate::support::corpus;

/// A small `.sym` file with all kinds of records.
pub(crate) const SYM: &str = "MODULE windows x86_64 00112233445566778899AABBCCDDEEFF1 acme.pdb\n\
    INFO CODE_ID 12345678 acme.sys\n\
    FILE 0 c:\\acme\\device.cpp\n\
    FILE 1 c:\\acme\\lock.h\n\
    INLINE_ORIGIN 0 acme::Lock::Lock\n\
    INLINE_ORIGIN 1 acme::Spin\n\
    FUNC 1000 100 8 acme::Device::Read\n\
    INLINE 0 41 0 0 1010 20\n\
    INLINE 1 12 1 1 1018 8\n\
    1000 10 40 0\n\
    1010 8 10 1\n\
    1018 8 20 1\n\
    1020 10 11 1\n\
    1030 d0 42 0\n\
    PUBLIC 2000 0 AcmeUnload\n\
    STACK CFI INIT 1000 100 .cfa: $rsp 8 + .ra: .cfa 8 - ^\n\
    STACK CFI 1004 .cfa: $rsp 40 +\n";

fn open(compiled: Compiled) -> DebugFile {
    let Contents::Bytes(bytes) = compiled.contents else {
        panic!("a debug file is compiled");
    };
    DebugFile::open(Arc::new(bytes)).expect("a compiled file")
}

fn debug_file(bytes: &[u8], name: &str) -> DebugFile {
    open(compile(bytes, name).expect("a debug file"))
}

#[test]
fn a_sym_file_answers_with_function_line_and_inlined_calls() {
    let file = debug_file(SYM.as_bytes(), "acme.sym");
    let located = file.lookup(0x101a).unwrap();
    assert_eq!(located.function, "acme::Device::Read");
    assert_eq!(located.function_offset, 0x1a);
    assert_eq!(located.file.as_deref(), Some(r"c:\acme\device.cpp"));
    assert_eq!(located.line, Some(41));
    let inlines: Vec<_> = located
        .inlines
        .iter()
        .map(|inlined| (inlined.function.as_str(), inlined.line))
        .collect();
    assert_eq!(
        inlines,
        [("acme::Spin", Some(20)), ("acme::Lock::Lock", Some(12))]
    );
    let located = file.lookup(0x2004).unwrap();
    assert_eq!((located.function.as_str(), located.line), ("AcmeUnload", None));
    assert_eq!(file.lookup(0x1100), None);
    assert_eq!(file.lookup(0x10), None);
    assert!(file.is_code(0x1000) && !file.is_code(0x1fff));
    assert!(!file.is_code(u64::MAX));
}

#[test]
fn a_pdb_is_known_by_the_age_that_the_image_names() {
    let id = "1C19FDDB27BB3399D9B45973EFEAFCF31";
    let path = format!("symbols/amdppm.pdb/{id}/amdppm.pdb");
    let (Some(pdb), Some(image)) = (
        corpus(&path),
        corpus("symbols/amdppm.sys/c9c030003b000/amdppm.sys"),
    ) else {
        return;
    };
    let (kind, key) = identify(&pdb, r"C:\symbols\amdppm.pdb").unwrap();
    assert_eq!(
        (kind, key.to_string()),
        (SymbolKind::Debug, format!("amdppm.pdb/{id}"))
    );
    let compiled = compile(&image, "amdppm.sys").unwrap();
    assert_eq!(compiled.kind, SymbolKind::Image);
    assert_eq!(compiled.key.canonical(), "amdppm.sys/c9c030003b000");
    assert_eq!(compiled.debug, Some(key));
    assert_eq!(compiled.contents, Contents::AsItIs);
}

/// The places are those of rizin's stack of `triage_x64.dmp`, which it names by this PDB.
#[test]
fn a_pdb_of_microsoft_names_the_functions_that_rizin_names() {
    let path = "symbols/amdppm.pdb/1C19FDDB27BB3399D9B45973EFEAFCF31/amdppm.pdb";
    let Some(pdb) = corpus(path) else {
        return;
    };
    let file = debug_file(&pdb, "amdppm.pdb");
    let located = file.lookup(0x334c).unwrap();
    assert_eq!(located.function, "WriteIoMemRawEx");
}

#[test]
fn a_file_in_a_cab_is_taken_out_of_it() {
    let id = "3249D99D0C4049318610F4E4FB0B69361";
    let folder = "symbols/crash.pdb/3249D99D0C4049318610F4E4FB0B69361";
    let Some(cab) = corpus(&format!("{folder}/crash.pdb")).or_else(|| corpus(&format!("{folder}/crash.pd_")))
    else {
        return;
    };
    assert!(cab.starts_with(b"MSCF"));
    let compiled = compile(&cab, "crash.pd_").unwrap();
    assert_eq!(compiled.key.to_string(), format!("crash.pdb/{id}"));
    let file = open(compiled);
    // Image-relative addresses of Symbolicator's frames.
    let located = file.lookup(0x2a3d).unwrap();
    assert_eq!((located.function.as_str(), located.line), ("main", Some(35)));
    let located = file.lookup(0x2d95).unwrap();
    assert_eq!(
        (located.function.as_str(), located.line),
        ("__scrt_common_main_seh", Some(283))
    );
}
