//! `DUMP_HEADER64` and `DUMP_HEADER32` in one structure that does not depend on the width.
//!
//! ```text
//!            64-bit                       32-bit
//! 0x000  PAGEDU64                0x000  PAGEDUMP
//! 0x038  BugCheckCode            0x028  BugCheckCode
//! 0x040  four parameters (u64)   0x02C  four parameters (u32)
//! 0x348  CPU context             0x320  CPU context
//! 0xF00  exception record        0x7D0  exception record
//! 0xF98  DumpType                0xF88  DumpType
//! 0xFA8  SystemTime              0xFC0  SystemTime
//! 0x1050 Attributes              0x8A0  Attributes
//! 0x2000 end                     0x1000 end
//! ```
//!
//! Windows fills the header with the text `PAGE` first; fields that still hold it are `None`.

pub(crate) mod layout;

use std::time::Duration;

use crate::bytes::Record;
use crate::format::DumpType;
use crate::header::layout::Layout;
use crate::{Address, Attributes, BugCheck, FileTime, Machine, MiniDumpFields, filler, time};

/// The header of a kernel dump.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// 0xF for a free build of Windows, 0xC for a checked one.
    pub major_version: u32,
    /// The OS build, such as 19041. It is that of the code base: Windows 10 22H2 (19045) may report 19041.
    pub minor_version: u32,
    /// Physical address of the page tables (CR3 on x64).
    pub directory_table_base: Option<u64>,
    /// `MmPfnDatabase`.
    pub pfn_data_base: Option<Address>,
    /// The head of the kernel's list of modules; it lies in ntoskrnl.
    pub ps_loaded_module_list: Option<Address>,
    /// The head of the kernel's list of processes.
    pub ps_active_process_head: Option<Address>,
    /// The processor architecture.
    pub machine: Machine,
    /// How many processors were running.
    pub number_processors: Option<u32>,
    /// The bug check. Code 0 means that nobody called for one, as in a dump that a debugger saved.
    pub bug_check: BugCheck,
    /// `VersionUser`, 32 bytes of text that no sample uses.
    pub version_user: Option<String>,
    /// Whether a 32-bit machine used physical address extension; `None` on 64-bit ones.
    pub pae_enabled: Option<bool>,
    /// Where `KDDEBUGGER_DATA64` lay in memory.
    pub kd_debugger_data_block: Option<Address>,
    /// The version of the secondary data.
    pub kd_secondary_version: Option<u8>,
    /// What the file holds.
    pub dump_type: DumpType,
    /// The size the dump was planned to have. It equals the file's size only in small dumps that the kernel wrote
    /// itself, so it is no test for truncation.
    pub required_dump_space: Option<u64>,
    /// When the machine stopped.
    pub system_time: Option<FileTime>,
    /// How long it had been running.
    pub system_up_time: Option<Duration>,
    /// A comment given to `.dump /c`.
    pub comment: Option<String>,
    /// Which parts a small dump holds.
    pub mini_dump_fields: Option<MiniDumpFields>,
    /// `NTSTATUS` of writing the secondary data.
    pub secondary_data_state: Option<u32>,
    /// 1 workstation, 2 domain controller, 3 server.
    pub product_type: Option<u32>,
    /// Installed suites, as in `OSVERSIONINFOEX`.
    pub suite_mask: Option<u32>,
    /// `NTSTATUS` of writing the dump; kernel-written small dumps leave it unset.
    pub writer_status: Option<u32>,
    /// What is special about the dump; converted small dumps leave it unset.
    pub attributes: Option<Attributes>,
    /// A number that grows with each start of Windows.
    pub boot_id: Option<u32>,
}

impl Header {
    pub(crate) fn read(record: Record<'_>, layout: &Layout) -> Header {
        let width = layout.width;
        let number = |offset| filler::u32(record.u32(offset));
        let address = |offset| time::unfilled(record.pointer(offset, width), width).map(Address);
        let secondary_version = record.u8(layout.kd_secondary_version);
        Header {
            major_version: record.u32(layout.major_version),
            minor_version: record.u32(layout.minor_version),
            directory_table_base: address(layout.directory_table_base).map(u64::from),
            pfn_data_base: address(layout.pfn_data_base),
            ps_loaded_module_list: address(layout.ps_loaded_module_list),
            ps_active_process_head: address(layout.ps_active_process_head),
            machine: Machine::from_raw(record.u32(layout.machine_image_type)),
            number_processors: number(layout.number_processors),
            bug_check: BugCheck::read(record, layout),
            version_user: filler::text(record.slice(layout.version_user, 32)),
            pae_enabled: layout.pae_enabled.map(|offset| record.u8(offset) == 1),
            kd_debugger_data_block: address(layout.kd_debugger_data_block),
            kd_secondary_version: (secondary_version != layout.kd_secondary_version_filler)
                .then_some(secondary_version),
            dump_type: DumpType::from_raw(record.u32(layout.dump_type)),
            required_dump_space: filler::u64(record.u64(layout.required_dump_space)),
            system_time: FileTime::read(record.u64(layout.system_time)),
            system_up_time: filler::u64(record.u64(layout.system_up_time)).map(time::hundreds_of_nanoseconds),
            comment: filler::text(record.slice(layout.comment, 128)),
            mini_dump_fields: number(layout.mini_dump_fields).map(MiniDumpFields),
            secondary_data_state: number(layout.secondary_data_state),
            product_type: number(layout.product_type),
            suite_mask: number(layout.suite_mask),
            writer_status: number(layout.writer_status),
            attributes: Attributes::read(record.u32(layout.attributes)),
            boot_id: number(layout.boot_id),
        }
    }

    /// When Windows was started: the time of the stop less the time it had been running.
    pub fn boot_time(&self) -> Option<FileTime> {
        self.system_time?.checked_sub(self.system_up_time?)
    }
}

#[cfg(test)]
mod tests;
