//! How long reading a small dump takes: `cargo bench -p kdump`.
//!
//! The corpus is read from `STOPCODE_CORPUS`, by default `shared` beside the checkout; without it a synthetic dump of
//! about the same size takes its place, and a message says so. The goal is 60 µs for `parse_and_visit_drivers` of
//! `triage_x64.dmp` (1.4 MB, 151 drivers, 1,831 data blocks).
//!
//! `lies` puts counts of 2³²-1 into the same dump: time and memory must not follow them.

#![expect(clippy::print_stderr, reason = "a benchmark talks to the person who runs it")]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use divan::{Bencher, black_box};
use kdump::{Address, Dump};
use synth::dump::Writer;
use synth::scenarios::{self, Scene};

#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

static DUMP: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let corpus = std::env::var_os("STOPCODE_CORPUS").map_or(default, PathBuf::from);
    std::fs::read(corpus.join("dumps/kernel/triage_x64.dmp")).unwrap_or_else(|error| {
        eprintln!("no real dump ({error}); a synthetic one takes its place");
        let mut description =
            scenarios::locked_pages_at_exit(&Scene::sample(1).written_by(Writer::Converted));
        description.filler_blocks = 1831;
        description.to_bytes()
    })
});

/// The dump with every count of `TRIAGE_DUMP64` at its largest.
static LYING_DUMP: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut bytes = DUMP.clone();
    for count in [0x2034, 0x207C] {
        if let Some(field) = bytes.get_mut(count..count + 4) {
            field.fill(0xFF);
        }
    }
    bytes
});

fn main() {
    divan::main();
}

#[divan::bench]
fn recognise() -> bool {
    kdump::recognise(black_box(&DUMP)).is_ok()
}

#[divan::bench]
fn parse() -> usize {
    Dump::parse(black_box(&DUMP)).map_or(0, |dump| dump.warnings().len())
}

/// What the goal of 60 µs is about: every driver with its name as a string.
#[divan::bench]
fn parse_and_visit_drivers() -> usize {
    visit_drivers(black_box(&DUMP))
}

#[divan::bench]
fn parse_and_visit_drivers_of_lies() -> usize {
    visit_drivers(black_box(&LYING_DUMP))
}

/// Memory is indexed at the first read.
#[divan::bench]
fn parse_and_read_memory() -> usize {
    read_memory(black_box(&DUMP))
}

#[divan::bench]
fn parse_and_read_memory_of_lies() -> usize {
    read_memory(black_box(&LYING_DUMP))
}

/// One read of eight bytes after the index is built.
#[divan::bench]
fn read_u64(bencher: Bencher<'_, '_>) {
    let Ok(dump) = Dump::parse(&DUMP) else { return };
    let Some(stack) = dump.stack() else { return };
    let _ = dump.memory().read_u64(stack.base);
    bencher.bench_local(|| dump.memory().read_u64(black_box(stack.base)));
}

fn visit_drivers(bytes: &[u8]) -> usize {
    let Ok(dump) = Dump::parse(bytes) else { return 0 };
    dump.drivers()
        .filter_map(|driver| driver.base_name())
        .map(|name| black_box(name.decode()).len())
        .sum()
}

fn read_memory(bytes: &[u8]) -> usize {
    let Ok(dump) = Dump::parse(bytes) else { return 0 };
    let _ = black_box(dump.memory().read_u64(Address(0x1000)));
    dump.memory().regions().len()
}
