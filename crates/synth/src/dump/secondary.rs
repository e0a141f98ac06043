//! Secondary data: the chain of tagged blobs behind `SizeOfDump`.
//!
//! Real chains hold personal data, so these do too: made-up marks that a test can look for in whatever a server shows.

use super::buffer::{Buffer, offset_of, utf16};
use super::{DumpDescription, SystemMaker, Writer};

/// A "user name" that stands in every event-log blob: nothing that a server shows may hold it.
pub const PERSONAL_MARKER: &str = "synthetic.person";

/// A "serial number" that stands in every SMBIOS blob: nothing that a server shows may hold it.
pub const SERIAL_MARKER: &str = "SYNTH-SERIAL-0001";

/// Tag of SMBIOS, bc5c008f-1e3a-44d7-988d-86f6884c6758, as in the file.
const SMBIOS: [u8; 16] = *b"\x8f\x00\x5c\xbc\x3a\x1e\xd7\x44\x98\x8d\x86\xf6\x88\x4c\x67\x58";
/// Tag of event-log buffers, 2b88b710-1c93-4f7c-b06c-655ecc50decc.
const EVENT_LOG: [u8; 16] = *b"\x10\xb7\x88\x2b\x93\x1c\x7c\x4f\xb0\x6c\x65\x5e\xcc\x50\xde\xcc";
/// Tag of the CPU's description, 6c7ac389-4313-47dc-9f34-a8800a0fb56c.
const CPU_DESCRIPTION: [u8; 16] = *b"\x89\xc3\x7a\x6c\x13\x43\xdc\x47\x9f\x34\xa8\x80\x0a\x0f\xb5\x6c";

/// One blob of the secondary data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Tag GUID in file order.
    pub tag: [u8; 16],
    /// Its bytes.
    pub data: Vec<u8>,
}

/// The chain of the dump's blobs, from the `DumpBlob` header to the end of the file.
pub(super) fn chain(description: &DumpDescription) -> Vec<u8> {
    let mut chain = Buffer::default();
    chain.append(b"DumpBlob");
    chain.append(&0x10u32.to_le_bytes());
    chain.append(&(0xF000_0000 + description.build).to_le_bytes());
    for blob in blobs(description) {
        let padding = match description.writer {
            Writer::Converted => blob.data.len().next_multiple_of(8) - blob.data.len(),
            Writer::KernelWritten => 0,
        };
        chain.append(&0x20u32.to_le_bytes());
        chain.append(&blob.tag);
        chain.append(&offset_of(blob.data.len()).to_le_bytes());
        chain.append(&0u32.to_le_bytes()); // PrePad
        chain.append(&offset_of(padding).to_le_bytes());
        chain.append(&blob.data);
        chain.append(&vec![0; padding]);
    }
    if description.writer == Writer::KernelWritten {
        chain.append(&[0; 0x20]);
        // What the disk held before: a reader must not take it for a blob.
        chain.append(&b"\x07stale\x99".repeat(150));
    }
    chain.into_bytes()
}

fn blobs(description: &DumpDescription) -> Vec<Blob> {
    let mut blobs = vec![Blob {
        tag: CPU_DESCRIPTION,
        data: utf16("~MHz ProcessorNameString Synthetic CPU @ 2.60GHz"),
    }];
    if let Some(system) = &description.system {
        blobs.push(Blob {
            tag: SMBIOS,
            data: smbios(system),
        });
    }
    blobs.extend(description.blobs.iter().cloned());
    blobs.push(Blob {
        tag: EVENT_LOG,
        data: utf16(&format!("C:\\Users\\{PERSONAL_MARKER}\\Desktop\\notes.txt")),
    });
    blobs
}

/// A raw SMBIOS table: 8 bytes of header (version 2.5, length), then BIOS, system and end structures.
fn smbios(system: &SystemMaker) -> Vec<u8> {
    let mut table = Buffer::default();
    let mut bios = [0u8; 0x14];
    bios[..4].copy_from_slice(&[0, 0x14, 0, 0]);
    bios[4..6].copy_from_slice(&[1, 2]); // vendor and version: strings 1 and 2
    bios[8] = 3; // release date: string 3
    table.append(&bios);
    table.append(b"Synthetic BIOS\x001.20\x0001/31/2024\0\0");
    let mut maker = [0u8; 0x1B];
    maker[..4].copy_from_slice(&[1, 0x1B, 1, 0]);
    maker[4..8].copy_from_slice(&[1, 2, 3, 4]); // manufacturer, product, version, serial number
    table.append(&maker);
    for text in [&system.manufacturer, &system.model, "1.0", SERIAL_MARKER] {
        table.append(text.as_bytes());
        table.append(&[0]);
    }
    table.append(&[0]);
    table.append(&[127, 4, 2, 0, 0, 0]);
    let mut raw = Buffer::default();
    raw.append(&[0, 2, 5, 0]);
    raw.append(&table.end().to_le_bytes());
    raw.append(table.as_slice());
    raw.into_bytes()
}
