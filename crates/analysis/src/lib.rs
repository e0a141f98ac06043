//! From the bytes of a dump to a crash report.
//!
//! [`analyze`] takes what `C:\Windows\Minidump`, `MEMORY.DMP` or a crash reporter wrote and says what stopped the
//! machine or the process, which driver is most likely at fault, how sure one dump can make us of that, and what to
//! do next. It is pure: no files, no network, no clock; it asks for nothing but the bytes. And it is bounded: dumps
//! are hostile input, so threads, frames and stack bytes are counted before they are walked.
//!
//! | module | in it |
//! |---|---|
//! | [`stop_codes`] | the table of stop codes |
//! | [`guidance`] | what to do about a stop code |
//! | [`archive`] | dumps inside a zip |
//! | `kernel` | kernel dumps: fault, stack, evidence, verdict |
//! | `user` | user-mode minidumps, through minidump-processor |
//! | `images` | which kernel images are Windows itself, which are layers that others act through |
//! | [`signature`] | what groups crashes with one cause |
//! | [`symbols`] | who is asked for symbol files |
//! | `unwind` | how an image's own tables lead from a function to its caller |
//! | `walk` | stacks, walked with the files that were to be had |
//!
//! Symbol files turn frames of trust `scan` into frames of trust `cfi`; everything that ranks or groups looks at the
//! trust of a frame, never at how it was found.

#![forbid(unsafe_code)]

// The helpers of the tests beside the crate serve those inside it as well.
#[cfg(test)]
extern crate self as analysis;
#[cfg(test)]
#[path = "../tests/it/corpus.rs"]
mod corpus;

pub mod archive;
mod error;
mod frames;
pub mod guidance;
mod images;
mod kernel;
mod names;
pub mod signature;
pub mod stop_codes;
pub mod symbols;
mod unwind;
mod user;
mod walk;

pub use error::{Error, Foreign, MinidumpProblem};
pub use signature::Rules;
pub use symbols::{NoSymbols, SymbolSource};
pub use wire::report;

use wire::report::Report;

/// Says what one dump tells.
///
/// The kind of dump is told by its first bytes, never by a name.
///
/// # Errors
///
/// When the bytes are no crash dump, when the dump is too damaged to say anything, or when it claims more than any
/// real dump has. The error's text is a sentence for the person who sent the file.
///
/// ```
/// let error = analysis::analyze(b"PK\x03\x04 and so on").unwrap_err();
/// assert!(error.to_string().contains("zip archive"));
/// ```
pub fn analyze(bytes: &[u8]) -> Result<Report, Error> {
    analyze_with(bytes, &mut NoSymbols, &Rules::default())
}

/// Says what one dump tells, with the symbol files that `symbols` has and a signature by `rules`.
///
/// # Errors
///
/// As [`analyze`].
pub fn analyze_with(bytes: &[u8], symbols: &mut dyn SymbolSource, rules: &Rules) -> Result<Report, Error> {
    if bytes.starts_with(b"MDMP") {
        user::analyze(bytes, symbols, rules)
    } else if bytes.starts_with(b"PAGE") {
        kernel::analyze(bytes, symbols, rules)
    } else {
        Err(Error::NotADump {
            what: Foreign::recognise(bytes),
        })
    }
}
