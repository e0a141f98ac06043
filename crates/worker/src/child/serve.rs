//! The child's side: locks itself up, then works until its parent is gone.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use analysis::Rules;
use analysis::symbols::{Compiled, Contents};

use super::frame::{Arrived, Kind, Link};
use super::held::{Asking, Held};
use super::{Identity, LARGEST_DUMP, cage, held};

const PROCESSOR_SECONDS_PER_DUMP: u64 = 10;

/// A PDB of half a gigabyte takes its time.
const PROCESSOR_SECONDS_PER_SYMBOL_FILE: u64 = 120;

/// The longest name of a file to compile.
const LONGEST_NAME: u64 = 1024;

/// Analyses dumps and compiles symbol files for the parent on the other end of standard input, until it is gone.
///
/// Call it in a process of its own, before anything else: it limits the process for good.
///
/// # Errors
///
/// When a limit cannot be set, or a frame is cut short, too large, out of place, or cannot be written.
pub fn serve_stdio() -> io::Result<()> {
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let mut link = Link::new(UnixStream::from(socket));
    let cage = cage::lock_up()?;
    link.send(Kind::Ready, &serde_json::to_vec(&cage)?)?;
    let mut held = Held::default();
    let rules = Rules::default();
    while let Some(arrived) = link.receive()? {
        match arrived.kind {
            Kind::Analyse => analyse(&mut link, &mut held, &rules, arrived.length)?,
            Kind::Compile => compile(&mut link, arrived)?,
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        }
    }
    Ok(())
}

fn analyse(link: &mut Link, held: &mut Held, rules: &Rules, length: u64) -> io::Result<()> {
    let dump = link.body(length, LARGEST_DUMP)?;
    cage::allow_more_time(PROCESSOR_SECONDS_PER_DUMP)?;
    let mut symbols = Asking::new(link, held);
    let report = analysis::analyze_with(&dump, &mut symbols, rules);
    if let Some(broken) = symbols.broken {
        return Err(broken);
    }
    match report {
        Ok(report) => link.send(Kind::Report, &serde_json::to_vec(&report)?),
        Err(error) => link.send(Kind::Refusal, error.to_string().as_bytes()),
    }
}

fn compile(link: &mut Link, arrived: Arrived) -> io::Result<()> {
    let body = link.body(arrived.length, LONGEST_NAME + 8)?;
    let (Some(file), Some((length, name))) = (arrived.file, body.split_first_chunk::<8>()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    cage::allow_more_time(PROCESSOR_SECONDS_PER_SYMBOL_FILE)?;
    let name = String::from_utf8_lossy(name);
    let compiled = match u64::from_le_bytes(*length) {
        0 => return link.send(Kind::Refusal, b"the file is empty"),
        length => analysis::symbols::compile(held::map(file, length)?.as_ref(), &name),
    };
    match compiled {
        Ok(compiled) => send_compiled(link, compiled),
        Err(error) => link.send(Kind::Refusal, error.to_string().as_bytes()),
    }
}

fn send_compiled(link: &mut Link, compiled: Compiled) -> io::Result<()> {
    let identity = Identity {
        kind: compiled.kind,
        key: compiled.key,
        debug: compiled.debug,
        as_it_is: matches!(compiled.contents, Contents::AsItIs),
    };
    link.send(Kind::Compiled, &serde_json::to_vec(&identity)?)?;
    match compiled.contents {
        Contents::AsItIs => Ok(()),
        Contents::Bytes(bytes) => link.send(Kind::Contents, &bytes),
    }
}
