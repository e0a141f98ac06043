//! Writes an event log: one chunk after the other, each record in plain `BinXml` without templates.
//!
//! Written from the published description of the format (libevtx, "Windows XML Event Log (EVTX)"), and sharing nothing
//! with the reader.
//!
//! ```text
//! file    "ElfFile\0", 0x78 flags, 0x7C CRC of the first 0x78 bytes, chunks from 0x1000 on
//! chunk   "ElfChnk\0", 0x08 first and last number, 0x18 first and last id, 0x28 size of the head (0x80),
//!         0x2C last record, 0x30 free space, 0x34 CRC of the records, 0x7C CRC of the head, records from 0x200 on
//! record  "**\0\0", size, id, FILETIME, BinXml, size again
//! BinXml  0F 01 01 00, elements, 00
//! element 41 (with attributes) or 01, size, name, [size, 06 name 05 01 text …], 02, content, 04
//! name    its own offset in the chunk + 4, then: next (0), hash, length, UTF-16, zero
//! ```

const CHUNK: usize = 0x1_0000;
const RECORDS: usize = 0x200;

/// One event as it is to be written.
pub(super) struct Logged {
    pub(super) record: u64,
    pub(super) id: u32,
    pub(super) provider: &'static str,
    /// RFC 3339.
    pub(super) at: String,
    pub(super) data: Vec<(&'static str, String)>,
}

/// A log with these events, so many to a chunk.
pub(super) fn write(events: &[Logged], per_chunk: usize) -> Vec<u8> {
    let chunks: Vec<_> = events.chunks(per_chunk).map(chunk).collect();
    let mut file = vec![0; 0x1000];
    file[..8].copy_from_slice(b"ElfFile\0");
    put(&mut file, 0x10, &(chunks.len() as u64 - 1).to_le_bytes());
    put(
        &mut file,
        0x18,
        &(events.last().unwrap().record + 1).to_le_bytes(),
    );
    put(&mut file, 0x20, &0x80_u32.to_le_bytes());
    put(&mut file, 0x24, &1_u16.to_le_bytes());
    put(&mut file, 0x26, &3_u16.to_le_bytes());
    put(&mut file, 0x28, &0x1000_u16.to_le_bytes());
    put(&mut file, 0x2A, &(chunks.len() as u16).to_le_bytes());
    let sum = crc(&file[..0x78]);
    put(&mut file, 0x7C, &sum.to_le_bytes());
    file.extend(chunks.concat());
    file
}

fn chunk(events: &[Logged]) -> Vec<u8> {
    let mut chunk = vec![0; RECORDS];
    let mut last = 0;
    for event in events {
        last = chunk.len();
        record(&mut chunk, event);
    }
    let free = chunk.len();
    let ids = [events[0].record, events[events.len() - 1].record];
    chunk[..8].copy_from_slice(b"ElfChnk\0");
    put(&mut chunk, 0x08, &ids.map(u64::to_le_bytes).concat());
    put(&mut chunk, 0x18, &ids.map(u64::to_le_bytes).concat());
    put(&mut chunk, 0x28, &0x80_u32.to_le_bytes());
    put(&mut chunk, 0x2C, &(last as u32).to_le_bytes());
    put(&mut chunk, 0x30, &(free as u32).to_le_bytes());
    let sum = crc(&chunk[RECORDS..free]);
    put(&mut chunk, 0x34, &sum.to_le_bytes());
    let sum = crc(&[&chunk[..0x78], &chunk[0x80..RECORDS]].concat());
    put(&mut chunk, 0x7C, &sum.to_le_bytes());
    chunk.resize(CHUNK, 0);
    chunk
}

fn record(chunk: &mut Vec<u8>, event: &Logged) {
    let start = chunk.len();
    chunk.extend(b"**\0\0\0\0\0\0");
    chunk.extend(event.record.to_le_bytes());
    chunk.extend(133_770_000_000_000_000_u64.to_le_bytes());
    chunk.extend([0x0F, 1, 1, 0]);
    element(chunk, "Event", &[], |chunk| {
        element(chunk, "System", &[], |chunk| {
            element(chunk, "Provider", &[("Name", event.provider)], |_| {});
            element(chunk, "EventID", &[], |chunk| text(chunk, &event.id.to_string()));
            element(chunk, "TimeCreated", &[("SystemTime", &event.at)], |_| {});
        });
        element(chunk, "EventData", &[], |chunk| {
            for (name, value) in &event.data {
                element(chunk, "Data", &[("Name", name)], |chunk| text(chunk, value));
            }
        });
    });
    chunk.push(0);
    let size = (chunk.len() + 4 - start) as u32;
    chunk.extend(size.to_le_bytes());
    put(chunk, start + 4, &size.to_le_bytes());
}

fn element(chunk: &mut Vec<u8>, tag: &str, attributes: &[(&str, &str)], content: impl FnOnce(&mut Vec<u8>)) {
    chunk.push(if attributes.is_empty() { 0x01 } else { 0x41 });
    let size = chunk.len();
    chunk.extend([0; 4]);
    name(chunk, tag);
    if !attributes.is_empty() {
        let list = chunk.len();
        chunk.extend([0; 4]);
        for (key, value) in attributes {
            chunk.push(0x06);
            name(chunk, key);
            text(chunk, value);
        }
        let length = (chunk.len() - list - 4) as u32;
        put(chunk, list, &length.to_le_bytes());
    }
    chunk.push(0x02);
    content(chunk);
    chunk.push(0x04);
    let length = (chunk.len() - size - 4) as u32;
    put(chunk, size, &length.to_le_bytes());
}

fn name(chunk: &mut Vec<u8>, name: &str) {
    let own = (chunk.len() + 4) as u32;
    chunk.extend(own.to_le_bytes());
    chunk.extend([0; 6]);
    chunk.extend((name.len() as u16).to_le_bytes());
    chunk.extend(name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
}

fn text(chunk: &mut Vec<u8>, text: &str) {
    chunk.extend([0x05, 0x01]);
    chunk.extend((text.len() as u16).to_le_bytes());
    chunk.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// CRC-32 as in zip.
fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
