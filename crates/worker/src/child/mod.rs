//! Analysis in a child process, because dumps and symbol files are hostile.
//!
//! The program starts itself again with a hidden subcommand, whose whole work is [`serve_stdio`]. The child's standard
//! input is one end of a socket; both sides send frames on it: a letter, a length of eight bytes,
//! little-endian, and so many bytes. A frame may carry one open file.
//!
//! ```text
//! child  ──► S │ what holds it, as JSON                         once, when it is ready
//!
//! parent ──► A │ the dump's bytes                               analyse this
//! child  ──► W │ [{"kind":"image","key":"a.sys/5E..","held":false}, …]   which of these files are there?
//! parent ──► F + file │ its length    H │ still the one you hold    N │ no      one frame for each
//! child  ──► R │ the report as JSON             or E │ "this kernel dump cannot be …"
//!
//! parent ──► C + file │ its length and name                     compile this symbol file
//! child  ──► K │ what it is, as JSON   B │ the compiled bytes    or E │ "the PDB ends …"
//! ```
//!
//! The parent never looks into a dump or a symbol file. It opens files of its own cache and hands them over; the child
//! maps them, and can open nothing itself. What holds the child is in its module `cage`.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use wire::symbols::{SymbolKey, SymbolKind};

mod cage;
mod frame;
mod held;
pub(crate) mod process;
mod serve;

pub use cage::Cage;
pub use process::{Analyser, Failure};
pub use serve::serve_stdio;

/// The largest dump that a child takes. Larger ones would not fit into its address space with what is made of them.
const LARGEST_DUMP: u64 = 256 << 20;

/// The largest report, and the largest other answer that is read into memory.
const LARGEST_ANSWER: u64 = 64 << 20;

/// The largest compiled symbol file.
const LARGEST_COMPILED: u64 = 1 << 30;

/// Files that a child may ask for at a time.
const MOST_WANTED: usize = 512;

/// Questions that a child may ask about one dump.
const MOST_QUESTIONS: usize = 8;

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

/// One file that a child asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Question {
    kind: SymbolKind,
    key: SymbolKey,
    /// Whether the child has it mapped, as it was given to it last.
    held: bool,
}

/// What a symbol file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Image or debug file.
    pub(crate) kind: SymbolKind,
    /// Its own key, whatever it came under.
    pub(crate) key: SymbolKey,
    /// The debug file of an image.
    pub(crate) debug: Option<SymbolKey>,
    /// Whether it is used as it is, so that no bytes follow.
    pub(crate) as_it_is: bool,
}
