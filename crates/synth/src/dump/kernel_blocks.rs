//! Copies of kernel structures: Mm block, PRCB, EPROCESS, ETHREAD and the debugger data.
//!
//! The PRCB is much shorter than a real one; its size and the offsets of the fields in it are in the debugger data, which is
//! where a reader has to take them from.

use super::buffer::Buffer;
use super::header::KernelAddresses;
use super::{Cpu, DumpDescription};

/// Bytes of the shortened PRCB.
const PRCB_BYTES: u32 = 0x700;
/// `CurrentThread` and `Number` in the PRCB.
const PRCB_CURRENT_THREAD: usize = 0x08;
const PRCB_NUMBER: usize = 0x24;
/// Bytes of the ETHREAD, and fields of the KTHREAD at its beginning.
const ETHREAD_BYTES: u16 = 0x898;
const KTHREAD_INITIAL_STACK: usize = 0x28;
const KTHREAD_KERNEL_STACK: usize = 0x58;
const KTHREAD_PROCESS: usize = 0xB8;
const KTHREAD_TEB: usize = 0xF0;

/// Where a build keeps the fields of its EPROCESS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProcessLayout {
    pub(super) size: u16,
    pub(super) image_file_name: usize,
    pub(super) unique_process_id: usize,
    /// Absent where the offset is not known.
    pub(super) locked_pages: Option<usize>,
}

impl ProcessLayout {
    /// The layout of a build; builds in between take the one before them.
    pub(super) fn of(cpu: Cpu, build: u32) -> Self {
        let (size, image_file_name, unique_process_id, locked_pages) = match (cpu, build) {
            (Cpu::X64, ..9200) => (0x4D0, 0x2E0, 0x180, Some(0x250)),
            (Cpu::X64, 9200..9600) => (0x660, 0x438, 0x2E0, Some(0x390)),
            (Cpu::X64, 9600..10240) => (0x6B8, 0x438, 0x2E0, Some(0x390)),
            (Cpu::X64, 10240..10586) => (0x798, 0x448, 0x2E8, Some(0x3A0)),
            (Cpu::X64, 10586..14393) => (0x788, 0x450, 0x2E8, Some(0x3A0)),
            (Cpu::X64, 14393..15063) => (0x7B0, 0x450, 0x2E8, Some(0x3A0)),
            (Cpu::X64, 15063..16299) => (0x818, 0x450, 0x2E0, Some(0x3A0)),
            (Cpu::X64, 16299..17134) => (0x838, 0x450, 0x2E0, Some(0x3A0)),
            (Cpu::X64, 17134..17763) => (0x848, 0x450, 0x2E0, Some(0x3A0)),
            (Cpu::X64, 17763..18362) => (0x850, 0x450, 0x2E0, Some(0x3A0)),
            (Cpu::X64, 18362..19041) => (0x880, 0x450, 0x2E8, Some(0x3A8)),
            (Cpu::X64, 19041..22000) => (0xA40, 0x5A8, 0x440, Some(0x500)),
            (Cpu::X64, 22000..26100) => (0xB80, 0x5A8, 0x440, Some(0x500)),
            (Cpu::X64, 26100..) => (0x840, 0x338, 0x1D0, None),
            (Cpu::Arm64, _) => (0xC80, 0x560, 0x3F8, None),
            // The sizes of 32-bit processes are not in the format description; these are only large enough.
            (Cpu::X86, ..7600) => (0x2C0, 0x14C, 0x9C, None),
            (Cpu::X86, 7600..9200) => (0x2C0, 0x16C, 0xB4, None),
            (Cpu::X86, 9200..10586) => (0x380, 0x170, 0xB4, None),
            (Cpu::X86, 10586..15063) => (0x380, 0x174, 0xB4, None),
            (Cpu::X86, 15063..19041) => (0x400, 0x17C, 0xB4, None),
            (Cpu::X86, 19041..) => (0x480, 0x1AC, 0xE4, None),
        };
        ProcessLayout {
            size,
            image_file_name,
            unique_process_id,
            locked_pages,
        }
    }
}

