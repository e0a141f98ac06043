//! How long a report takes, from bytes in memory with symbol files at hand: `cargo bench -p analysis --bench walk`.
//!
//! The corpus is read from `STOPCODE_CORPUS`, by default `shared` beside the checkout; without it a synthetic dump
//! takes its place, for which there are no symbol files, and a message says so. The goal is 3 ms on one core for
//! `kernel_dump_with_symbols`: `triage_x64.dmp` (1.4 MB, 151 drivers, two of them with their files).

#![expect(clippy::print_stderr, reason = "a benchmark talks to the person who runs it")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use analysis::symbols::{Contents, NoSymbols, SymbolBytes, SymbolSource, Wanted, compile};
use divan::{Bencher, black_box};
use synth::scenarios::{self, Scene};

#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    std::env::var_os("STOPCODE_CORPUS").map_or(default, PathBuf::from)
});

static DUMP: LazyLock<Vec<u8>> = LazyLock::new(|| {
    std::fs::read(FOLDER.join("dumps/kernel/triage_x64.dmp")).unwrap_or_else(|error| {
        eprintln!("no real dump ({error}); a synthetic one without symbol files takes its place");
        scenarios::thread_exception(&Scene::sample(1)).to_bytes()
    })
});

static SYMBOLS: LazyLock<Warm> = LazyLock::new(|| {
    let names = [
        "amdppm.sys/c9c030003b000/amdppm.sys",
        "amdppm.pdb/1C19FDDB27BB3399D9B45973EFEAFCF31/amdppm.pdb",
        "Wdf01000.sys/a9a9d36ed1000/Wdf01000.sys",
    ];
    let read = |name: &str| std::fs::read(FOLDER.join("symbols").join(name)).ok();
    let files = names.into_iter().filter_map(|name| opened(name, read(name)?));
    Warm(files.collect())
});

/// A file as a cache holds it, with its key.
fn opened(path: &str, bytes: Vec<u8>) -> Option<(String, SymbolBytes)> {
    let name = path.rsplit('/').next()?;
    let compiled = compile(&bytes, name).ok()?;
    let bytes: SymbolBytes = match compiled.contents {
        Contents::AsItIs => Arc::new(bytes),
        Contents::Bytes(bytes) => Arc::new(bytes),
    };
    Some((compiled.key.canonical(), bytes))
}

/// Symbol files in memory.
#[derive(Clone)]
struct Warm(HashMap<String, SymbolBytes>);

impl SymbolSource for Warm {
    fn find(&mut self, wanted: &[Wanted]) -> Vec<Option<SymbolBytes>> {
        let find = |wanted: &Wanted| self.0.get(&wanted.key.canonical()).cloned();
        wanted.iter().map(find).collect()
    }
}

fn main() {
    divan::main();
}

/// What the goal of 3 ms is about.
#[divan::bench]
fn kernel_dump_with_symbols(bencher: Bencher<'_, '_>) {
    let mut symbols = SYMBOLS.clone();
    bencher.bench_local(|| {
        analysis::analyze_with(black_box(&DUMP), &mut symbols, &analysis::Rules::default())
            .map(|report| report.frames.len())
    });
}

/// The same by scanning alone.
#[divan::bench]
fn kernel_dump_without_symbols(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| {
        analysis::analyze_with(black_box(&DUMP), &mut NoSymbols, &analysis::Rules::default())
            .map(|report| report.frames.len())
    });
}
