//! `KDDEBUGGER_DATA64`, the kernel's table of its own addresses and structure sizes.
//!
//! Small dumps hold a plain copy: tag `KDBG` at +0x10, its size at +0x14 (0x380; 0x3A0 on build 26100). Only the
//! fields that help to read a small dump are read. 32-bit dumps hold the same structure with 64-bit fields.

use crate::bytes::{Bytes, Record};
use crate::{Address, Part, Triage, Warning, Width};

const TAG: u32 = u32::from_le_bytes(*b"KDBG");
/// Everything up to the tag and the size.
const HEADER_SIZE: u64 = 0x18;
/// More than any version has.
const MAX_SIZE: u64 = 0x1000;

/// Addresses of kernel variables, and sizes and offsets of kernel structures.
///
/// Fields that a shorter, older table does not have are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DebuggerData {
    /// Size of the table by its own word.
    pub size: u32,
    /// `KernBase`: the base of ntoskrnl.
    pub kernel_base: Address,
    /// `PsLoadedModuleList`.
    pub ps_loaded_module_list: Address,
    /// `PsActiveProcessHead`.
    pub ps_active_process_head: Address,
    /// `KiBugcheckData`: code and parameters.
    pub ki_bugcheck_data: Address,
    /// `MmPfnDatabase`.
    pub mm_pfn_database: Address,
    /// `NtBuildLab`: text such as `19041.1.amd64fre.vb_release.191206-1406`.
    pub nt_build_lab: Address,
    /// `KiProcessorBlock`.
    pub ki_processor_block: Address,
    /// `MmUnloadedDrivers`.
    pub mm_unloaded_drivers: Address,
    /// `MmLastUnloadedDriver`.
    pub mm_last_unloaded_driver: Address,
    /// `MmTriageActionTaken`.
    pub mm_triage_action_taken: Address,
    /// `KernelVerifier`.
    pub kernel_verifier: Address,
    /// `MmVerifierData`.
    pub mm_verifier_data: Address,
    /// Offset of `Teb` in `KTHREAD`.
    pub kthread_teb: u16,
    /// Offset of `KernelStack` in `KTHREAD`.
    pub kthread_kernel_stack: u16,
    /// Offset of `InitialStack` in `KTHREAD`.
    pub kthread_initial_stack: u16,
    /// Offset of `ApcState.Process` in `KTHREAD`.
    pub kthread_apc_process: u16,
    /// Size of `EPROCESS`; tells which version of it the dump holds.
    pub size_eprocess: u16,
    /// Offset of `Peb` in `EPROCESS`.
    pub eprocess_peb: u16,
    /// Offset of `InheritedFromUniqueProcessId` in `EPROCESS`.
    pub eprocess_parent_pid: u16,
    /// Offset of `DirectoryTableBase` in `EPROCESS`.
    pub eprocess_directory_table_base: u16,
    /// Size of `KPRCB`.
    pub size_prcb: u16,
    /// Offset of `CurrentThread` in `KPRCB`.
    pub prcb_current_thread: u16,
    /// Offset of `Number` in `KPRCB`.
    pub prcb_number: u16,
    /// Size of `ETHREAD`.
    pub size_ethread: u16,
    /// `IopNumTriageDumpDataBlocks`.
    pub iop_num_triage_dump_data_blocks: Address,
    /// `IopTriageDumpDataBlocks`.
    pub iop_triage_dump_data_blocks: Address,
    /// `VfCrashDataBlock`.
    pub vf_crash_data_block: Address,
    /// Offset of `Context` in `KPRCB`.
    pub prcb_context: u16,
}

impl DebuggerData {
    pub(crate) fn find(
        content: Bytes<'_>,
        triage: &Triage,
        width: Width,
        warnings: &mut Vec<Warning>,
    ) -> Option<DebuggerData> {
        let offset = u64::from(triage.debugger_data_offset);
        if offset == 0 {
            return None;
        }
        let needed = u64::from(triage.debugger_data_size).clamp(HEADER_SIZE, MAX_SIZE);
        let there = content.there(offset);
        warnings.extend(Warning::cut_short(Part::DebuggerData, offset, needed, there));
        let stored = Bytes::new(content.slice_clipped(offset, needed));
        let found = stored.u32(0x10)?;
        if found != TAG {
            warnings.push(Warning::Unexpected {
                what: Part::DebuggerData,
                offset: offset.saturating_add(0x10),
                expected: u64::from(TAG),
                found: u64::from(found),
            });
            return None;
        }
        Some(DebuggerData::read(stored, width))
    }

