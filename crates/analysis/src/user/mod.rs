//! User-mode minidumps (`MDMP`), through minidump-processor, into the same report.
//!
//! What minidump-processor is good at it does: which thread crashed and with which registers, what the exception is
//! called, what the system was. What it does not bound, it does not get: one file of 1 MB whose threads share one
//! stack makes it take 928 MB. So it sees a copy of the dump without any memory and with the lists checked
//! ([`prepared`]), in which no walk gets beyond the first frame; the stacks are then walked here ([`walk`]), each on
//! a slice of the original's memory ([`memory`]), with a budget of frames. The same file then takes 14 MB in all.
//!
//! Symbol files are asked for once, between the two: those of the modules that the stacks may lead through
//! ([`files`]). They tell the walk how to get to a caller ([`provider`]), and the report what functions are called.

mod files;
mod memory;
mod prepared;
mod provider;
mod report;
mod streams;
mod system;
mod walk;

use minidump::Minidump;
use minidump_processor::{ProcessError, ProcessState};

use crate::Error;
use crate::error::MinidumpProblem;
use crate::signature::Rules;
use crate::symbols::SymbolSource;
use crate::walk::poll_to_end;
use files::Files;
use memory::Memory;
use prepared::Prepared;
use report::Parts;
use wire::report::Report;

/// Says what a user-mode minidump tells.
pub(crate) fn analyze(bytes: &[u8], symbols: &mut dyn SymbolSource, rules: &Rules) -> Result<Report, Error> {
    let prepared = Prepared::of(bytes)?;
    let dump =
        Minidump::read(prepared.bytes()).map_err(|_| MinidumpProblem::Unreadable { what: "its header" })?;
    let state = process(&dump)?;
    let memory = Memory::of(bytes)?;
    let files = Files::of(&state, walk::addresses(&state, &memory), symbols);
    let stacks = walk::all(&state, &memory, &files);
    let exception_code = dump
        .get_stream::<minidump::MinidumpException<'_>>()
        .ok()
        .map(|exception| exception.raw.exception_record.exception_code);
    let parts = Parts {
        state: &state,
        stacks,
        files: &files,
        exception_code,
        written_at: dump.header.time_date_stamp,
        left_out: prepared.left_out(),
    };
    Ok(report::build(&parts, rules))
}

/// Everything about the process but its stacks.
fn process(dump: &Minidump<'_, &[u8]>) -> Result<ProcessState, Error> {
    let none = Files::default();
    let provider = provider::Symbols::new(&none, u32::MAX);
    let processing = minidump_processor::process_minidump(dump, &provider);
    let problem = match poll_to_end(processing) {
        Some(Ok(state)) => return Ok(state),
        Some(Err(ProcessError::MissingSystemInfo)) => MinidumpProblem::Missing {
            what: "description of the system",
        },
        Some(Err(ProcessError::MissingThreadList)) => MinidumpProblem::Missing {
            what: "list of threads",
        },
        Some(Err(_)) | None => MinidumpProblem::Unreadable { what: "its content" },
    };
    Err(problem.into())
}

impl From<MinidumpProblem> for Error {
    fn from(problem: MinidumpProblem) -> Self {
        Error::DamagedMinidump { problem }
    }
}
