//! [`Dump`]: the file, its parts found and checked once.

use std::borrow::Cow;

use crate::bytes::Bytes;
use crate::format::{recognise, signature};
use crate::header::layout::Layout;
use crate::memory::BlockTable;
use crate::pages::PhysicalMemory;
use crate::parts::Parts;
use crate::process::Identity;
use crate::{
    Address, Attributes, Blob, Context, DebuggerData, Driver, DumpType, Error, ExceptionRecord, Format,
    Header, Memory, MemoryManager, Part, Process, ReadError, SmbiosSystem, Stack, Tag, Triage,
    UnloadedDriver, Warning, Writer, pages, process, time,
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
            exception: ExceptionRecord::read_set(exception, layout.width),
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
        if self.format.dump_type == DumpType::Triage {
            self.find_triage();
            return;
        }
        let kind = self.format.kind;
        let cut = pages::check(self.file, self.layout, kind, self.physical_memory());
        self.warnings.push(Warning::NotRead { kind });
        self.warnings.extend(cut);
    }

    fn find_triage(&mut self) {
        let found = Parts::find(self.file, self.layout, &mut self.warnings);
        if let Some((parts, memory)) = found {
            self.content = parts.content_of(self.file);
            self.memory = memory;
            self.parts = Some(parts);
            self.check_kernel();
        }
    }

    /// The first driver is the kernel, and the kernel holds the head of the module list.
    fn check_kernel(&mut self) {
        let first = self.drivers().next();
        let Some((kernel, list_head)) = first.zip(self.header.ps_loaded_module_list) else {
            return;
        };
        if !kernel.contains(list_head) {
            self.warnings.push(Warning::NotTheKernel {
                list_head,
                base: kernel.base,
                end: kernel.end(),
            });
        }
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
        let context = Context::from_bytes(self.header.machine, Cow::Borrowed(raw))?;
        let is_set = time::unfilled(context.pc().0, self.layout.width).is_some();
        is_set.then_some(context)
    }

    /// The exception record in the header, which is not the fault: see [`ExceptionRecord`]. All zero if it is unset.
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
        if start == 0 {
            return None;
        }
        let distance = u64::from(parts.triage.thread_offset).checked_sub(start);
        let told = parts.debugger_data.map(|data| u64::from(data.size_eprocess));
        let sizes = [told, distance].into_iter().flatten();
        let mut sizes = sizes.filter(|size| (1..=process::MAX_SIZE).contains(size));
        sizes.find_map(|size| {
            let identity = Identity {
                machine: self.header.machine,
                build: self.header.minor_version,
                size,
            };
            let copy = Bytes::new(self.content.slice_clipped(start, size));
            Process::read(copy, identity, parts.process_address)
        })
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
