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
        let Some(record) = file.record(layout.size, size) else {
            warnings.push(Warning::CutShort {
                what: Part::Triage,
                offset: layout.size,
                needed: size,
                there: file.there(layout.size),
            });
            return None;
        };
        let triage = Triage::read(record, layout.size, width);
        let content = triage.extent(file, warnings);
        let debugger_data = DebuggerData::find(content, &triage, width, warnings);
        let stack = find_stack(content, &triage, warnings);
        let blocks = BlockTable::find(content, &triage, width, warnings);
        let copies = Copies::find(content, &triage, debugger_data.as_ref(), width);
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
    if there < needed {
        warnings.push(Warning::CutShort {
            what: Part::Stack,
            offset,
            needed,
            there,
        });
    }
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
    fn find(content: Bytes<'_>, triage: &Triage, data: Option<&DebuggerData>, width: Width) -> Copies {
        let thread_address =
            data.and_then(|data| pointer_in(content, triage.prcb_offset, data.prcb_current_thread, width));
        let process_address =
            data.and_then(|data| pointer_in(content, triage.thread_offset, data.kthread_apc_process, width));
        let region = |address: Option<Address>, offset: u32, size: u16| {
            let offset = u64::from(offset);
            let size = u64::from(size).min(content.there(offset));
            Region::new(address?, offset, size).filter(|_| offset != 0)
        };
        Copies {
            thread: data.and_then(|data| region(thread_address, triage.thread_offset, data.size_ethread)),
            process: data.and_then(|data| region(process_address, triage.process_offset, data.size_eprocess)),
            process_address,
        }
    }
}
