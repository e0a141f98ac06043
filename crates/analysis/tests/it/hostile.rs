//! Files that were made to do harm: nothing panics, and nothing grows beyond its bounds.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use synth::scenarios::{self, Scene};

/// A minidump in the making: header, then parts, then the directory.
struct Minidump {
    bytes: Vec<u8>,
    streams: Vec<[u32; 3]>,
}

impl Minidump {
    fn new() -> Self {
        let mut bytes = vec![0; 32];
        bytes[..4].copy_from_slice(b"MDMP");
        bytes[4..8].copy_from_slice(&0xa793_u32.to_le_bytes());
        Minidump {
            bytes,
            streams: Vec::new(),
        }
    }

    fn append(&mut self, part: &[u8]) -> u32 {
        let at = size(&self.bytes);
        self.bytes.extend_from_slice(part);
        at
    }

    fn stream(&mut self, kind: u32, part: &[u8]) {
        let at = self.append(part);
        self.streams.push([kind, size(part), at]);
    }

    fn finish(mut self) -> Vec<u8> {
        let at = size(&self.bytes);
        let count = size(&self.streams);
        self.bytes[8..12].copy_from_slice(&count.to_le_bytes());
        self.bytes[12..16].copy_from_slice(&at.to_le_bytes());
        for number in self.streams.clone().into_iter().flatten() {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
        self.bytes
    }
}

/// The length as minidumps write it.
fn size<T>(part: &[T]) -> u32 {
    u32::try_from(part.len()).expect("a test file is small")
}

const STACK_AT: u64 = 0x7fff_0000;
const MODULE_AT: u64 = 0x1_4000_0000;

/// x64 Windows.
fn system_info() -> Vec<u8> {
    let mut bytes = vec![0; 56];
    bytes[..2].copy_from_slice(&9_u16.to_le_bytes());
    bytes[6] = 4;
    bytes[8] = 10;
    bytes[20..24].copy_from_slice(&2_u32.to_le_bytes());
    bytes
}

/// A `CONTEXT` of x64 whose stack pointer is at the start of the stack.
fn context() -> Vec<u8> {
    let mut bytes = vec![0; 0x4d0];
    bytes[0x30..0x34].copy_from_slice(&0x0010_001f_u32.to_le_bytes());
    bytes[0x98..0xa0].copy_from_slice(&STACK_AT.to_le_bytes());
    bytes[0xf8..0x100].copy_from_slice(&(MODULE_AT + 0x1234).to_le_bytes());
    bytes
}

/// One module of 64 KiB that covers every address on the stack.
fn module(name_at: u32) -> Vec<u8> {
    let mut bytes = vec![0; 4 + 108];
    bytes[0] = 1;
    bytes[4..12].copy_from_slice(&MODULE_AT.to_le_bytes());
    bytes[12..16].copy_from_slice(&0x1_0000_u32.to_le_bytes());
    bytes[24..28].copy_from_slice(&name_at.to_le_bytes());
    bytes
}

/// Threads that all share the stack at `stack_at` in the file.
fn threads(count: u32, stack_at: u32, stack_bytes: u32, context_at: u32) -> Vec<u8> {
    let mut bytes = count.to_le_bytes().to_vec();
    for id in 0..count {
        let mut thread = [0; 48];
        thread[..4].copy_from_slice(&id.to_le_bytes());
        thread[24..32].copy_from_slice(&STACK_AT.to_le_bytes());
        for (at, number) in [(32, stack_bytes), (36, stack_at), (40, 0x4d0), (44, context_at)] {
            thread[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&thread);
    }
    bytes
}

/// A dump whose threads all have the same stack, filled with `word`.
fn shared_stack(count: u32, word: u64) -> Vec<u8> {
    let stack: Vec<u8> = (0..131_072_u64).flat_map(|_| word.to_le_bytes()).collect();
    with_stack(count, &stack)
}

fn with_stack(count: u32, stack: &[u8]) -> Vec<u8> {
    let mut dump = Minidump::new();
    let stack_at = dump.append(stack);
    let context_at = dump.append(&context());
    let name_at = dump.append(b"\x0a\0\0\0e\0v\0i\0l\0.\0\0\0");
    dump.stream(7, &system_info());
    dump.stream(4, &module(name_at));
    dump.stream(3, &threads(count, stack_at, size(stack), context_at));
    let mut exception = vec![0; 168];
    exception[8..12].copy_from_slice(&0xc000_0005_u32.to_le_bytes());
    dump.stream(6, &exception);
    dump.finish()
}

/// minidump-processor alone walks 524,280 frames of this file in 928 MiB: eight threads share one stack of 1 MiB, and
/// every word on it is a frame.
#[test]
fn eight_threads_that_share_one_stack_are_walked_within_bounds() {
    let dump = shared_stack(8, MODULE_AT + 0x2000);
    let started = Instant::now();
    let report = analysis::analyze(&dump).unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(report.frames.len(), 256);
    assert_eq!(report.threads.len(), 8);
    let others: usize = report.threads.iter().map(|thread| thread.frames.len()).sum();
    assert_eq!(others, 7 * 32);
}

/// Frames outside every module are not asked about, so they are bounded by the bytes of the stack and in all.
#[test]
fn a_chain_of_frame_pointers_outside_every_module_is_walked_within_bounds() {
    let stack: Vec<u8> = (0..65_536_u64)
        .flat_map(|index| [STACK_AT + 16 * (index + 1), 0x5555_0000_1234])
        .flat_map(u64::to_le_bytes)
        .collect();
    let mut dump = with_stack(128, &stack);
    // The frame pointer of the one context that all threads share.
    let context_at = 32 + stack.len();
    dump[context_at + 0xa0..context_at + 0xa8].copy_from_slice(&STACK_AT.to_le_bytes());
    let started = Instant::now();
    let report = analysis::analyze(&dump).unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(report.frames.len(), 256);
}

#[test]
fn ten_thousand_threads_are_cut_to_those_that_matter() {
    let dump = shared_stack(10_000, 0);
    let report = analysis::analyze(&dump).unwrap();
    assert_eq!(report.threads.len(), 128);
    assert!(
        report
            .warnings
            .iter()
            .any(|warning| warning.contains("9872 threads")),
        "{:?}",
        report.warnings
    );
}

#[test]
fn a_million_threads_are_refused_in_words() {
    let text = analysis::analyze(&shared_stack(100_000, 0))
        .unwrap_err()
        .to_string();
    assert!(text.contains("100000"), "{text}");
}

#[test]
fn no_prefix_of_a_kernel_dump_does_harm() {
    let dump = scenarios::left_locked_pages_tracker(&Scene::sample(3)).to_bytes();
    for length in (0..dump.len()).step_by(997) {
        if let Err(error) = analysis::analyze(&dump[..length]) {
            assert!(error.to_string().starts_with("this "), "{error}");
        }
    }
}

#[test]
fn no_prefix_of_a_minidump_does_harm() {
    let dump = with_stack(3, &[0x11; 4096]);
    for length in 0..dump.len() {
        if let Err(error) = analysis::analyze(&dump[..length]) {
            assert!(error.to_string().starts_with("this "), "{error}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_damaged_byte_of_a_minidump_does_harm(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)
    ) {
        let mut dump = with_stack(3, &[0x11; 512]);
        for (index, byte) in damage {
            let at = index.index(dump.len());
            dump[at] = byte;
        }
        let _ = analysis::analyze(&dump);
    }

    #[test]
    fn no_damaged_byte_of_a_kernel_dump_does_harm(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)
    ) {
        let mut dump = scenarios::irql_in_driver(&Scene::sample(3)).to_bytes();
        for (index, byte) in damage {
            // The tables at the front decide how the rest is read.
            let at = index.index(dump.len().min(0x6000));
            dump[at] = byte;
        }
        let _ = analysis::analyze(&dump);
    }

    #[test]
    fn no_bytes_behind_a_signature_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        for signature in [&b"MDMP\x93\xa7\0\0"[..], b"PAGEDU64", b"PAGEDUMP"] {
            let mut dump = signature.to_vec();
            dump.extend_from_slice(&bytes);
            let _ = analysis::analyze(&dump);
        }
    }
}
