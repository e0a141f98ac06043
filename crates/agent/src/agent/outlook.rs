//! Looking for dumps, without the server: what is new, whole and a dump becomes a record in the state.

use std::io;
use std::path::Path;

use super::Agent;
use crate::digest;
use crate::dumps::folders::{self, Found};
use crate::dumps::kind::{self, Examined};
use crate::state::{DumpRecord, Standing, Withheld};

/// What became of a file that was looked at.
enum Look {
    /// It is known, was taken, or is not to be taken.
    Done,
    /// It is being written.
    Unsettled,
}

impl Agent {
    /// Looks at every folder. Says how many files are not whole yet.
    pub(super) fn look_for_dumps(&mut self) -> usize {
        let listing = folders::list(self.machine.as_ref(), &self.config);
        self.sightings.keep_only(&listing.found);
        for (path, why) in &listing.unreadable {
            self.note_unreadable(path, why);
        }
        self.forget_missing_full_dumps(&listing.found);
        let mut unsettled = 0;
        for found in &listing.found {
            match self.look_at(found) {
                Ok(Look::Done) => {
                    self.unreadable.remove(&found.path);
                }
                Ok(Look::Unsettled) => unsettled += 1,
                Err(error) => self.note_unreadable(&found.path, &error.to_string()),
            }
        }
        self.look_at_the_spool();
        unsettled
    }

    fn look_at(&mut self, found: &Found) -> io::Result<Look> {
        if self.is_known(found) {
            return Ok(Look::Done);
        }
        let waits = self.waits();
        if !self.sightings.is_steady(found, self.clock.as_ref(), waits) {
            return Ok(Look::Unsettled);
        }
        let examined = kind::examine(&found.path, found.size_bytes)?;
        let is_waited_out = self.sightings.is_waited_out(found, self.clock.as_ref(), waits);
        if (examined.is_cut_short || found.size_bytes == 0) && !is_waited_out {
            return Ok(Look::Unsettled);
        }
        if self.is_withheld(found, &examined) {
            self.withhold(found, examined);
        } else {
            self.record(found, examined)?;
        }
        self.sightings.forget(&found.path);
        Ok(Look::Done)
    }

    /// Whether this very file was dealt with before.
    fn is_known(&self, found: &Found) -> bool {
        let path = found.path.to_string_lossy();
        let stamp = (found.size_bytes, found.modified);
        let is_withheld = self.state.withheld.get(path.as_ref());
        let is_withheld = is_withheld.is_some_and(|dump| (dump.size_bytes, dump.modified) == stamp);
        let is_record = |dump: &DumpRecord| dump.path == path && (dump.size_bytes, dump.modified) == stamp;
        (is_withheld && !self.wants_full_dumps()) || self.state.dumps.values().any(is_record)
    }

    fn wants_full_dumps(&self) -> bool {
        self.state.policy().is_some_and(|policy| policy.wants_full_dumps)
    }

    fn is_withheld(&self, found: &Found, examined: &Examined) -> bool {
        let is_full = found.is_memory_dump || found.size_bytes > self.config.dump_bytes;
        is_full && examined.refusal.is_none() && !self.wants_full_dumps()
    }

    fn withhold(&mut self, found: &Found, examined: Examined) {
        tracing::info!(path = %found.path.display(), size_bytes = found.size_bytes, kind = examined.kind, "a full dump is told of but not sent");
        let withheld = Withheld {
            size_bytes: found.size_bytes,
            modified: found.modified,
            kind: examined.kind,
            crash: examined.crash,
        };
        let path = found.path.to_string_lossy().into_owned();
        self.state.withheld.insert(path, withheld);
    }

    fn forget_missing_full_dumps(&mut self, found: &[Found]) {
        let is_there = |path: &String| {
            found
                .iter()
                .any(|found| found.path.to_string_lossy() == path.as_str())
        };
        self.state.withheld.retain(|path, _| is_there(path));
    }

    fn record(&mut self, found: &Found, examined: Examined) -> io::Result<()> {
        let path = found.path.to_string_lossy().into_owned();
        let sha256 = digest::of_file(&found.path)?;
        self.state.withheld.remove(&path);
        let standing = match &examined.refusal {
            Some(why) => Standing::Refused(why.clone()),
            None if self.state.is_rebuilt => Standing::Unsure,
            None => Standing::Pending,
        };
        if let Some(why) = &examined.refusal {
            tracing::warn!(path, why, "a file in a dump folder is no dump; it is not sent");
        } else {
            let (size_bytes, kind, cut_short) = (found.size_bytes, &examined.kind, examined.is_cut_short);
            tracing::info!(path, size_bytes, kind, cut_short, "a dump was found");
        }
        let record = DumpRecord {
            path,
            size_bytes: found.size_bytes,
            modified: found.modified,
            kind: examined.kind,
            crash: examined.crash,
            standing,
            failures: 0,
            not_before: None,
        };
        // The same bytes under another name, or a file whose time was changed: what is known of them stays.
        match self.state.dumps.get_mut(&sha256) {
            Some(known) => {
                let is_back = known.standing == Standing::Refused(GONE.to_owned());
                let standing = if is_back {
                    Standing::Pending
                } else {
                    known.standing.clone()
                };
                *known = DumpRecord {
                    standing,
                    failures: known.failures,
                    not_before: known.not_before,
                    ..record
                };
            }
            None => {
                self.state.dumps.insert(sha256, record);
            }
        }
        Ok(())
    }

    /// Takes up copies in the spool that no record knows: the state was lost.
    fn look_at_the_spool(&mut self) {
        for (sha256, path) in self.spool.dumps() {
            if self.state.dumps.contains_key(&sha256) {
                continue;
            }
            let size_bytes = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
            match kind::examine(&path, size_bytes) {
                Ok(examined) => {
                    let record = DumpRecord {
                        path: path.to_string_lossy().into_owned(),
                        size_bytes,
                        modified: 0,
                        kind: examined.kind,
                        crash: examined.crash,
                        standing: Standing::Unsure,
                        failures: 0,
                        not_before: None,
                    };
                    self.state.dumps.insert(sha256, record);
                }
                Err(error) => self.note_unreadable(&path, &error.to_string()),
            }
        }
    }

    fn note_unreadable(&mut self, path: &Path, why: &str) {
        let known = self.unreadable.insert(path.to_owned(), why.to_owned());
        if known.as_deref() != Some(why) {
            tracing::warn!(path = %path.display(), why, "this cannot be read; it is tried again later");
        }
    }
}

/// Why a dump is not sent that neither lies where it was nor in the spool.
pub(super) const GONE: &str = "the file was removed before it could be sent";
