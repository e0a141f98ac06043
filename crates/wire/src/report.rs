//! What one dump says: the crash report.
//!
//! [`Report`] is what analysis makes of the bytes alone. [`Crash`] is the same with what only the server knows
//! around it: ids, the machine, and driver versions joined from inventories by code id.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::dump::DumpFormat;
use crate::{Hex, StopCodeNumber};

/// One crash as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Crash {
    /// The crash's id; absent when a dump is analysed at a desk.
    pub id: Option<Uuid>,
    /// The dump it was read from, if there was one.
    pub dump_id: Option<Uuid>,
    /// The machine that crashed, as its client named it; absent when the upload named none.
    pub machine: Option<String>,
    /// How the server learnt of the crash.
    pub source: CrashSource,
    /// When the server received it.
    #[serde(with = "time::serde::rfc3339::option")]
    pub received_at: Option<OffsetDateTime>,
    /// What the dump says.
    #[serde(flatten)]
    pub report: Report,
}

/// How the server learnt of a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum CrashSource {
    /// A dump was uploaded.
    Dump,
    /// The machine's event log told of a bug check; no dump came.
    Event,
    /// A line of imported history.
    Import,
}

/// What the bytes of one dump say, and what follows from them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Report {
    /// Kernel (bug check) or user (exception in a process).
    pub kind: CrashKind,
    /// The dump's format; absent for a crash that came without a dump.
    #[serde(default)]
    pub format: Option<DumpFormat>,
    /// When the machine stopped, by its own clock. Absent if the dump holds no sensible time.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub crashed_at: Option<OffsetDateTime>,
    /// Whole seconds between boot and crash.
    #[serde(default)]
    pub uptime_seconds: Option<u64>,
    /// The bug check; present for kernel crashes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_code: Option<StopCode>,
    /// The exception; present for user crashes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception: Option<Exception>,
    /// OS build, e.g. 19041: the base of a shared code line, not always the build that `winver` shows.
    #[serde(default)]
    pub os_build: Option<u32>,
    /// `x86_64`, `arm64`, `x86`, …
    #[serde(default)]
    pub architecture: Option<String>,
    /// Number of logical processors.
    #[serde(default)]
    pub processors: Option<u32>,
    /// Manufacturer from the firmware tables, when the dump carries them.
    #[serde(default)]
    pub manufacturer: Option<String>,
    /// Hardware model from the firmware tables, when the dump carries them.
    #[serde(default)]
    pub model: Option<String>,
    /// Image name of the current process, cut to 14 characters by Windows.
    #[serde(default)]
    pub process: Option<String>,
    /// What groups crashes with one cause; the same on every boot.
    pub signature: String,
    /// What the signature is made of, beside the frames: with it, other rules can make another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature_parts: Option<SignatureParts>,
    /// The stack that crashed, innermost frame first.
    #[serde(default)]
    pub frames: Vec<Frame>,
    /// All threads of a user dump; the crashing one has its frames in `frames`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<Thread>,
    /// Loaded drivers in load order (kernel).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drivers: Vec<Module>,
    /// Loaded modules (user).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<Module>,
    /// Drivers that were unloaded before the crash (kernel).
    #[serde(default)]
    pub unloaded_drivers: Vec<UnloadedDriver>,
    /// What points at which driver, strongest first.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// The driver most likely at fault; `null` when the dump alone cannot tell.
    pub probable_driver: Option<ProbableDriver>,
    /// What to do next, in sentences, most useful first.
    #[serde(default)]
    pub guidance: Vec<String>,
    /// Symbol files that would make the stack better.
    #[serde(default)]
    pub missing_symbols: Vec<MissingSymbol>,
    /// What was odd about the dump.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// What a signature is made of, beside the frames.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignatureParts {
    /// What happened: the stop code with its sub-code, or the exception.
    pub what: String,
    /// Where, as far as the dump tells it without its stack: `process chrome.exe`, `amdppm.sys!WriteIoMemRawEx`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Whether the stack tells the place better. It does not where Windows names the driver, and where the stack has
    /// nothing to do with the cause.
    #[serde(default)]
    pub by_stack: bool,
    /// Modules on the stack that lie in folders of the system (user).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub system_modules: Vec<String>,
}

/// Kernel or user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum CrashKind {
    /// A bug check: the machine stopped (or, for live dumps, made a report and went on).
    Kernel,
    /// A process ended with an exception.
    User,
}

/// A bug check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StopCode {
    /// The code with bit 28 cleared: what crashes are grouped by.
    pub code: StopCodeNumber,
    /// The code as the dump holds it.
    pub raw_code: Hex,
    /// Microsoft's name for it, or `UNKNOWN_BUGCHECK`.
    pub name: String,
    /// What kind of fault it is.
    pub class: StopCodeClass,
    /// The four parameters.
    pub parameters: Vec<Parameter>,
}

/// The kinds of stop codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum StopCodeClass {
    /// A driver or OS component misbehaved.
    Driver,
    /// Found by Driver Verifier or special pool.
    Verifier,
    /// Memory was found corrupted later than it happened.
    Memory,
    /// Display driver or GPU.
    Graphics,
    /// A power transition failed.
    Power,
    /// Something took too long.
    Watchdog,
    /// Disk, file system, page-in or hive.
    Storage,
    /// Machine check, bus, firmware or hung CPU.
    Hardware,
    /// An OS component or critical process.
    Os,
    /// An integrity check.
    Security,
    /// A live dump: the machine went on running. Never counted as a crash.
    Live,
    /// Started by a person or a tool. Not a crash.
    Manual,
    /// Not in the table of stop codes.
    Unknown,
}

