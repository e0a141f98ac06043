//! Symbol files that were made to do harm: an error in words or a file with fewer answers, never a panic, and bounded.

use std::fmt::Write;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use analysis::Rules;
use analysis::symbols::{CompileError, Contents, DebugFile, SymbolBytes, compile, identify};
use proptest::prelude::*;
use wire::symbols::SymbolKind;

use crate::support::{Symbols, corpus};
use crate::symbol_files::SYM;

/// A `.sym` file in a cabinet.
const CAB: &str = "symbols/crash.pdb/3249D99D0C4049318610F4E4FB0B69361/crash.pdb";
const PDB: &str = "symbols/amdppm.pdb/1C19FDDB27BB3399D9B45973EFEAFCF31/amdppm.pdb";

/// A cabinet with one stored file; sizes and offsets are as told, not as they are.
fn cab(content: &[u8], claimed: u32, start: u32) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("one block");
    let mut cab = b"MSCF\0\0\0\0".to_vec();
    let total = u32::try_from(0x4b + content.len()).expect("a small cabinet");
    cab.extend_from_slice(&total.to_le_bytes());
    cab.extend_from_slice(&[
        0, 0, 0, 0, 0x2c, 0, 0, 0, 0, 0, 0, 0, 3, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0,
    ]);
    // The folder: its data at 0x43, one block, stored.
    cab.extend_from_slice(&[0x43, 0, 0, 0, 1, 0, 0, 0]);
    cab.extend_from_slice(&claimed.to_le_bytes());
    cab.extend_from_slice(&start.to_le_bytes());
    cab.extend_from_slice(b"\0\0\x6c\x22\xba\x59\x01\0a.sym\0\0");
    cab.resize(0x43, 0);
    cab.extend_from_slice(&[0; 4]);
    cab.extend_from_slice(&length.to_le_bytes());
    cab.extend_from_slice(&length.to_le_bytes());
    cab.extend_from_slice(content);
    cab
}

/// A PDB whose directory lists streams of these sizes, all of them on page 4.
fn pdb_of_streams(sizes: &[u32]) -> Vec<u8> {
    const PAGE: usize = 512;
    let mut directory = u32::try_from(sizes.len()).expect("few").to_le_bytes().to_vec();
    directory.extend(sizes.iter().flat_map(|size| size.to_le_bytes()));
    for size in sizes {
        let pages = usize::try_from(*size).expect("a size").div_ceil(PAGE).min(4096);
        directory.extend(std::iter::repeat_n(4_u32.to_le_bytes(), pages).flatten());
    }
    let pages = directory.len().div_ceil(PAGE);
    let mut pdb = b"Microsoft C/C++ MSF 7.00\r\n\x1a\x44\x53\0\0\0".to_vec();
    let count = u32::try_from(5 + pages).expect("few pages");
    let length = u32::try_from(directory.len()).expect("a small directory");
    for number in [512, 1, count, length, 0, 3] {
        pdb.extend_from_slice(&u32::to_le_bytes(number));
    }
    pdb.resize(3 * PAGE, 0);
    for page in 5..count {
        pdb.extend_from_slice(&page.to_le_bytes());
    }
    pdb.resize(4 * PAGE, 0);
    pdb.resize(5 * PAGE, 0x41);
    pdb.extend_from_slice(&directory);
    pdb.resize(PAGE * (5 + pages), 0);
    pdb
}

fn refusal(bytes: &[u8], name: &str) -> String {
    compile(bytes, name).expect_err("a refusal").to_string()
}

