//! The headers: 0x2000 bytes (`PAGEDU64`) or 0x1000 bytes (`PAGEDUMP`).
//!
//! Both start out as `PAGEPAGE…`; what a writer does not set keeps that value.

use super::buffer::{Buffer, offset_of};
use super::large::PAGES;
use super::{Cpu, DumpDescription, DumpKind, Writer};

/// Where the header ends and the body begins.
pub(super) fn size(cpu: Cpu) -> usize {
    if cpu.is_64_bit() { 0x2000 } else { 0x1000 }
}

/// Where `RequiredDumpSpace` stands, in both headers; its value is known only when the file is complete.
pub(super) const REQUIRED_SPACE: usize = 0xFA0;

/// Addresses inside the kernel image that the header and the debugger data name.
#[derive(Debug, Clone, Copy)]
pub(super) struct KernelAddresses {
    pub(super) base: u64,
    pub(super) ps_loaded_module_list: u64,
    pub(super) ps_active_process_head: u64,
    pub(super) kd_debugger_data_block: u64,
    pub(super) nt_build_lab: u64,
}

impl KernelAddresses {
    /// Places them in the last quarter of the first driver's image, where a kernel keeps its data.
    pub(super) fn of(description: &DumpDescription) -> Self {
        let (base, size) = description
            .drivers
            .first()
            .map_or((0, 0), |kernel| (kernel.base, u64::from(kernel.size_of_image)));
        let data = base + ((size / 4 * 3) & !0xFFF);
        KernelAddresses {
            base,
            ps_loaded_module_list: data + 0xA310,
            ps_active_process_head: data + 0x5E00,
            kd_debugger_data_block: data + 0x0B20,
            nt_build_lab: data + 0x2280,
        }
    }
}

/// The header of a dump of any kind.
pub(super) fn write(description: &DumpDescription) -> Buffer {
    let mut header = Buffer::filler(size(description.cpu));
    if description.cpu.is_64_bit() {
        write_64(&mut header, description);
    } else {
        write_32(&mut header, description);
    }
    header
}

fn write_64(header: &mut Buffer, description: &DumpDescription) {
    let kernel = KernelAddresses::of(description);
    header.put(0x000, b"PAGEDU64");
    header.put_u32(0x008, 0xF); // MajorVersion: free build
    header.put_u32(0x00C, description.build);
    header.put_u64(0x010, 0x001A_D000); // DirectoryTableBase
    header.put_u64(0x018, 0xFFFF_FA80_0000_0000); // PfnDataBase
    header.put_u64(0x020, kernel.ps_loaded_module_list);
    header.put_u64(0x028, kernel.ps_active_process_head);
    header.put_u32(0x030, machine_type(description.cpu));
    header.put_u32(0x034, description.processors);
    header.put_u32(0x038, description.stop_code);
    for (index, value) in description.parameters.iter().enumerate() {
        header.put_u64(0x040 + 8 * index, *value);
    }
    header.put_u64(0x080, kernel.kd_debugger_data_block);
    header.put(0x348, &description.registers.to_context(description.cpu));
    header.put(0xF00, &description.exception.to_record(description.cpu));
    header.put_u32(0xF98, dump_type(description.kind));
    header.put_u64(0xFA8, description.system_time.0);
    header.put_u64(0x1030, description.uptime_100ns);
    header.put_u32(0x1040, 1); // ProductType: workstation
    header.put_u32(0x1044, 0x110); // SuiteMask
    write_64_by_writer(header, description);
}

