//! The symbol files that a child has mapped, and how it asks for more.
//!
//! The one place with `unsafe` in it: a mapped file is plain memory only as long as nobody changes the file. The files
//! that a parent hands over are its own: written once under another name and never again, whatever becomes of the
//! name. A file that is cut short all the same kills the child that reads it, as any bad dump may.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use analysis::symbols::{SymbolBytes, SymbolSource, Wanted};
use memmap2::{Mmap, MmapOptions};

use super::frame::{Kind, Link};
use super::{MOST_WANTED, Question};

/// Bytes of files that stay mapped between dumps: a part of the address space that a child may use.
const MOST_HELD_BYTES: usize = 384 << 20;

/// Files that stay mapped between dumps.
const MOST_HELD_FILES: usize = 1024;

/// A mapped file.
#[derive(Debug)]
pub(super) struct Mapped(Mmap);

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Maps `length` bytes of a file.
pub(super) fn map(file: OwnedFd, length: u64) -> io::Result<Mapped> {
    let length = usize::try_from(length).map_err(io::Error::other)?;
    let file = File::from(file);
    #[expect(unsafe_code, reason = "there is no safe way to map a file")]
    // SAFETY: the parent hands over files that nobody writes to any more; see the module.
    let mapped = unsafe { MmapOptions::new().len(length).map(&file) }?;
    Ok(Mapped(mapped))
}

/// What a child has mapped.
#[derive(Default)]
pub(super) struct Held {
    files: HashMap<Wanted, HeldFile>,
    bytes: usize,
    questions: u64,
}

struct HeldFile {
    bytes: SymbolBytes,
    length: usize,
    /// The number of the question it was last an answer to.
    used: u64,
}

impl Held {
    fn take_in(&mut self, wanted: &Wanted, mapped: Mapped) -> SymbolBytes {
        let length = mapped.0.len();
        let bytes: SymbolBytes = Arc::new(mapped);
        let file = HeldFile {
            bytes: Arc::clone(&bytes),
            length,
            used: self.questions,
        };
        self.bytes += length;
        if let Some(old) = self.files.insert(wanted.clone(), file) {
            self.bytes = self.bytes.saturating_sub(old.length);
        }
        bytes
    }

    fn still_held(&mut self, wanted: &Wanted) -> Option<SymbolBytes> {
        let file = self.files.get_mut(wanted)?;
        file.used = self.questions;
        Some(Arc::clone(&file.bytes))
    }

    fn let_go(&mut self, wanted: &Wanted) {
        if let Some(file) = self.files.remove(wanted) {
            self.bytes = self.bytes.saturating_sub(file.length);
        }
    }

    /// Lets go of what was not asked for the longest time, until the rest is within bounds.
    fn shrink(&mut self) {
        while self.bytes > MOST_HELD_BYTES || self.files.len() > MOST_HELD_FILES {
            let oldest = self.files.iter().min_by_key(|(_, file)| file.used);
            let Some(oldest) = oldest.map(|(wanted, _)| wanted.clone()) else {
                return;
            };
            self.let_go(&oldest);
        }
    }
}

/// Asks the parent for files while one dump is analysed.
pub(super) struct Asking<'a> {
    link: &'a mut Link,
    held: &'a mut Held,
    /// What went wrong with the socket; then nothing is found any more.
    pub(super) broken: Option<io::Error>,
}

impl<'a> Asking<'a> {
    pub(super) fn new(link: &'a mut Link, held: &'a mut Held) -> Self {
        Asking {
            link,
            held,
            broken: None,
        }
    }

    fn ask(&mut self, wanted: &[Wanted]) -> io::Result<Vec<Option<SymbolBytes>>> {
        self.held.questions += 1;
        let questions: Vec<Question> = wanted
            .iter()
            .map(|wanted| Question {
                kind: wanted.kind,
                key: wanted.key.clone(),
                held: self.held.files.contains_key(wanted),
            })
            .collect();
        self.link.send(Kind::Want, &serde_json::to_vec(&questions)?)?;
        let found = wanted.iter().map(|wanted| self.answer(wanted)).collect();
        self.held.shrink();
        found
    }

    fn answer(&mut self, wanted: &Wanted) -> io::Result<Option<SymbolBytes>> {
        let answer = self.link.receive()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let body = self.link.body(answer.length, 8)?;
        match (answer.kind, answer.file, body.first_chunk::<8>()) {
            (Kind::Held, None, None) => Ok(self.held.still_held(wanted)),
            (Kind::Absent, None, None) => {
                self.held.let_go(wanted);
                Ok(None)
            }
            (Kind::File, Some(file), Some(length)) => {
                self.held.let_go(wanted);
                // There may be no room for it; then it is as if it were not there.
                let mapped = map(file, u64::from_le_bytes(*length)).ok();
                Ok(mapped.map(|mapped| self.held.take_in(wanted, mapped)))
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

impl SymbolSource for Asking<'_> {
    fn find(&mut self, wanted: &[Wanted]) -> Vec<Option<SymbolBytes>> {
        if wanted.is_empty() || self.broken.is_some() {
            return vec![None; wanted.len()];
        }
        let asked = wanted.get(..MOST_WANTED).unwrap_or(wanted);
        match self.ask(asked) {
            Ok(mut found) => {
                found.resize(wanted.len(), None);
                found
            }
            Err(error) => {
                self.broken = Some(error);
                vec![None; wanted.len()]
            }
        }
    }
}
