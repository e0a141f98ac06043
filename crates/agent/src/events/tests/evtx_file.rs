//! Writes an event log: one chunk after the other, each record in `BinXml`, plain or as a template with typed values as
//! Windows writes it.
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
//!         in a template: FF FF before each size, and 0D, index, type in place of a text
//! template 0C 01, id, offset of what follows, next (0), GUID, size, 0F 01 01 00 elements 00,
//!         count, then of each value its size, type and 0, then the values
//! name    its own offset in the chunk + 4, then: next (0), hash, length, UTF-16, zero
//! ```

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const CHUNK: usize = 0x1_0000;
const RECORDS: usize = 0x200;

/// One event as it is to be written.
pub(super) struct Logged {
    pub(super) record: u64,
    pub(super) id: u16,
    pub(super) provider: &'static str,
    pub(super) at: OffsetDateTime,
    pub(super) data: Vec<(&'static str, Data)>,
}

/// A value with its type.
#[derive(Debug, Clone)]
pub(super) enum Data {
    Text(String),
    Id(u16),
    Number(u32),
    Address(u64),
    Time(OffsetDateTime),
}

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Template,
}

impl Data {
    fn text(&self) -> String {
        match self {
            Data::Text(text) => text.clone(),
            Data::Id(number) => number.to_string(),
            Data::Number(number) => number.to_string(),
            Data::Address(number) => format!("{number:#x}"),
            Data::Time(time) => time.format(&Rfc3339).unwrap(),
        }
    }

    /// Type and bytes.
    fn typed(&self) -> (u8, Vec<u8>) {
        match self {
            Data::Text(text) => (0x01, text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            Data::Id(number) => (0x06, number.to_le_bytes().to_vec()),
            Data::Number(number) => (0x08, number.to_le_bytes().to_vec()),
            Data::Address(number) => (0x15, number.to_le_bytes().to_vec()),
            Data::Time(time) => {
                let steps =
                    u64::try_from(time.unix_timestamp()).unwrap() * 10_000_000 + 116_444_736_000_000_000;
                (0x11, steps.to_le_bytes().to_vec())
            }
        }
    }
}

/// A log with these events, so many to a chunk.
pub(super) fn write(events: &[Logged], form: Form, per_chunk: usize) -> Vec<u8> {
    let chunks: Vec<_> = events
        .chunks(per_chunk)
        .map(|events| chunk(events, form))
        .collect();
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

fn chunk(events: &[Logged], form: Form) -> Vec<u8> {
    let mut chunk = vec![0; RECORDS];
    let mut last = 0;
    for event in events {
        last = chunk.len();
        record(&mut chunk, event, form);
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

fn record(chunk: &mut Vec<u8>, event: &Logged, form: Form) {
    let start = chunk.len();
    chunk.extend(b"**\0\0\0\0\0\0");
    chunk.extend(event.record.to_le_bytes());
    chunk.extend(133_770_000_000_000_000_u64.to_le_bytes());
    chunk.extend([0x0F, 1, 1, 0]);
    match form {
        Form::Plain => {
            let mut xml = Xml { chunk, values: None };
            xml.event(event);
        }
        Form::Template => template(chunk, event),
    }
    chunk.push(0);
    let size = (chunk.len() + 4 - start) as u32;
    chunk.extend(size.to_le_bytes());
    put(chunk, start + 4, &size.to_le_bytes());
}

fn template(chunk: &mut Vec<u8>, event: &Logged) {
    chunk.extend([0x0C, 1]);
    chunk.extend((event.record as u32).to_le_bytes());
    let own = (chunk.len() + 4) as u32;
    chunk.extend(own.to_le_bytes());
    chunk.extend([0; 4]);
    chunk.extend([event.record as u8; 16]);
    let size = chunk.len();
    chunk.extend([0; 4]);
    chunk.extend([0x0F, 1, 1, 0]);
    let mut xml = Xml {
        chunk: &mut *chunk,
        values: Some(Vec::new()),
    };
    xml.event(event);
    let values = xml.values.unwrap();
    chunk.push(0);
    let length = (chunk.len() - size - 4) as u32;
    put(chunk, size, &length.to_le_bytes());
    chunk.extend((values.len() as u32).to_le_bytes());
    for (kind, bytes) in &values {
        chunk.extend((bytes.len() as u16).to_le_bytes());
        chunk.extend([*kind, 0]);
    }
    for (_, bytes) in values {
        chunk.extend(bytes);
    }
}

/// Elements that are being written; in a template the values are collected.
struct Xml<'a> {
    chunk: &'a mut Vec<u8>,
    values: Option<Vec<(u8, Vec<u8>)>>,
}

impl Xml<'_> {
    fn event(&mut self, event: &Logged) {
        self.element("Event", &[], |xml| {
            xml.element("System", &[], |xml| {
                xml.element(
                    "Provider",
                    &[("Name", Data::Text(event.provider.to_owned()))],
                    |_| {},
                );
                xml.element("EventID", &[], |xml| xml.value(&Data::Id(event.id)));
                xml.element("TimeCreated", &[("SystemTime", Data::Time(event.at))], |_| {});
            });
            xml.element("EventData", &[], |xml| {
                for (name, value) in &event.data {
                    let name = Data::Text((*name).to_owned());
                    xml.element("Data", &[("Name", name)], |xml| xml.value(value));
                }
            });
        });
    }

    fn element(&mut self, tag: &str, attributes: &[(&str, Data)], content: impl FnOnce(&mut Self)) {
        self.chunk.push(if attributes.is_empty() { 0x01 } else { 0x41 });
        if self.values.is_some() {
            self.chunk.extend([0xFF, 0xFF]);
        }
        let size = self.chunk.len();
        self.chunk.extend([0; 4]);
        name(self.chunk, tag);
        if !attributes.is_empty() {
            let list = self.chunk.len();
            self.chunk.extend([0; 4]);
            for (key, value) in attributes {
                self.chunk.push(0x06);
                name(self.chunk, key);
                // The reader names values by this attribute, as Windows does: it is never substituted.
                match (*key, value) {
                    ("SystemTime", value) => self.value(value),
                    (_, value) => text(self.chunk, &value.text()),
                }
            }
            let length = (self.chunk.len() - list - 4) as u32;
            put(self.chunk, list, &length.to_le_bytes());
        }
        self.chunk.push(0x02);
        content(self);
        self.chunk.push(0x04);
        let length = (self.chunk.len() - size - 4) as u32;
        put(self.chunk, size, &length.to_le_bytes());
    }

    fn value(&mut self, value: &Data) {
        let Some(values) = &mut self.values else {
            return text(self.chunk, &value.text());
        };
        let (kind, bytes) = value.typed();
        self.chunk.push(0x0D);
        self.chunk.extend((values.len() as u16).to_le_bytes());
        self.chunk.push(kind);
        values.push((kind, bytes));
    }
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