/// The Mm block, 0x50 bytes.
pub(super) fn mm_block() -> Vec<u8> {
    let mut block = Buffer::zeros(0x50);
    block.put_u32(0x00, 1); // Version
    block.put_u32(0x04, 0x50); // Size
    block.put_u64(0x38, 0x0004_5A10); // committed pages
    block.put_u64(0x40, 0x0005_0000); // peak
    block.put_u64(0x48, 0x0020_0000); // limit
    block.into_bytes()
}

pub(super) fn prcb(description: &DumpDescription) -> Vec<u8> {
    let mut prcb = Buffer::zeros(PRCB_BYTES as usize);
    let width = description.cpu.pointer_bytes();
    prcb.put_u32(0x00, 0x1F80); // MxCsr
    prcb.put_pointer(PRCB_CURRENT_THREAD, description.thread_address, width);
    prcb.put_u32(PRCB_NUMBER, 0);
    prcb.into_bytes()
}

pub(super) fn process(description: &DumpDescription) -> Vec<u8> {
    let layout = ProcessLayout::of(description.cpu, description.build);
    let width = description.cpu.pointer_bytes();
    let mut process = Buffer::zeros(usize::from(layout.size));
    process.put_u8(0, 3); // dispatcher object type: process
    process.put_pointer(layout.unique_process_id, u64::from(description.process.id), width);
    // 14 characters and a NUL; longer names are cut.
    let name = description.process.image_name.as_bytes();
    process.put(layout.image_file_name, &name[..name.len().min(14)]);
    if let Some(at) = layout.locked_pages {
        process.put_u64(at, description.process.locked_pages);
    }
    process.into_bytes()
}

pub(super) fn thread(description: &DumpDescription) -> Vec<u8> {
    let width = description.cpu.pointer_bytes();
    let stack_end = description.stack.base + description.stack.bytes.len() as u64;
    let mut thread = Buffer::zeros(usize::from(ETHREAD_BYTES));
    thread.put_u8(0, 6); // dispatcher object type: thread
    thread.put_pointer(KTHREAD_INITIAL_STACK, stack_end, width);
    thread.put_pointer(KTHREAD_KERNEL_STACK, description.stack.base, width);
    thread.put_pointer(KTHREAD_PROCESS, description.process.address, width);
    thread.into_bytes()
}

/// The `KDDEBUGGER_DATA64` copy. It has 64-bit fields on every CPU; 32-bit addresses are extended with zeros.
pub(super) fn debugger_data(description: &DumpDescription) -> Vec<u8> {
    let kernel = KernelAddresses::of(description);
    let size: u32 = if description.build >= 26100 { 0x3A0 } else { 0x380 };
    let mut data = Buffer::zeros(size as usize);
    data.put_u64(0x00, kernel.kd_debugger_data_block); // list links that point at themselves
    data.put_u64(0x08, kernel.kd_debugger_data_block);
    data.put(0x10, b"KDBG");
    data.put_u32(0x14, size);
    data.put_u64(0x18, kernel.base);
    data.put_u64(0x48, kernel.ps_loaded_module_list);
    data.put_u64(0x50, kernel.ps_active_process_head);
    data.put_u64(0x88, kernel.kd_debugger_data_block + 0x1400); // KiBugcheckData
    data.put_u64(0x208, kernel.nt_build_lab);
    for (at, offset) in [
        (0x29A, KTHREAD_TEB),
        (0x29C, KTHREAD_KERNEL_STACK),
        (0x29E, KTHREAD_INITIAL_STACK),
        (0x2A0, KTHREAD_PROCESS),
        (0x2B4, PRCB_CURRENT_THREAD),
        (0x2BE, PRCB_NUMBER),
    ] {
        data.put_u16(at, u16::try_from(offset).expect("offsets are below 0x100"));
    }
    data.put_u16(0x2A8, ProcessLayout::of(description.cpu, description.build).size);
    data.put_u16(0x2B0, u16::try_from(PRCB_BYTES).expect("0x700 fits"));
    data.put_u16(0x2C0, ETHREAD_BYTES);
    data.into_bytes()
}
