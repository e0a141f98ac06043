//! What symbol files cost: `cargo bench -p analysis --bench symbols`.
//!
//! The files are of the corpus (`STOPCODE_CORPUS`, by default `shared` beside the checkout): `amdppm.pdb` (675 KB) and
//! `test_app.sym` (818 KB, 22,151 lines). Without it invented ones of about that size take their places, and a message
//! says so. The goal is 1 ms for opening a compiled file, whatever its size.

#![expect(clippy::print_stderr, reason = "a benchmark talks to the person who runs it")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use analysis::symbols::{Contents, DebugFile, SymbolBytes, compile};
use divan::{Bencher, black_box};

#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    std::env::var_os("STOPCODE_CORPUS").map_or(default, PathBuf::from)
});

static SYM: LazyLock<Vec<u8>> = LazyLock::new(|| {
    file(
        "test_app.pdb/5A9832E5287241C1838ED98914E9B7FF1/test_app.sym",
        1_000,
    )
});
static PDB: LazyLock<Vec<u8>> =
    LazyLock::new(|| file("amdppm.pdb/1C19FDDB27BB3399D9B45973EFEAFCF31/amdppm.pdb", 1_000));
/// 100,000 functions with stack records and 10 lines each: as large as a browser's or the kernel's.
static LARGE: LazyLock<Vec<u8>> = LazyLock::new(|| invented(100_000));

static COMPILED: LazyLock<SymbolBytes> = LazyLock::new(|| compiled(&SYM));
static COMPILED_LARGE: LazyLock<SymbolBytes> = LazyLock::new(|| {
    let bytes = compiled(&LARGE);
    let (before, after) = (LARGE.len() >> 20, (*bytes).as_ref().len() >> 20);
    eprintln!("the large file: {before} MiB of text, {after} MiB compiled");
    bytes
});

fn file(path: &str, functions: u32) -> Vec<u8> {
    std::fs::read(FOLDER.join("symbols").join(path)).unwrap_or_else(|error| {
        eprintln!("no {path} ({error}); an invented file takes its place");
        invented(functions)
    })
}

fn invented(functions: u32) -> Vec<u8> {
    let mut file =
        "MODULE windows x86 00112233445566778899AABBCCDDEEFF1 a.pdb\nFILE 0 c:\\a\\a.cpp\n".to_owned();
    for index in 0..functions {
        let at = 0x1000 + index * 0x100;
        let _ = writeln!(file, "FUNC {at:x} 100 8 acme::Device{index}::Read");
        for line in 0..10 {
            let _ = writeln!(file, "{:x} 19 {} 0", at + line * 0x19, 10 + line);
        }
    }
    for index in 0..functions {
        let at = 0x1000 + index * 0x100;
        let program = "$T0 $ebp = $eip $T0 4 + ^ = $ebp $T0 ^ = $esp $T0 8 + =";
        let _ = writeln!(file, "STACK WIN 4 {at:x} 100 3 0 8 0 10 0 1 {program}");
    }
    file.into_bytes()
}

fn compiled(bytes: &[u8]) -> SymbolBytes {
    match compile(bytes, "a.pdb").map(|compiled| compiled.contents) {
        Ok(Contents::Bytes(bytes)) => Arc::new(bytes),
        _ => Arc::new(Vec::new()),
    }
}

fn main() {
    divan::main();
}

/// What the goal of 1 ms is about.
#[divan::bench]
fn open(bencher: Bencher<'_, '_>) {
    LazyLock::force(&COMPILED);
    bencher.bench_local(|| DebugFile::open(SymbolBytes::clone(black_box(&COMPILED))));
}

/// The same for a large file.
#[divan::bench]
fn open_large(bencher: Bencher<'_, '_>) {
    LazyLock::force(&COMPILED_LARGE);
    bencher.bench_local(|| DebugFile::open(SymbolBytes::clone(black_box(&COMPILED_LARGE))));
}

/// One address of a large file: function, file, line.
#[divan::bench]
fn lookup_large(bencher: Bencher<'_, '_>) {
    let file = DebugFile::open(COMPILED_LARGE.clone());
    let mut rva = 0_u64;
    bencher.bench_local(move || {
        rva = (rva + 0x9_1234) % 0x180_0000;
        file.as_ref().map(|file| file.lookup(black_box(rva))).ok()
    });
}

/// Whether one address of a large file is code, which a scan asks of every word.
#[divan::bench]
fn is_code_large(bencher: Bencher<'_, '_>) {
    let file = DebugFile::open(COMPILED_LARGE.clone());
    let mut rva = 0_u64;
    bencher.bench_local(move || {
        rva = (rva + 0x9_1234) % 0x180_0000;
        file.as_ref().map(|file| file.is_code(black_box(rva))).ok()
    });
}

/// `amdppm.pdb`.
#[divan::bench]
fn compile_pdb(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| compile(black_box(&PDB), "amdppm.pdb"));
}

/// `test_app.sym`.
#[divan::bench]
fn compile_sym(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| compile(black_box(&SYM), "test_app.sym"));
}

/// The large file.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn compile_large(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| compile(black_box(&LARGE), "a.sym"));
}
