//! Where the parts of a small dump are: found once, each checked against the end of the triage part.

use crate::bytes::Bytes;
use crate::debugger_data::pointer_in;
use crate::drivers::DriverList;
use crate::header::layout::Layout;
use crate::memory::BlockTable;
use crate::secondary::Secondary;
use crate::unloaded::UnloadedList;
use crate::{Address, DebuggerData, Memory, MemoryManager, Part, Region, Triage, Warning, Width};

/// The parts of a small dump.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) triage: Triage,
    /// The end of the triage part.
    end: u64,
    pub(crate) drivers: DriverList,
    pub(crate) unloaded: UnloadedList,
    pub(crate) debugger_data: Option<DebuggerData>,
    pub(crate) memory_manager: Option<MemoryManager>,
    pub(crate) stack: Option<Region>,
    pub(crate) process_address: Option<Address>,
    pub(crate) secondary: Secondary,
}

impl Parts {
    /// Finds the parts and the memory they make up; `None` if there is no table of contents.
    pub(crate) fn find<'a>(
        file: Bytes<'a>,
        layout: &Layout,
        warnings: &mut Vec<Warning>,
    ) -> Option<(Parts, Memory<'a>)> {
        let width = layout.width;
        let size = Triage::size_bytes(width);
        let there = file.there(layout.size);
        warnings.extend(Warning::cut_short(Part::Triage, layout.size, size, there));
        let record = file.record(layout.size, size)?;
        let triage = Triage::read(record, layout.size, width);
        let content = triage.extent(file, warnings);
        let debugger_data = DebuggerData::find(content, &triage, width, warnings);
        let stack = find_stack(content, &triage, warnings);
        let blocks = BlockTable::find(content, &triage, width, warnings);
        let copies = Copies::find(content, &triage, debugger_data, width, warnings);
        warnings.extend(debugger_data.and_then(|data| check_process_size(&triage, data)));
        let page = data_page(content, &triage);
        let others = [stack, copies.thread, copies.process, page];
        let others = others.into_iter().flatten().collect();
        let memory = Memory::new(content, width, blocks, others);
        let parts = Parts {
            drivers: DriverList::find(content, &triage, width, warnings),
            unloaded: UnloadedList::find(content, &triage, width, warnings),
            memory_manager: MemoryManager::find(content, &triage, warnings),
            secondary: Secondary::find(file, content.len(), warnings),
            process_address: copies.process_address,
            debugger_data,
            end: content.len(),
            stack,
            triage,
        };
        Some((parts, memory))
    }

    /// The triage part of `file`.
    pub(crate) fn content_of<'a>(&self, file: Bytes<'a>) -> Bytes<'a> {
        file.until(self.end)
    }
}

fn find_stack(content: Bytes<'_>, triage: &Triage, warnings: &mut Vec<Warning>) -> Option<Region> {
    let offset = u64::from(triage.call_stack_offset);
    let needed = u64::from(triage.size_of_call_stack);
    let there = content.there(offset).min(needed);
    warnings.extend(Warning::cut_short(Part::Stack, offset, needed, there));
    Region::new(triage.top_of_stack, offset, there).filter(|_| offset != 0)
}

fn data_page(content: Bytes<'_>, triage: &Triage) -> Option<Region> {
    let offset = u64::from(triage.data_page_offset);
    let size = u64::from(triage.data_page_size).min(content.there(offset));
    Region::new(triage.data_page_address, offset, size).filter(|_| offset != 0)
}

/// The copies of the current thread and process as memory, where their addresses are told.
#[derive(Debug)]
struct Copies {
    thread: Option<Region>,
    process: Option<Region>,
    process_address: Option<Address>,
}

impl Copies {
    /// The PRCB copy names the thread and the thread's copy names the process.
    fn find(
        content: Bytes<'_>,
        triage: &Triage,
        data: Option<DebuggerData>,
        width: Width,
        warnings: &mut Vec<Warning>,
    ) -> Copies {
        let Some(data) = data else {
            return Copies {
                thread: None,
                process: None,
                process_address: None,
            };
        };
        let pointer = |structure, field| pointer_in(content, structure, field, width);
        let thread_address = pointer(triage.prcb_offset, data.prcb_current_thread);
        let process_address = pointer(triage.thread_offset, data.kthread_apc_process);
        let mut copy = |what, offset, size| find_copy(content, what, offset, size, warnings);
        copy(Part::Prcb, triage.prcb_offset, data.size_prcb);
        let process = copy(Part::Process, triage.process_offset, data.size_eprocess);
        let thread = copy(Part::Thread, triage.thread_offset, data.size_ethread);
        let region = |address: Option<Address>, (offset, size)| Region::new(address?, offset, size);
        Copies {
            thread: thread.and_then(|copy| region(thread_address, copy)),
            process: process.and_then(|copy| region(process_address, copy)),
            process_address,
        }
    }
}

/// Offset and size of what there is of a structure's copy; `None` if the dump says that it holds none.
fn find_copy(
    content: Bytes<'_>,
    what: Part,
    offset: u32,
    size: u16,
    warnings: &mut Vec<Warning>,
) -> Option<(u64, u64)> {
    let offset = Some(u64::from(offset)).filter(|&offset| offset != 0)?;
    let needed = u64::from(size);
    let there = content.there(offset).min(needed);
    warnings.extend(Warning::cut_short(what, offset, needed, there));
    Some((offset, there))
}

/// Warns when the copy of the process is not as long as the kernel says a process is.
fn check_process_size(triage: &Triage, data: DebuggerData) -> Option<Warning> {
    let expected = u64::from(triage.process_offset).checked_add(u64::from(data.size_eprocess))?;
    let found = u64::from(triage.thread_offset);
    (triage.process_offset != 0 && found != expected).then(|| Warning::Unexpected {
        what: Part::Thread,
        offset: triage.field_offset(0x24),
        expected,
        found,
    })
}
