//! Parses any bytes as a kernel dump and reads everything it offers.
//!
//! `cargo +nightly fuzz run parse -- -max_total_time=60`. The input is tried as a file, and as the triage part behind a
//! header of a small dump, because chance alone would rarely get past the signature.

#![no_main]

#[path = "../../crates/kdump/tests/synthetic/walk.rs"]
mod walk;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    walk::walk(data);
    for (signature, dump_type, size) in [(b"PAGEDU64", 0xF98, 0x2000), (b"PAGEDUMP", 0xF88, 0x1000)] {
        walk::walk(&small_dump(data, signature, dump_type, size));
    }
});

/// A header of filler that announces a small dump, and `data` behind it as the triage part.
fn small_dump(data: &[u8], signature: &[u8; 8], dump_type: usize, size: usize) -> Vec<u8> {
    let mut bytes = b"PAGE".repeat(size / 4);
    bytes[..8].copy_from_slice(signature);
    bytes[dump_type..dump_type + 4].copy_from_slice(&4_u32.to_le_bytes());
    let (at, machine): (usize, u32) = if size == 0x2000 { (0x30, 0x8664) } else { (0x20, 0x14C) };
    bytes[at..at + 4].copy_from_slice(&machine.to_le_bytes());
    bytes.extend_from_slice(data);
    bytes
}
