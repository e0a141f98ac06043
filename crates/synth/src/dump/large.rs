//! Dumps that hold memory pages: a header, a page map, and a few pages.
//!
//! Only what a recogniser looks at is real here; the pages hold zeros.

use super::buffer::Buffer;
use super::{DumpDescription, DumpKind, header};

/// Pages behind the header.
pub(super) const PAGES: u32 = 2;

/// The bytes of a dump that is not a small dump.
pub(super) fn write(description: &DumpDescription) -> Vec<u8> {
    let mut file = header::write(description);
    match description.kind {
        DumpKind::BitmapFull => write_bitmap(&mut file, b"FDMP"),
        DumpKind::BitmapKernel => write_bitmap(&mut file, b"SDMP"),
        DumpKind::Summary => write_summary(&mut file),
        DumpKind::DebuggerKernel => write_rdmp(&mut file),
        DumpKind::Full | DumpKind::Triage => {}
    }
    file.append(&vec![0; 0x1000 * PAGES as usize]);
    let file_bytes = file.len() as u64;
    file.put_u64(header::REQUIRED_SPACE, file_bytes);
    file.into_bytes()
}

/// Types 5 and 6: `xDMP` `DUMP`, first page, present pages, bits, bitmap.
fn write_bitmap(file: &mut Buffer, signature: &[u8]) {
    let at = file.len();
    file.append(&[0; 0x38]);
    file.append(&[0b11, 0, 0, 0, 0, 0, 0, 0]); // 64 bits, the first two pages present
    file.align(0x1000);
    let first_page = file.len() as u64;
    file.put(at, signature);
    file.put(at + 4, b"DUMP");
    file.put_u64(at + 0x20, first_page);
    file.put_u64(at + 0x28, u64::from(PAGES));
    file.put_u64(at + 0x30, 64);
}

/// Type 2: the old summary header.
fn write_summary(file: &mut Buffer) {
    let at = file.len();
    file.append(&[0; 0x20]);
    file.align(0x1000);
    let header_bytes = file.end();
    file.put(at, b"SDMPDUMP");
    file.put_u32(at + 0x0C, header_bytes);
    file.put_u32(at + 0x10, 64); // bits
    file.put_u32(at + 0x14, PAGES);
}

/// Types 8, 9 and 0xA: 0x40, `RDMP` `DUMP`, sizes, then pairs of first page and count.
fn write_rdmp(file: &mut Buffer) {
    let at = file.len();
    file.append(&[0; 0x40]);
    file.append(&1u64.to_le_bytes());
    file.append(&u64::from(PAGES).to_le_bytes());
    let first_page = file.len() as u64;
    file.put_u32(at, 0x40);
    file.put(at + 4, b"RDMPDUMP");
    file.put_u64(at + 0x10, first_page - at as u64 - 0x40 + 0x20);
    file.put_u64(at + 0x18, first_page);
}