/// The fields in which the two writers differ.
fn write_64_by_writer(header: &mut Buffer, description: &DumpDescription) {
    if description.kind == DumpKind::Triage && description.writer == Writer::Converted {
        header.put_u32(0x1038, 0xCFF); // MiniDumpFields
        header.put_u32(0x1048, 0); // WriterStatus
        header.put_u8(0x104D, 0); // KdSecondaryVersion
        return;
    }
    header.put(0x060, &[0; 32]); // VersionUser
    header.put_u32(0x1038, 0xDFF);
    header.put_u32(0x103C, 0); // SecondaryDataState
    header.put_u32(0x1050, description.attributes);
    // PhysicalMemoryBlock; the dword at +4 stays `PAGE`.
    let runs = memory_runs(description.kind);
    header.put_u32(0x088, offset_of(runs.len()));
    header.put_u64(
        0x088 + 0x08,
        runs.iter().map(|(_, pages)| u64::from(*pages)).sum(),
    );
    for (index, (base_page, pages)) in runs.iter().enumerate() {
        header.put_u64(0x088 + 0x10 + 16 * index, u64::from(*base_page));
        header.put_u64(0x088 + 0x18 + 16 * index, u64::from(*pages));
    }
}

/// Runs of physical memory: first page and number of pages. A complete dump holds all of them, so it has few.
fn memory_runs(kind: DumpKind) -> &'static [(u32, u32)] {
    match kind {
        DumpKind::Full => &[(1, PAGES)],
        _ => &[(1, 0x9E), (0x100, 0x1_0000)],
    }
}

fn write_32(header: &mut Buffer, description: &DumpDescription) {
    let kernel = KernelAddresses::of(description);
    header.put(0x000, b"PAGEDUMP");
    header.put_u32(0x008, 0xF);
    header.put_u32(0x00C, description.build);
    header.put_u32(0x010, 0x0018_5000);
    header.put_u32(0x014, 0x8380_0000);
    header.put_pointer(0x018, kernel.ps_loaded_module_list, 4);
    header.put_pointer(0x01C, kernel.ps_active_process_head, 4);
    header.put_u32(0x020, machine_type(description.cpu));
    header.put_u32(0x024, description.processors);
    header.put_u32(0x028, description.stop_code);
    for (index, value) in description.parameters.iter().enumerate() {
        header.put_pointer(0x02C + 4 * index, *value, 4);
    }
    header.put_u8(0x05C, 1); // PaeEnabled
    header.put_pointer(0x060, kernel.kd_debugger_data_block, 4);
    header.put(0x320, &description.registers.to_context(description.cpu));
    header.put(0x7D0, &description.exception.to_record(description.cpu));
    header.put_u32(0xF88, dump_type(description.kind));
    header.put_u32(0xF94, 1); // ProductType
    header.put_u32(0xF98, 0x110); // SuiteMask
    header.put_u64(0xFB8, description.uptime_100ns);
    header.put_u64(0xFC0, description.system_time.0);
    write_32_by_writer(header, description);
}

fn write_32_by_writer(header: &mut Buffer, description: &DumpDescription) {
    if description.kind == DumpKind::Triage && description.writer == Writer::Converted {
        header.put_u8(0x05D, 0); // KdSecondaryVersion
        header.put_u32(0xF8C, 0xCFF); // MiniDumpFields
        header.put_u32(0xF9C, 0); // WriterStatus
        return;
    }
    header.put(0x03C, &[0; 32]); // VersionUser
    header.put_u32(0x8A0, description.attributes);
    header.put_u32(0xF8C, 0xDFF);
    header.put_u32(0xF90, 0); // SecondaryDataState
    // PhysicalMemoryBlock: runs and pages are 32-bit here.
    let runs = memory_runs(description.kind);
    header.put_u32(0x064, offset_of(runs.len()));
    header.put_u32(0x068, runs.iter().map(|(_, pages)| pages).sum());
    for (index, (base_page, pages)) in runs.iter().enumerate() {
        header.put_u32(0x06C + 8 * index, *base_page);
        header.put_u32(0x070 + 8 * index, *pages);
    }
}

fn machine_type(cpu: Cpu) -> u32 {
    match cpu {
        Cpu::X64 => 0x8664,
        Cpu::Arm64 => 0xAA64,
        Cpu::X86 => 0x14C,
    }
}

fn dump_type(kind: DumpKind) -> u32 {
    match kind {
        DumpKind::Full => 1,
        DumpKind::Summary => 2,
        DumpKind::Triage => 4,
        DumpKind::BitmapFull => 5,
        DumpKind::BitmapKernel => 6,
        DumpKind::DebuggerKernel => 8,
    }
}
