//! The small dump: header, triage part and secondary data, laid out one after the other.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::buffer::{Buffer, offset_of};
use super::header::KernelAddresses;
use super::{DataBlock, DataBlockWidth, DumpDescription, Writer, header, kernel_blocks, modules, secondary};

/// Offsets of the blocks, as they go into `TRIAGE_DUMP`.
#[derive(Debug, Default)]
struct Offsets {
    mm: u32,
    unloaded: u32,
    prcb: u32,
    process: u32,
    thread: u32,
    stack: u32,
    debugger: u32,
    drivers: u32,
    names: u32,
    names_size: u32,
    blocks: u32,
    blocks_count: u32,
    size_of_dump: u32,
}

/// The bytes of a small dump.
pub(super) fn write(description: &DumpDescription) -> Vec<u8> {
    let mut file = header::write(description);
    let mut offsets = Offsets::default();
    let triage_bytes = if description.cpu.is_64_bit() { 0x80 } else { 0x68 };
    file.append(&vec![0; triage_bytes]);
    append_kernel_blocks(&mut file, description, &mut offsets);
    append_drivers(&mut file, description, &mut offsets);
    append_data_blocks(&mut file, description, &mut offsets);
    append_end_mark(&mut file, description.writer, &mut offsets);
    write_triage_block(&mut file, description, &offsets);
    file.append(&secondary::chain(description));
    let file_bytes = file.len() as u64;
    let required = match description.writer {
        Writer::KernelWritten => file_bytes,
        // The space of the large dump that it was converted from.
        Writer::Converted => file_bytes + 0x3_0000_0000,
    };
    file.put_u64(header::REQUIRED_SPACE, required);
    file.into_bytes()
}

fn append_kernel_blocks(file: &mut Buffer, description: &DumpDescription, offsets: &mut Offsets) {
    offsets.mm = file.append(&kernel_blocks::mm_block());
    if description.writer == Writer::Converted {
        offsets.unloaded = file.append(&modules::unloaded_list(description));
        file.align(8);
    }
    offsets.prcb = file.append(&kernel_blocks::prcb(description));
    offsets.process = file.append(&kernel_blocks::process(description));
    offsets.thread = file.append(&kernel_blocks::thread(description));
    offsets.stack = file.append(&description.stack.bytes);
    file.align(8);
    offsets.debugger = file.append(&kernel_blocks::debugger_data(description));
    if description.writer == Writer::KernelWritten {
        offsets.unloaded = file.append(&modules::unloaded_list(description));
        file.align(8);
    }
}

fn append_drivers(file: &mut Buffer, description: &DumpDescription, offsets: &mut Offsets) {
    let list = modules::driver_list(description, file.len());
    offsets.drivers = file.append(&list.entries);
    offsets.names = file.append(&list.names);
    offsets.names_size = offset_of(list.names.len());
    file.align(8);
}

/// The table and, directly after it, the pieces in the table's order.
fn append_data_blocks(file: &mut Buffer, description: &DumpDescription, offsets: &mut Offsets) {
    let blocks = data_blocks(description);
    let address_bytes = match description.data_block_width {
        DataBlockWidth::Twelve if !description.cpu.is_64_bit() => 4,
        _ => 8,
    };
    offsets.blocks = file.end();
    offsets.blocks_count = offset_of(blocks.len());
    let mut data_at = file.len() + (address_bytes + 8) * blocks.len();
    for block in &blocks {
        file.append(&block.address.to_le_bytes()[..address_bytes]);
        file.append(&offset_of(data_at).to_le_bytes());
        file.append(&offset_of(block.bytes.len()).to_le_bytes());
        data_at += block.bytes.len();
    }
    for block in &blocks {
        file.append(&block.bytes);
    }
}

/// What was asked for, the build lab text where the writer keeps it, and meaningless pieces around them.
fn data_blocks(description: &DumpDescription) -> Vec<DataBlock> {
    let mut chance = ChaCha8Rng::seed_from_u64(description.filler_seed);
    let mut blocks: Vec<DataBlock> = (0..description.filler_blocks)
        .map(|_| filler_block(&mut chance, description.cpu.is_64_bit()))
        .collect();
    let middle = blocks.len() / 2;
    blocks.splice(middle..middle, description.data_blocks.iter().cloned());
    if let (Some(text), Writer::Converted) = (&description.build_lab, description.writer) {
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(0);
        blocks.push(DataBlock {
            address: KernelAddresses::of(description).nt_build_lab,
            bytes,
        });
    }
    blocks
}

/// 256 bytes of pool memory: small numbers only, so that no scan takes them for addresses in a driver.
fn filler_block(chance: &mut ChaCha8Rng, is_64_bit: bool) -> DataBlock {
    let page = u64::from(chance.random::<u32>() >> 8);
    let address = if is_64_bit {
        0xFFFF_8A00_0000_0000 + page * 0x1000
    } else {
        0xA000_0000 + (page & 0xFFFF) * 0x1000
    };
    let bytes = (0..32)
        .flat_map(|_| u64::from(chance.random::<u16>()).to_le_bytes())
        .collect();
    DataBlock { address, bytes }
}

/// Ends the triage part: `TRGD` is its last dword. The kernel writes whole sectors.
fn append_end_mark(file: &mut Buffer, writer: Writer, offsets: &mut Offsets) {
    file.align(4);
    file.append(b"TRGD");
    if writer == Writer::KernelWritten {
        let mark_at = file.len().next_multiple_of(0x200) - 4;
        let old = file.len() - 4;
        file.put_u32(old, 0);
        file.align(0x200);
        file.put(mark_at, b"TRGD");
    }
    offsets.size_of_dump = file.end();
}

fn write_triage_block(file: &mut Buffer, description: &DumpDescription, offsets: &Offsets) {
    let at = header::size(description.cpu);
    let (context, exception, debugger) = if description.cpu.is_64_bit() {
        (0x348, 0xF00, 0x70)
    } else {
        (0x320, 0x7D0, 0x58)
    };
    let fields = [
        0, // ServicePackBuild
        offsets.size_of_dump,
        offsets.size_of_dump - 4, // ValidOffset
        context,
        exception,
        offsets.mm,
        offsets.unloaded,
        offsets.prcb,
        offsets.process,
        offsets.thread,
        offsets.stack,
        offset_of(description.stack.bytes.len()),
        offsets.drivers,
        offset_of(description.drivers.len()),
        offsets.names,
        offsets.names_size,
        0, // BrokenDriverOffset: never seen set
        options(description.writer),
    ];
    for (index, value) in fields.into_iter().enumerate() {
        file.put_u32(at + 4 * index, value);
    }
    file.put_pointer(at + 0x48, description.stack.base, description.cpu.pointer_bytes());
    file.put_u32(at + debugger, offsets.debugger);
    let debugger_bytes = if description.build >= 26100 { 0x3A0 } else { 0x380 };
    file.put_u32(at + debugger + 4, debugger_bytes);
    file.put_u32(at + debugger + 8, offsets.blocks);
    file.put_u32(at + debugger + 12, offsets.blocks_count);
}

/// `TriageOptions`, which the converter does not know.
fn options(writer: Writer) -> u32 {
    match writer {
        Writer::KernelWritten => 0x41,
        Writer::Converted => 0xFFFF_FFFF,
    }
}