impl StopCodeClass {
    /// Whether a report of this class is a machine that stopped by a fault: neither a live dump nor started by hand.
    pub fn is_crash(self) -> bool {
        !matches!(self, StopCodeClass::Live | StopCodeClass::Manual)
    }
}

/// One parameter of a bug check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Parameter {
    /// The value as the dump holds it.
    pub value: Hex,
    /// What it means for this stop code.
    pub meaning: Option<String>,
}

/// An exception in a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Exception {
    /// The exception code, e.g. `0xc0000005`.
    pub code: Hex,
    /// Its name, e.g. `EXCEPTION_ACCESS_VIOLATION_WRITE`.
    pub name: String,
    /// The address it is about.
    pub address: Option<Hex>,
}

/// One stack frame.
///
/// A call that the compiler put in place of its callee has a frame of its own, marked [`inline`](Frame::inline), with
/// the address of the frame behind it that it is a part of; of several at one address the innermost comes first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Frame {
    /// Position in the stack; 0 is innermost.
    pub index: u32,
    /// The instruction, or the return address.
    pub address: Hex,
    /// Base name of the module that contains it.
    pub module: Option<String>,
    /// Distance from the module's base.
    pub module_offset: Option<Hex>,
    /// Function name, when symbols were there.
    pub function: Option<String>,
    /// Distance from the function's start; an inlined function has none.
    pub function_offset: Option<Hex>,
    /// Source file, when symbols were there.
    pub file: Option<String>,
    /// Source line, when symbols were there.
    pub line: Option<u32>,
    /// How the frame was found; an inlined one as the frame that it is a part of.
    pub trust: Trust,
    /// Whether this is an inlined call and not a frame on the stack.
    #[serde(default)]
    pub inline: bool,
}

/// How a frame was found, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Trust {
    /// The registers themselves.
    Context,
    /// Unwind information.
    Cfi,
    /// The chain of frame pointers.
    FramePointer,
    /// A value on the stack that looks like a return address.
    Scan,
}

/// One thread of a user dump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Thread {
    /// The thread's id.
    pub id: u32,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Whether it is the one that crashed.
    pub crashed: bool,
    /// Its stack, innermost frame first, cut short for all but the crashing thread.
    pub frames: Vec<Frame>,
}

/// A loaded driver or module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Module {
    /// Base name as the dump spells it.
    pub name: String,
    /// First address.
    pub base: Hex,
    /// Bytes in memory.
    pub size_of_image: u32,
    /// `TimeDateStamp` of the PE header: on Windows 10 and later a hash, never a date. 0 means absent.
    pub time_date_stamp: Hex,
    /// `CheckSum` of the PE header; 0 means absent.
    pub checksum: Hex,
    /// Lower-cased base name, `/`, `TimeDateStamp` as 8 hex digits, `SizeOfImage` as hex: `amdppm.sys/c9c030003b000`.
    /// Absent when the stamp is.
    pub code_id: Option<String>,
    /// File version: from an inventory for drivers (dumps hold none), from the dump for user modules.
    pub version: Option<String>,
    /// Company, from an inventory.
    pub company: Option<String>,
}

/// The code id of an image: `amdppm.sys/c9c030003b000`; `None` when the stamp is 0.
pub fn code_id(base_name: &str, time_date_stamp: u32, size_of_image: u32) -> Option<String> {
    (time_date_stamp != 0).then(|| {
        format!(
            "{}/{time_date_stamp:08x}{size_of_image:x}",
            base_name.to_lowercase()
        )
    })
}

/// A driver that was unloaded before the crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnloadedDriver {
    /// Name, cut to 12 characters by Windows.
    pub name: String,
    /// First address it had.
    pub start: Hex,
    /// The address after its last.
    pub end: Hex,
}

/// Something that points at a driver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Evidence {
    /// Base name of the driver.
    pub driver: String,
    /// What kind of pointer it is.
    pub kind: EvidenceKind,
    /// The fact itself, in words.
    pub detail: String,
    /// From 0 (nothing) to 1 (proof).
    pub strength: f64,
}

/// The kinds of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum EvidenceKind {
    /// A bug check parameter is an address inside it, or the faulting instruction is.
    Parameter,
    /// A frame of a trusted stack walk is inside it.
    Stack,
    /// An address found by scanning the stack is inside it.
    StackScan,
    /// Windows itself named it (0xCB and its like).
    NamedByWindows,
    /// The address lies where it was before it was unloaded.
    Unloaded,
}

/// The driver most likely at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProbableDriver {
    /// Base name.
    pub name: String,
    /// File version, when an inventory knows the code id.
    pub version: Option<String>,
    /// How sure the dump alone can make us.
    pub confidence: Confidence,
    /// A class or port driver through which the fault came, when one stands between.
    #[serde(default)]
    pub via: Option<String>,
}

/// How sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Confidence {
    /// A hint.
    Low,
    /// Worth acting on when several crashes agree.
    Medium,
    /// The faulting instruction is the driver's own, or Windows named it.
    High,
}

/// A symbol file that would make the stack better.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MissingSymbol {
    /// File name, e.g. `ntoskrnl.exe`.
    pub name: String,
    /// Symbol-server key, e.g. `ntoskrnl.exe/0D8333E61046000/ntoskrnl.exe`.
    pub key: String,
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_code_id_is_lower_case_and_pads_only_the_stamp() {
        assert_eq!(
            super::code_id("AMDPPM.sys", 0x0c9c_0300, 0x3b000).unwrap(),
            "amdppm.sys/0c9c03003b000"
        );
        assert_eq!(super::code_id("cdd.dll", 0, 0x1000), None);
    }
}
