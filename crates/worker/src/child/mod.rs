//! Analysis in a child process, because dumps are hostile.
//!
//! The program starts itself again with a hidden subcommand, whose whole work is [`serve_stdio`]. Parent and child
//! exchange frames on the child's standard input and output: a length of eight bytes, little-endian, and so many bytes.
//!
//! ```text
//! parent ──► 0x0000_0000_0015_8000 │ the dump's bytes                      dump in
//! child  ──► 0x0000_0000_0000_b1f3 │ 0x00 │ the report as JSON             report out
//! child  ──► 0x0000_0000_0000_0052 │ 0x01 │ "this kernel dump cannot be …" or a sentence out
//! ```
//!
//! The child limits itself before it reads the first byte: 1 GiB more of address space, ten seconds of processor time a dump,
//! no file may be written, none opened and no socket made (the limit of open files is what it has), no core file. It
//! dies with the parent's thread that started it, and when its input ends. It does not change its user or its view of
//! the file system: without the right to open anything there is nothing to see.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

pub(crate) mod process;
mod serve;

pub use process::{Analyser, Failure};
pub use serve::serve_stdio;

/// The first byte of an answer that is a report.
const REPORT: u8 = 0;

/// The first byte of an answer that says why there is no report.
const REFUSAL: u8 = 1;

/// The largest dump that a child takes. Larger ones would not fit into its address space with what is made of them.
const LARGEST_DUMP: u64 = 256 << 20;

/// The largest answer that a parent takes.
const LARGEST_ANSWER: u64 = 64 << 20;

/// What starts a child: a program whose work, with these arguments, is [`serve_stdio`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

impl ChildCommand {
    /// The running program with the subcommand `analyze-child`.
    ///
    /// # Errors
    ///
    /// When the operating system does not tell which program is running.
    pub fn of_this_program() -> io::Result<ChildCommand> {
        Ok(ChildCommand {
            program: std::env::current_exe()?,
            arguments: vec!["analyze-child".into()],
        })
    }
}