    fn read(table: Bytes<'_>, width: Width) -> DebuggerData {
        let address = |offset| {
            let value = table.u64(offset).unwrap_or(0);
            Address(match width {
                Width::Bits32 => value & u64::from(u32::MAX), // stored with the sign extended
                Width::Bits64 => value,
            })
        };
        let number = |offset| table.u16(offset).unwrap_or(0);
        DebuggerData {
            size: table.u32(0x14).unwrap_or(0),
            kernel_base: address(0x018),
            ps_loaded_module_list: address(0x048),
            ps_active_process_head: address(0x050),
            ki_bugcheck_data: address(0x088),
            mm_pfn_database: address(0x0C0),
            nt_build_lab: address(0x208),
            ki_processor_block: address(0x218),
            mm_unloaded_drivers: address(0x220),
            mm_last_unloaded_driver: address(0x228),
            mm_triage_action_taken: address(0x230),
            kernel_verifier: address(0x240),
            mm_verifier_data: address(0x248),
            kthread_teb: number(0x29A),
            kthread_kernel_stack: number(0x29C),
            kthread_initial_stack: number(0x29E),
            kthread_apc_process: number(0x2A0),
            size_eprocess: number(0x2A8),
            eprocess_peb: number(0x2AA),
            eprocess_parent_pid: number(0x2AC),
            eprocess_directory_table_base: number(0x2AE),
            size_prcb: number(0x2B0),
            prcb_current_thread: number(0x2B4),
            prcb_number: number(0x2BE),
            size_ethread: number(0x2C0),
            iop_num_triage_dump_data_blocks: address(0x308),
            iop_triage_dump_data_blocks: address(0x310),
            vf_crash_data_block: address(0x318),
            prcb_context: number(0x338),
        }
    }
}

/// What can be read of a copy of a kernel structure: a pointer at `field`, if the structure is there so far.
pub(crate) fn pointer_in(content: Bytes<'_>, structure: u32, field: u16, width: Width) -> Option<Address> {
    if structure == 0 || field == 0 {
        return None;
    }
    let offset = u64::from(structure).checked_add(u64::from(field))?;
    let record: Record<'_> = content.record(offset, width.pointer_size_bytes())?;
    Some(Address(record.pointer(0, width))).filter(|address| !address.is_null())
}

#[cfg(test)]
mod tests {
    use super::{DebuggerData, pointer_in};
    use crate::bytes::Bytes;
    use crate::{Address, Width};

    #[test]
    fn a_table_that_ends_early_has_zero_in_what_it_lacks() {
        let mut table = [0; 0x2A0];
        table[0x18..0x20].copy_from_slice(&0xFFFF_F804_7BA0_0000_u64.to_le_bytes());
        let data = DebuggerData::read(Bytes::new(&table), Width::Bits64);
        assert_eq!(data.kernel_base, Address(0xFFFF_F804_7BA0_0000));
        assert_eq!(data.size_eprocess, 0);
    }

    #[test]
    fn addresses_of_32_bit_machines_lose_their_extended_sign() {
        let mut table = [0; 0x20];
        table[0x18..0x20].copy_from_slice(&0xFFFF_FFFF_8100_0000_u64.to_le_bytes());
        let data = DebuggerData::read(Bytes::new(&table), Width::Bits32);
        assert_eq!(data.kernel_base, Address(0x8100_0000));
    }

    #[test]
    fn a_pointer_is_read_only_where_structure_and_field_are_told() {
        let bytes = [1; 16];
        let content = Bytes::new(&bytes);
        assert_eq!(
            pointer_in(content, 4, 4, Width::Bits32),
            Some(Address(0x0101_0101))
        );
        assert_eq!(pointer_in(content, 0, 4, Width::Bits32), None);
        assert_eq!(pointer_in(content, 4, 0, Width::Bits32), None);
        assert_eq!(pointer_in(content, 4, 10, Width::Bits64), None);
    }
}
