//! [`Dump`]: the file, its parts found and checked once.

use std::borrow::Cow;

use crate::bytes::Bytes;
use crate::debugger_data::pointer_in;
use crate::drivers::DriverList;
use crate::format::{recognise, signature};
use crate::header::layout::Layout;
use crate::memory::BlockTable;
use crate::pages::PhysicalMemory;
use crate::process::Identity;
use crate::secondary::Secondary;
use crate::unloaded::UnloadedList;
use crate::{
    Address, Attributes, Blob, Context, DebuggerData, Driver, Error, ExceptionRecord, Format, Header, Memory,
    MemoryManager, Part, Process, ReadError, Region, SmbiosSystem, Stack, Tag, Triage, UnloadedDriver,
    Warning, Writer, pages, process,
};

/// A kernel dump, borrowed from the bytes of its file.
///
/// Parsing finds the parts and checks their bounds; drivers, memory, process and blobs are read when asked for.
#[derive(Debug)]
pub struct Dump<'a> {
    file: Bytes<'a>,
    /// The triage part, or the whole file of other dumps.
    content: Bytes<'a>,
    layout: &'static Layout,
    format: Format,
    header: Header,
    exception: ExceptionRecord,
    parts: Option<Parts>,
    memory: Memory<'a>,
    warnings: Vec<Warning>,
}

/// Where the parts of a small dump are.
#[derive(Debug)]
struct Parts {
    triage: Triage,
    drivers: DriverList,
    unloaded: UnloadedList,
    debugger_data: Option<DebuggerData>,
    memory_manager: Option<MemoryManager>,
    stack: Option<Region>,
    process_address: Option<Address>,
    secondary: Secondary,
}