#[test]
fn a_cabinet_that_claims_gigabytes_is_refused_before_it_is_opened() {
    let good = cab(SYM.as_bytes(), u32::try_from(SYM.len()).unwrap(), 0);
    assert_eq!(compile(&good, "a.sy_").unwrap().key.name(), "acme.pdb");
    let started = Instant::now();
    let text = refusal(&cab(b"MODULE ", u32::MAX, 0), "a.sy_");
    assert_eq!(text, "the CAB claims 3 GiB, more than the 512 MiB allowed");
    assert!(refusal(&cab(b"MODULE ", 500 << 20, 0), "a.sy_").contains("fewer bytes than it claims"));
    assert!(refusal(&cab(b"MODULE ", 7, 0xffff_0000), "a.sy_").contains("does not begin where"));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn every_prefix_of_a_cabinet_is_refused() {
    let good = cab(SYM.as_bytes(), u32::try_from(SYM.len()).unwrap(), 0);
    for length in 0..good.len() {
        assert!(compile(&good[..length], "a.sy_").is_err(), "{length}");
    }
}

/// The parser of PDBs would copy a stream of 4 GiB that is one page, a million times.
#[test]
fn a_pdb_whose_streams_share_one_page_is_refused() {
    for sizes in [
        &[0, 0x2000_0000, 0, 0x40][..],
        &[512; 64],
        &[0, u32::MAX - 1, 0, 0],
    ] {
        let text = refusal(&pdb_of_streams(sizes), "a.pdb");
        assert!(text.starts_with("the PDB is damaged: its "), "{text}");
    }
    let text = refusal(&pdb_of_streams(&[0; 4]), "a.pdb");
    assert!(text.contains("too short"), "{text}");
}

#[test]
fn a_pdb_cut_short_anywhere_is_refused_or_answers_less() {
    let Some(pdb) = corpus(PDB) else {
        return;
    };
    for length in (0..pdb.len()).step_by(4099).chain(0..64) {
        match compile(&pdb[..length], "amdppm.pdb") {
            Ok(compiled) => assert!(length > pdb.len() / 2, "{length} {}", compiled.key),
            Err(error) => assert!(error.to_string().len() > 10),
        }
    }
}

#[test]
fn absurd_records_of_a_sym_file_are_refused_or_left_out() {
    const MODULE: &str = "MODULE windows x86 5A9832E5287241C1838ED98914E9B7FF1 a.pdb\n";
    for records in [
        "FUNC ffffffffffffffff ffffffffffffffff ffffffff f\nffffffffffffffff ffffffff 1 1\n",
        "FUNC 1000 ffffffffffffffff 0 f\n1000 ffffffff 4294967295 99999\n",
        "FUNC 1000 10 0 f\n1000 99999999999999999999999 1 1\n",
        "FUNC 1000 10 0 f\nINLINE 4294967295 1 1 1 1000 10\n1000 10 1 1\n",
        "FUNC 1000 10 0 f\nINLINE 0 1 1 1 ffffffffffffffff ffffffffffffffff\n1000 10 1 1\n",
        "PUBLIC ffffffff ffffffff p\nPUBLIC ffffffffffffffff 0 q\n",
        "STACK CFI INIT 0 ffffffff .cfa: $esp 4 +\nSTACK CFI 0 .cfa: .cfa .cfa *\n",
        "STACK WIN 4 0 ffffffff 0 0 4000000 4000000 4000000 0 1 $T0 $T0 ^ ^ ^ ^ =\n",
        "FILE 99999999999999999999 x\nFUNC\nSTACK\nINLINE\n",
        "\0\0\0\0\n\u{ffff}\n",
    ] {
        let file = format!("{MODULE}{records}");
        if let Ok(compiled) = compile(file.as_bytes(), "a.sym") {
            questioned(compiled.contents);
        }
    }
}

#[test]
fn inlined_calls_ten_thousand_deep_are_bounded() {
    let mut file =
        "MODULE windows x86 5A9832E5287241C1838ED98914E9B7FF1 a.pdb\nFILE 0 a.c\nINLINE_ORIGIN 0 g\n\
                    FUNC 1000 100000 0 f\n"
            .to_owned();
    for depth in 0..10_000 {
        writeln!(file, "INLINE {depth} 1 0 0 1000 100000").unwrap();
    }
    file.push_str("1000 100000 7 0\n");
    let Contents::Bytes(bytes) = compile(file.as_bytes(), "a.sym").unwrap().contents else {
        panic!("a debug file is compiled");
    };
    let located = DebugFile::open(Arc::new(bytes)).unwrap().lookup(0x1000);
    assert!(located.is_none_or(|located| located.inlines.len() <= 129));
}

#[test]
fn a_name_that_climbs_is_refused() {
    let error = compile(b"MODULE windows x86 5A98 ../../../etc/passwd\n", "a.sym").unwrap_err();
    assert!(matches!(error, CompileError::Key { .. }), "{error}");
    let Some(pdb) = corpus(PDB) else {
        return;
    };
    for name in ["..", "", "a\0b", "x/.."] {
        assert!(
            matches!(identify(&pdb, name), Err(CompileError::Key { .. })),
            "{name:?}"
        );
    }
}

/// Asks a compiled file everything, here and there; wrong answers are allowed.
fn questioned(contents: Contents) {
    let Contents::Bytes(bytes) = contents else { return };
    let bytes: SymbolBytes = Arc::new(bytes);
    if let Ok(file) = DebugFile::open(bytes) {
        for rva in (0..0x4000)
            .step_by(0x333)
            .chain([0, 0x101a, u64::MAX, u64::from(u32::MAX)])
        {
            let _ = file.is_code(rva);
            let _ = file.parameter_bytes(rva);
            if let Some(located) = file.lookup(rva) {
                assert!(located.function.chars().count() <= 512);
                assert!(located.inlines.len() <= 129);
            }
        }
    }
}

static COMPILED: LazyLock<Vec<u8>> = LazyLock::new(|| match compile(SYM.as_bytes(), "acme.sym") {
    Ok(compiled) => match compiled.contents {
        Contents::Bytes(bytes) => bytes,
        Contents::AsItIs => Vec::new(),
    },
    Err(_) => Vec::new(),
});
static CABINET: LazyLock<Option<Vec<u8>>> = LazyLock::new(|| corpus(CAB));
static MINIDUMP: LazyLock<Option<Vec<u8>>> = LazyLock::new(|| corpus("dumps/user/minidump2.dmp"));
static TEST_APP: LazyLock<Option<Vec<u8>>> = LazyLock::new(|| {
    let sym = corpus("symbols/test_app.pdb/5A9832E5287241C1838ED98914E9B7FF1/test_app.sym")?;
    match compile(&sym, "test_app.sym").ok()?.contents {
        Contents::Bytes(bytes) => Some(bytes),
        Contents::AsItIs => None,
    }
});
static PROGRAM_DATABASE: LazyLock<Option<Vec<u8>>> = LazyLock::new(|| corpus(PDB));

#[test]
fn every_prefix_of_a_compiled_file_is_refused() {
    for length in 0..COMPILED.len().saturating_sub(8) {
        let bytes: SymbolBytes = Arc::new(COMPILED[..length].to_vec());
        assert!(DebugFile::open(bytes).is_err(), "{length}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_damaged_byte_of_a_compiled_file_does_harm(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)
    ) {
        let mut bytes = COMPILED.clone();
        for (index, byte) in damage {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        questioned(Contents::Bytes(bytes));
    }

    #[test]
    fn no_damaged_byte_of_a_sym_file_does_harm(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)
    ) {
        let mut bytes = SYM.as_bytes().to_vec();
        for (index, byte) in damage {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(compiled) = compile(&bytes, "acme.sym") {
            questioned(compiled.contents);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_damaged_byte_of_a_real_cabinet_does_harm(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)
    ) {
        let Some(mut bytes) = CABINET.clone() else { return Ok(()) };
        for (index, byte) in damage {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(compiled) = compile(&bytes, "crash.pd_") {
            questioned(compiled.contents);
        }
    }

    #[test]
    fn no_damaged_byte_of_a_pdb_does_harm(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..200)
    ) {
        let Some(mut bytes) = PROGRAM_DATABASE.clone() else { return Ok(()) };
        for (index, byte) in damage {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(compiled) = compile(&bytes, "amdppm.pdb") {
            questioned(compiled.contents);
        }
    }

    /// The evaluator of stack records is given what the damaged file says of them.
    #[test]
    fn no_damaged_stack_record_does_harm_to_a_walk(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4000)
    ) {
        let (Some(dump), Some(sym)) = (MINIDUMP.as_ref(), TEST_APP.as_ref()) else { return Ok(()) };
        let mut sym = sym.clone();
        for (index, byte) in damage {
            let at = index.index(sym.len());
            // Digits, operators and registers of the programs.
            sym[at] = b" 0189abcdef+-*/%^=@$"[usize::from(byte) % 20];
        }
        let key = "test_app.pdb/5A9832E5287241C1838ED98914E9B7FF1";
        let symbols = Symbols::default().with_bytes(SymbolKind::Debug, key, sym);
        let report = analysis::analyze_with(dump, &mut { symbols }, &Rules::default());
        prop_assert!(report.is_ok_and(|report| report.frames.len() <= 256));
    }
}
