//! Reads Windows kernel crash dumps from a byte slice.
//!
//! The crate reads the *small* (triage) dumps of `C:\Windows\Minidump` in full, in both widths, for x64, Arm64 and
//! x86, and recognises every other kernel dump: of those it reads header, stop code and registers. User-mode
//! minidumps (`MDMP`) are another format and are refused.
//!
//! It borrows from one slice, does no I/O, and is made for files that strangers send: every count, offset and length
//! is checked before it is used, nothing panics, and no allocation follows a number in the file further than the
//! file's own size allows. Only an unreadable header is an error; damage elsewhere is a [`Warning`], and the rest of
//! the dump is read.
//!
//! ```
//! use kdump::{Dump, Error};
//!
//! fn describe(bytes: &[u8]) -> Result<String, Error> {
//!     let dump = Dump::parse(bytes)?;
//!     let header = dump.header();
//!     let mut text = format!("stop code {:#x} on build {}\n", header.bug_check.code, header.minor_version);
//!     for driver in dump.drivers() {
//!         let name = driver.base_name().map_or_else(|| "?".to_owned(), |name| name.decode());
//!         text += &format!("{} {name} {:08X}\n", driver.base, driver.time_date_stamp);
//!     }
//!     for warning in dump.warnings() {
//!         text += &format!("warning: {warning}\n");
//!     }
//!     Ok(text)
//! }
//!
//! assert!(describe(b"not a dump").is_err());
//! ```
//!
//! # What a small dump is
//!
//! A header of 0x2000 bytes (0x1000 on 32-bit Windows), a table of contents ([`Triage`]), copies of a few kernel
//! structures, the stack, the list of loaded drivers, and some pieces of memory. It names drivers but holds no
//! versions: those come from an inventory, joined by name, time stamp and size of image. Two writers make such files
//! ([`Writer`]) and fill different fields; fields that a writer leaves alone hold the text `PAGE` and are `None` here.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::as_conversions
    )
)]

mod address;
mod attributes;
mod bug_check;
mod bytes;
mod context;
mod damage;
mod debugger_data;
mod drivers;
mod dump;
mod error;
mod exception;
mod filler;
mod format;
mod header;
mod machine;
mod memory;
mod memory_manager;
mod pages;
mod parts;
mod process;
mod secondary;
mod smbios;
mod stack;
mod text;
mod time;
mod triage;
mod unloaded;
mod warning;
mod writer;

pub use address::Address;
pub use attributes::{Attributes, MiniDumpFields};
pub use bug_check::BugCheck;
pub use context::{Amd64Context, Arm64Context, Context, X86Context};
pub use debugger_data::DebuggerData;
pub use drivers::Driver;
pub use dump::Dump;
pub use error::Error;
pub use exception::ExceptionRecord;
pub use format::{DumpType, Format, FormatKind, recognise};
pub use header::Header;
pub use machine::{Machine, Width};
pub use memory::{Memory, ReadError, Region};
pub use memory_manager::MemoryManager;
pub use pages::PhysicalMemory;
pub use process::{Process, ProcessEvidence};
pub use secondary::{Blob, Tag};
pub use smbios::SmbiosSystem;
pub use stack::Stack;
pub use text::WideText;
pub use time::FileTime;
pub use triage::Triage;
pub use unloaded::UnloadedDriver;
pub use warning::{Part, Warning};
pub use writer::Writer;
