//! A machine at the moment of a crash.

use super::boot::Boot;
use super::stack::StackWords;
use crate::dump::{
    Attributes, Cpu, DataBlockWidth, Driver, DumpDescription, DumpKind, Exception, FileTime, Process,
    Registers, Stack, SystemMaker, Writer,
};
use crate::in_box;

/// A machine at the moment of a crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    /// Seed of the boot: another seed gives other addresses and nothing else.
    pub boot_seed: u64,
    /// Which program writes the small dump.
    pub writer: Writer,
    /// CPU.
    pub cpu: Cpu,
    /// OS build.
    pub build: u32,
    /// Driver images in load order, the kernel first.
    pub images: Vec<Image>,
    /// Base names of drivers that were unloaded before.
    pub unloaded: Vec<String>,
    /// Base name of the driver that is at fault in the scenarios that have one.
    pub culprit: String,
    /// The current process.
    pub process: String,
    /// Its id.
    pub process_id: u32,
    /// Locked pages, for the scenarios about them.
    pub locked_pages: u64,
    /// Seconds since 1970 at the crash.
    pub crashed_at_unix: i64,
    /// Seconds since the boot.
    pub uptime_seconds: u64,
    /// Number of processors.
    pub processors: u32,
    /// Maker and model.
    pub system: SystemMaker,
}

/// A driver image before a boot gave it an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Full path.
    pub path: String,
    /// `SizeOfImage`.
    pub size_of_image: u32,
    /// `TimeDateStamp`.
    pub time_date_stamp: u32,
    /// `CheckSum`.
    pub checksum: u32,
}

impl Image {
    /// An in-box driver of a build.
    fn in_box(driver: in_box::InBox, build: u32) -> Self {
        Image::of(driver.folder, driver.name, &format!("10.0.{build}.1"))
    }

    /// An image whose numbers follow from its name and version.
    pub(crate) fn of(folder: &str, name: &str, version: &str) -> Self {
        let numbers = in_box::image_of(name, version);
        Image {
            path: format!("{folder}{name}"),
            size_of_image: numbers.size_of_image,
            time_date_stamp: numbers.time_date_stamp,
            checksum: numbers.checksum,
        }
    }
}

impl Scene {
    /// A build 19041 PC with 100 drivers, of which `acmecap.sys` is at fault; the dump is kernel-written.
    pub fn sample(boot_seed: u64) -> Self {
        let build = 19041;
        let mut images: Vec<Image> = in_box::all().map(|driver| Image::in_box(driver, build)).collect();
        let folder = r"\SystemRoot\System32\drivers\";
        for name in ["northgpu.sys", "lumenaudio.sys", "tessnet.sys"] {
            images.push(Image::of(folder, name, "3.0.1.9"));
        }
        let application = r"\??\C:\Program Files\Acme Capture\";
        images.push(Image::of(application, "acmecap.sys", "4.2.1.0"));
        Scene {
            boot_seed,
            writer: Writer::KernelWritten,
            cpu: Cpu::X64,
            build,
            images,
            unloaded: vec!["dump_stornvme.sys".into(), "dam.sys".into()],
            culprit: "acmecap.sys".into(),
            process: "capture-host.exe".into(),
            process_id: 7412,
            locked_pages: 0x26,
            crashed_at_unix: 1_760_000_000,
            uptime_seconds: 93_784,
            processors: 8,
            system: SystemMaker {
                manufacturer: "Halden Computers".into(),
                model: "Traverse 14 G3".into(),
            },
        }
    }

    /// The same machine with dumps by the other writer.
    #[must_use]
    pub fn written_by(mut self, writer: Writer) -> Self {
        self.writer = writer;
        self
    }

    /// The same machine with another CPU and a build that exists for it.
    #[must_use]
    pub fn with_cpu(mut self, cpu: Cpu) -> Self {
        self.cpu = cpu;
        if cpu == Cpu::Arm64 {
            self.build = 22000;
        }
        self
    }

    /// What all scenarios start from: loaded drivers, an nt-only stack, and the context of `KeBugCheckEx`.
    pub(super) fn describe(&self, stop_code: u32, parameters: [u64; 4]) -> DumpDescription {
        let boot = Boot::of(self);
        let kernel = boot.drivers[0].clone();
        let stop = kernel.address_at(super::stack::KE_BUG_CHECK_EX);
        let mut description = DumpDescription {
            writer: self.writer,
            kind: DumpKind::Triage,
            cpu: self.cpu,
            build: self.build,
            stop_code,
            parameters,
            system_time: FileTime::from_unix(self.crashed_at_unix),
            uptime_100ns: self.uptime_seconds * 10_000_000,
            processors: self.processors,
            attributes: Attributes::KERNEL_TRIAGE,
            drivers: boot.drivers,
            unloaded: boot.unloaded,
            stack: Stack::default(),
            registers: registers_at(stop),
            exception: break_at(stop),
            process: self.process_at(boot.process),
            thread_address: boot.process + 0x4080,
            system: Some(self.system.clone()),
            build_lab: Some(format!("{}.1.amd64fre.vb_release.191206-1406", self.build)),
            data_blocks: Vec::new(),
            data_block_width: DataBlockWidth::Sixteen,
            filler_blocks: filler_blocks(self.writer),
            filler_seed: self.boot_seed,
            blobs: Vec::new(),
        };
        StackWords::new(self.cpu, boot.stack_end)
            .call(kernel.address_at(super::stack::BUG_CHECK_CALLER), 6)
            .finish(&mut description);
        description
    }

    fn process_at(&self, address: u64) -> Process {
        Process {
            image_name: self.process.clone(),
            id: self.process_id,
            address,
            locked_pages: 0,
        }
    }

    /// The culprit of a description made from this scene; the last driver if the scene has none of that name.
    pub(super) fn culprit_in(&self, description: &DumpDescription) -> Driver {
        description
            .driver(&self.culprit)
            .or(description.drivers.last())
            .cloned()
            .expect("a scene has at least the kernel")
    }
}

/// Registers of a thread that has just called into `pc`.
fn registers_at(pc: u64) -> Registers {
    Registers {
        pc,
        general: [0x10; 29],
        ..Registers::default()
    }
}

/// The header's exception record, which is a break at `KeBugCheckEx` and not the fault.
fn break_at(address: u64) -> Exception {
    Exception {
        code: 0x8000_0003,
        flags: 1,
        address,
        information: Vec::new(),
    }
}

/// As many meaningless pieces as the smallest real dump of this writer has.
fn filler_blocks(writer: Writer) -> usize {
    match writer {
        Writer::KernelWritten => 30,
        Writer::Converted => 330,
    }
}