impl<'a> Dump<'a> {
    /// Reads the header, and finds the parts of a small dump.
    ///
    /// ```
    /// match kdump::Dump::parse(b"PAGEDU64") {
    ///     Err(error) => assert_eq!(
    ///         error.to_string(),
    ///         "dump header cut short: 0x2000 bytes needed at offset 0x0, 0x8 there",
    ///     ),
    ///     Ok(_) => unreachable!("eight bytes are no dump"),
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NotADump`] and [`Error::UserMinidump`] for other files, [`Error::Truncated`] if the header is not
    /// whole, [`Error::Encrypted`] if the content cannot be read without a key. Damage behind the header is no error
    /// but a [`Warning`].
    pub fn parse(bytes: &'a [u8]) -> Result<Dump<'a>, Error> {
        let layout = signature(bytes)?;
        let format = recognise(bytes)?;
        let file = Bytes::new(bytes);
        let record = file.require(Part::Header, 0, layout.size)?;
        let header = Header::read(record, layout);
        refuse_encrypted(&header, layout)?;
        let size = ExceptionRecord::size_bytes(layout.width);
        let exception = file.require(Part::Header, layout.exception, size)?;
        let empty = Memory::new(file, layout.width, BlockTable::EMPTY, Vec::new());
        let mut dump = Dump {
            file,
            content: file,
            layout,
            format,
            exception: ExceptionRecord::read(exception, layout.width),
            header,
            parts: None,
            memory: empty,
            warnings: Vec::new(),
        };
        dump.find_parts();
        Ok(dump)
    }

    fn find_parts(&mut self) {
        if self.header.bug_check.is_memory_image() {
            self.warnings.push(Warning::MemoryImage);
        }
        if self.format.dump_type == crate::DumpType::Triage {
            self.find_triage();
            return;
        }
        let kind = self.format.kind;
        let cut = pages::check(self.file, self.layout, kind, self.physical_memory());
        self.warnings.push(Warning::NotRead { kind });
        self.warnings.extend(cut);
    }

    fn find_triage(&mut self) {
        let width = self.layout.width;
        let warnings = &mut self.warnings;
        let size = Triage::size_bytes(width);
        let Some(record) = self.file.record(self.layout.size, size) else {
            warnings.push(Warning::CutShort {
                what: Part::Triage,
                offset: self.layout.size,
                needed: size,
                there: self.file.there(self.layout.size),
            });
            return;
        };
        let triage = Triage::read(record, width);
        let content = triage.extent(self.file, self.layout.size.saturating_add(4), warnings);
        let debugger_data = DebuggerData::find(content, &triage, width, warnings);
        let stack = find_stack(content, &triage, warnings);
        let blocks = BlockTable::find(content, &triage, width, warnings);
        let copies = Copies::find(content, &triage, debugger_data.as_ref(), width);
        let others = [stack, copies.thread, copies.process, data_page(content, &triage)];
        let others = others.into_iter().flatten().collect();
        self.memory = Memory::new(content, width, blocks, others);
        self.content = content;
        self.parts = Some(Parts {
            drivers: DriverList::find(content, &triage, width, warnings),
            unloaded: UnloadedList::find(content, &triage, width, warnings),
            memory_manager: MemoryManager::find(content, &triage, warnings),
            secondary: Secondary::find(self.file, content.len(), warnings),
            process_address: copies.process_address,
            debugger_data,
            stack,
            triage,
        });
    }

    /// What kind of dump it is.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The registers in the header: mostly those at the call of `KeBugCheckEx`, in 0x1000007E dumps those at the
    /// fault. `None` if the record is unset or the processor is not known here.
    pub fn context(&self) -> Option<Context<'a>> {
        let raw = self.file.slice(self.layout.context, self.layout.context_size)?;
        if raw.starts_with(b"PAGEPAGE") {
            return None;
        }
        Context::from_bytes(self.header.machine, Cow::Borrowed(raw))
    }

    /// The exception record in the header, which is not the fault: see [`ExceptionRecord`].
    pub fn exception(&self) -> ExceptionRecord {
        self.exception
    }

    /// The physical memory that the header tells of.
    pub fn physical_memory(&self) -> Option<PhysicalMemory> {
        PhysicalMemory::read(self.file, self.layout)
    }

    /// The table of contents of a small dump.
    pub fn triage(&self) -> Option<&Triage> {
        self.parts.as_ref().map(|parts| &parts.triage)
    }

    /// Who wrote the small dump.
    pub fn writer(&self) -> Writer {
        self.triage()
            .map_or(Writer::Unknown, |triage| Writer::tell(&self.header, triage))
    }

    /// The loaded drivers in load order, ntoskrnl first.
    pub fn drivers(&self) -> impl Iterator<Item = Driver<'a>> + use<'a> {
        let content = self.content;
        let list = self.parts.as_ref().map(|parts| parts.drivers);
        list.into_iter().flat_map(move |list| list.iter(content))
    }

    /// The drivers that had been unloaded, in the order of the dump.
    pub fn unloaded_drivers(&self) -> impl Iterator<Item = UnloadedDriver> + use<'a> {
        let content = self.content;
        let list = self.parts.as_ref().map(|parts| parts.unloaded);
        list.into_iter().flat_map(move |list| list.iter(content))
    }

    /// The saved part of the kernel stack of the thread that stopped the machine.
    pub fn stack(&self) -> Option<Stack<'a>> {
        let region = self.parts.as_ref()?.stack?;
        let bytes = self.content.slice(region.file_offset, region.size_bytes)?;
        Some(Stack::new(region.address, bytes, self.layout.width))
    }

    /// The machine's memory as far as a small dump holds it; empty for other dumps.
    pub fn memory(&self) -> &Memory<'a> {
        &self.memory
    }

    /// The kernel's table of addresses and structure sizes.
    pub fn debugger_data(&self) -> Option<DebuggerData> {
        self.parts.as_ref()?.debugger_data
    }

    /// The figures of the memory manager.
    pub fn memory_manager(&self) -> Option<MemoryManager> {
        self.parts.as_ref()?.memory_manager
    }

    /// The process that was current; not always the one that a stop code's parameter means.
    pub fn process(&self) -> Option<Process> {
        let parts = self.parts.as_ref()?;
        let start = u64::from(parts.triage.process_offset);
        let distance = u64::from(parts.triage.thread_offset).checked_sub(start);
        let told = parts.debugger_data.map(|data| u64::from(data.size_eprocess));
        let sizes = [told, distance];
        let sizes = sizes
            .into_iter()
            .flatten()
            .filter(|size| (1..=process::MAX_SIZE).contains(size));
        let mut found = sizes.filter_map(|size| {
            let identity = Identity {
                machine: self.header.machine,
                build: self.header.minor_version,
                size,
            };
            let copy = Bytes::new(self.content.slice_clipped(start, size));
            Process::read(copy, identity, parts.process_address)
        });
        found.next().filter(|_| start != 0)
    }

    /// The secondary data in file order.
    pub fn blobs(&self) -> impl Iterator<Item = Blob<'a>> + use<'a> {
        let file = self.file;
        let secondary = self.parts.as_ref().map(|parts| parts.secondary);
        secondary
            .into_iter()
            .flat_map(move |secondary| secondary.iter(file))
    }

    /// Manufacturer and model of the machine, where the secondary data has them. Serial numbers are not read.
    pub fn smbios(&self) -> Option<SmbiosSystem> {
        let blob = self.blobs().find(|blob| blob.tag == Tag::SMBIOS)?;
        SmbiosSystem::read(blob.data)
    }

    /// The build of Windows in words, such as `19041.1.amd64fre.vb_release.191206-1406`.
    ///
    /// It is in converted dumps only.
    pub fn build_lab(&self) -> Option<String> {
        let address = self.debugger_data()?.nt_build_lab;
        let bytes = self.memory.available(address)?;
        let length = bytes.iter().take(MAX_BUILD_LAB).position(|&byte| byte == 0)?;
        let text = std::str::from_utf8(bytes.get(..length)?).ok()?;
        let is_printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        (is_printable && !text.is_empty()).then(|| text.to_owned())
    }

    /// The `CONTEXT` at `address`, which a stop code's parameter gave.
    ///
    /// # Errors
    ///
    /// As [`Memory::read`], and [`ReadError::UnknownMachine`].
    pub fn context_at(&self, address: Address) -> Result<Context<'a>, ReadError> {
        let machine = self.header.machine;
        let size = Context::size_bytes(machine).ok_or(ReadError::UnknownMachine)?;
        let raw = self.memory.read(address, size)?;
        Context::from_bytes(machine, raw).ok_or(ReadError::UnknownMachine)
    }

    /// The `EXCEPTION_RECORD` at `address`, which a stop code's parameter gave.
    ///
    /// # Errors
    ///
    /// As [`Memory::read`].
    pub fn exception_record_at(&self, address: Address) -> Result<ExceptionRecord, ReadError> {
        let width = self.layout.width;
        let size = ExceptionRecord::size_bytes(width);
        let bytes = self.memory.read(address, size)?;
        let record = Bytes::new(&bytes).record(0, size);
        record
            .map(|record| ExceptionRecord::read(record, width))
            .ok_or(ReadError::Absent {
                address,
                length: size,
            })
    }

    /// What was wrong with the file. Empty for a sound small dump.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

/// Longer than any build's name.
const MAX_BUILD_LAB: usize = 128;

fn refuse_encrypted(header: &Header, layout: &Layout) -> Result<(), Error> {
    let Some(Attributes(attributes)) = header.attributes.filter(|a| a.is_encrypted()) else {
        return Ok(());
    };
    let offset = u64::try_from(layout.attributes).unwrap_or(u64::MAX);
    Err(Error::Encrypted { attributes, offset })
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
    fn find(content: Bytes<'_>, triage: &Triage, data: Option<&DebuggerData>, width: crate::Width) -> Copies {
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
