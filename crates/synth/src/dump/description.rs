//! What a crash looks like, before it has bytes.

use super::{Blob, Exception, Registers, large, triage};

/// One crash, as much of it as a dump can hold.
///
/// The fields are public and independent of each other: a test may describe a dump that no machine would write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpDescription {
    /// Which of the two programs writes the small dump.
    pub writer: Writer,
    /// Small dump, or one of the larger kinds.
    pub kind: DumpKind,
    /// CPU; decides the width of the header.
    pub cpu: Cpu,
    /// OS build, e.g. 19041.
    pub build: u32,
    /// Bug check code as written, bit 28 included.
    pub stop_code: u32,
    /// The four bug check parameters.
    pub parameters: [u64; 4],
    /// When the machine stopped.
    pub system_time: FileTime,
    /// How long it had been up, in 100 ns.
    pub uptime_100ns: u64,
    /// Number of processors.
    pub processors: u32,
    /// Attribute bits; only a kernel-written dump stores them.
    pub attributes: u32,
    /// Loaded drivers in load order. The first is the kernel.
    pub drivers: Vec<Driver>,
    /// Unloaded drivers, oldest first.
    pub unloaded: Vec<UnloadedDriver>,
    /// The saved part of the kernel stack.
    pub stack: Stack,
    /// Registers of the context record in the header.
    pub registers: Registers,
    /// The header's exception record.
    pub exception: Exception,
    /// The current process.
    pub process: Process,
    /// Address of the current thread's ETHREAD.
    pub thread_address: u64,
    /// What the SMBIOS blob says, if there is one.
    pub system: Option<SystemMaker>,
    /// Build lab text; readable only in converted dumps.
    pub build_lab: Option<String>,
    /// Memory pieces that the dump must hold.
    pub data_blocks: Vec<DataBlock>,
    /// Width of a data block's address in a 32-bit dump, which is not settled.
    pub data_block_width: DataBlockWidth,
    /// How many pieces of meaningless memory to add after them.
    pub filler_blocks: usize,
    /// Where the meaningless bytes come from.
    pub filler_seed: u64,
    /// Secondary data apart from SMBIOS and the blobs that every dump has.
    pub blobs: Vec<Blob>,
}

impl DumpDescription {
    /// The dump's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self.kind {
            DumpKind::Triage => triage::write(self),
            _ => large::write(self),
        }
    }

    /// The loaded driver of this base name, if any; case is ignored.
    pub fn driver(&self, base_name: &str) -> Option<&Driver> {
        self.drivers
            .iter()
            .find(|driver| driver.base_name().eq_ignore_ascii_case(base_name))
    }
}

/// The two programs that write small dumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Writer {
    /// The kernel itself, at the moment of the crash.
    KernelWritten,
    /// A converter that makes the small dump from a larger one after the restart.
    Converted,
}

/// The kinds of kernel dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DumpKind {
    /// Small dump, `DumpType` 4.
    Triage,
    /// Complete dump with runs in the header, `DumpType` 1.
    Full,
    /// Old kernel dump with a summary header, `DumpType` 2.
    Summary,
    /// Complete or active dump with a page bitmap, `DumpType` 5.
    BitmapFull,
    /// Kernel or automatic dump with a page bitmap, `DumpType` 6.
    BitmapKernel,
    /// Kernel dump written by a debugger, `DumpType` 8.
    DebuggerKernel,
}

/// CPUs whose dumps can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cpu {
    /// 64-bit x86.
    X64,
    /// 64-bit Arm.
    Arm64,
    /// 32-bit x86; header and lists in their 32-bit forms.
    X86,
}

impl Cpu {
    /// Bytes of a pointer.
    pub fn pointer_bytes(self) -> usize {
        match self {
            Cpu::X64 | Cpu::Arm64 => 8,
            Cpu::X86 => 4,
        }
    }

    /// Whether the 64-bit header and lists are used.
    pub fn is_64_bit(self) -> bool {
        self.pointer_bytes() == 8
    }
}

/// A moment in 100 ns since the first of January 1601, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileTime(pub u64);

impl FileTime {
    /// The moment `seconds` after the first of January 1970.
    ///
    /// Moments before 1601 become the first of January 1601.
    pub fn from_unix(seconds: i64) -> Self {
        /// Seconds from 1601 to 1970.
        const TO_1970: i64 = 11_644_473_600;
        let since_1601 = seconds.saturating_add(TO_1970).max(0).unsigned_abs();
        FileTime(since_1601.saturating_mul(10_000_000))
    }
}

/// Attribute bits of the header.
#[derive(Debug, Clone, Copy)]
pub struct Attributes;

impl Attributes {
    /// Bit 3: the kernel wrote the small dump.
    pub const KERNEL_TRIAGE: u32 = 1 << 3;
    /// Bit 4: a live dump; the machine went on running.
    pub const LIVE: u32 = 1 << 4;
    /// Bit 8: the content is encrypted.
    pub const ENCRYPTED: u32 = 1 << 8;
}

/// One loaded driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Driver {
    /// Full path as Windows knows it. A kernel-written dump stores only the base name.
    pub path: String,
    /// Load address.
    pub base: u64,
    /// `SizeOfImage`.
    pub size_of_image: u32,
    /// `TimeDateStamp`; a converted dump may hold 0.
    pub time_date_stamp: u32,
    /// `CheckSum`; a converted dump may hold 0.
    pub checksum: u32,
}

impl Driver {
    /// The part of the path after the last backslash.
    pub fn base_name(&self) -> &str {
        self.path.rsplit('\\').next().unwrap_or(&self.path)
    }

    /// The address `offset` bytes into the image, wrapped so that it stays inside it.
    pub fn address_at(&self, offset: u64) -> u64 {
        let code_bytes = u64::from(self.size_of_image).saturating_sub(0x2000).max(8);
        self.base + 0x1000 + offset % code_bytes
    }

    /// Whether `address` lies inside the image.
    pub fn contains(&self, address: u64) -> bool {
        (self.base..self.base + u64::from(self.size_of_image)).contains(&address)
    }
}

/// One driver that was unloaded before the crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnloadedDriver {
    /// Base name; only its first 12 UTF-16 units are stored.
    pub name: String,
    /// First address.
    pub start: u64,
    /// End address.
    pub end: u64,
}

/// The saved part of a kernel stack.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stack {
    /// Lowest address.
    pub base: u64,
    /// Bytes from the lowest address up.
    pub bytes: Vec<u8>,
}

impl Stack {
    /// A stack of pointer-sized words, the first at the lowest address.
    pub fn from_words(base: u64, words: &[u64], cpu: Cpu) -> Self {
        let bytes = words
            .iter()
            .flat_map(|word| word.to_le_bytes().into_iter().take(cpu.pointer_bytes()))
            .collect();
        Stack { base, bytes }
    }
}

/// The current process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Image name; cut after 14 bytes, as Windows does.
    pub image_name: String,
    /// Process id.
    pub id: u32,
    /// Address of the EPROCESS.
    pub address: u64,
    /// `NumberOfLockedPages`, where the build's offset is known.
    pub locked_pages: u64,
}

/// Maker and model of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemMaker {
    /// Manufacturer.
    pub manufacturer: String,
    /// Product name.
    pub model: String,
}

/// A piece of memory with its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataBlock {
    /// Address of the first byte.
    pub address: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Size of an entry of the data block table in a 32-bit dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataBlockWidth {
    /// 16 bytes: the address takes 8.
    Sixteen,
    /// 12 bytes: the address takes 4.
    Twelve,
}
