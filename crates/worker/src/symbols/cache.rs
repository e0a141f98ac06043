//! The folder of compiled symbol files, bounded by bytes.
//!
//! A file is written under a temporary name and renamed, and never written again: children map it. When there are too
//! many bytes, those go that were not used for the longest time; a child that has one mapped keeps its bytes. Several
//! programs may share the folder; each counts for itself, and a file that another has swept away is looked for anew.

use std::collections::HashMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use store::Clock;
use uuid::Uuid;

/// Changed when compiled files of before can no longer be read.
const VERSION: &str = "1";

/// How often the use of a file is noted on disk.
const NOTED_EVERY: Duration = Duration::from_hours(1);

/// Temporary files older than this are nobody's any more.
const ABANDONED: Duration = Duration::from_hours(6);

/// A compiled file.
#[derive(Debug)]
pub(crate) struct Entry {
    path: PathBuf,
    identity: u64,
    noted: Mutex<SystemTime>,
    used: AtomicU64,
    ticks: Arc<AtomicU64>,
    clock: Clock,
}

impl Entry {
    /// What tells this file from every other, also from one that comes to the same name later.
    pub(crate) fn identity(&self) -> u64 {
        self.identity
    }

    /// The file and its length.
    pub(crate) fn open(&self) -> io::Result<(File, u64)> {
        let tick = self.ticks.fetch_add(1, Ordering::Relaxed);
        self.used.store(tick, Ordering::Relaxed);
        let file = File::open(&self.path)?;
        let length = file.metadata()?.len();
        self.note_use();
        Ok((file, length))
    }

    /// The next start of the program knows the order by the time of modification.
    fn note_use(&self) {
        let now = SystemTime::from(self.clock.now());
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(*noted).is_ok_and(|since| since > NOTED_EVERY) {
            *noted = now;
            // If it cannot be noted, the file only goes earlier.
            let _ = File::options()
                .append(true)
                .open(&self.path)
                .and_then(|file| file.set_modified(now));
        }
    }
}

/// The folder.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    most_bytes: u64,
    kept: Mutex<Kept>,
    /// Counts uses.
    ticks: Arc<AtomicU64>,
    clock: Clock,
}

#[derive(Debug, Default)]
struct Kept {
    entries: HashMap<String, KeptEntry>,
    bytes: u64,
}

#[derive(Debug)]
struct KeptEntry {
    entry: Arc<Entry>,
    length: u64,
}

/// The name of a compiled file: what it is made of, from where.
pub(super) fn name_of(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    hash.update(VERSION);
    for part in parts {
        hash.update([0]);
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

impl Cache {
    pub(super) fn open(folder: PathBuf, most_bytes: u64, clock: Clock) -> io::Result<Cache> {
        fs::create_dir_all(folder.join("tmp"))?;
        let cache = Cache {
            folder,
            most_bytes,
            kept: Mutex::default(),
            ticks: Arc::new(AtomicU64::new(1)),
            clock,
        };
        cache.take_stock()?;
        Ok(cache)
    }

    /// Finds what an earlier run of the program left.
    fn take_stock(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for file in fs::read_dir(&self.folder)?.flatten() {
            let (Ok(metadata), Ok(name)) = (file.metadata(), file.file_name().into_string()) else {
                continue;
            };
            if metadata.is_file() && name.len() == 64 {
                files.push((metadata.modified()?, name, metadata.len()));
            }
        }
        files.sort();
        for (modified, name, length) in files {
            self.keep(&name, length, modified);
        }
        for file in fs::read_dir(self.folder.join("tmp"))?.flatten() {
            let modified = file.metadata().and_then(|metadata| metadata.modified());
            if modified.is_ok_and(|modified| modified + ABANDONED < SystemTime::from(self.clock.now())) {
                fs::remove_file(file.path())?;
            }
        }
        Ok(())
    }

    /// The file of this name, if it is there.
    pub(super) fn get(&self, name: &str) -> Option<Arc<Entry>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = Arc::clone(&kept.entries.get(name)?.entry);
        if entry.path.exists() {
            return Some(entry);
        }
        kept.remove(name);
        None
    }

    /// A file to write to, which becomes one of the cache by [`Cache::put`] and is removed otherwise.
    pub(super) fn temporary(&self) -> io::Result<Temporary> {
        let path = self.folder.join("tmp").join(Uuid::now_v7().simple().to_string());
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        Ok(Temporary { path, file })
    }

    /// Takes a written file in under its name.
    pub(super) fn put(&self, name: &str, written: &Temporary) -> io::Result<Arc<Entry>> {
        let length = written.file.metadata()?.len();
        fs::rename(&written.path, self.folder.join(name))?;
        Ok(self.keep(name, length, SystemTime::from(self.clock.now())))
    }

    fn keep(&self, name: &str, length: u64, modified: SystemTime) -> Arc<Entry> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(name);
        let used = self.ticks.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(name);
        let entry = Arc::new(Entry {
            identity: identity(&path, length, modified),
            path,
            noted: Mutex::new(modified),
            used: AtomicU64::new(used),
            ticks: Arc::clone(&self.ticks),
            clock: self.clock.clone(),
        });
        kept.bytes = kept.bytes.saturating_add(length);
        kept.entries.insert(
            name.to_owned(),
            KeptEntry {
                entry: Arc::clone(&entry),
                length,
            },
        );
        for path in kept.shrink(self.most_bytes, name) {
            // If it cannot be removed, the next start counts it again.
            let _ = fs::remove_file(path);
        }
        entry
    }
}

fn identity(path: &Path, length: u64, modified: SystemTime) -> u64 {
    let mut hasher = DefaultHasher::new();
    (path, length, modified).hash(&mut hasher);
    hasher.finish()
}

impl Kept {
    fn remove(&mut self, name: &str) -> Option<PathBuf> {
        let old = self.entries.remove(name)?;
        self.bytes = self.bytes.saturating_sub(old.length);
        Some(old.entry.path.clone())
    }

    /// Lets go of what was not used for the longest time, but for `newest`; the files to remove.
    fn shrink(&mut self, most_bytes: u64, newest: &str) -> Vec<PathBuf> {
        let mut removed = Vec::new();
        while self.bytes > most_bytes {
            let others = self.entries.iter().filter(|(name, _)| *name != newest);
            let oldest = others.min_by_key(|(_, kept)| kept.entry.used.load(Ordering::Relaxed));
            let Some(oldest) = oldest.map(|(name, _)| name.clone()) else {
                break;
            };
            removed.extend(self.remove(&oldest));
        }
        removed
    }
}

/// A file in the making.
#[derive(Debug)]
pub(super) struct Temporary {
    path: PathBuf,
    /// Open for reading and writing.
    pub(super) file: File,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a rename there is nothing under this name any more.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    fn put(cache: &Cache, name: &str, bytes: &[u8]) -> Arc<Entry> {
        let mut temporary = cache.temporary().unwrap();
        temporary.file.write_all(bytes).unwrap();
        cache.put(name, &temporary).unwrap()
    }

    fn name(text: &str) -> String {
        name_of(&[text])
    }

    #[test]
    fn what_was_not_used_for_the_longest_time_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned(), 30, Clock::System).unwrap();
        put(&cache, &name("a"), &[1; 10]);
        put(&cache, &name("b"), &[2; 10]);
        put(&cache, &name("c"), &[3; 10]);
        cache.get(&name("a")).unwrap().open().unwrap();
        put(&cache, &name("d"), &[4; 10]);
        assert!(cache.get(&name("b")).is_none());
        assert!(cache.get(&name("a")).is_some());
        assert!(!folder.path().join(name("b")).exists());
    }

    #[test]
    fn a_file_larger_than_the_cache_is_kept_while_it_is_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned(), 5, Clock::System).unwrap();
        put(&cache, &name("a"), &[1; 10]);
        assert!(cache.get(&name("a")).is_some());
        put(&cache, &name("b"), &[1; 10]);
        assert!(cache.get(&name("a")).is_none());
    }

    #[test]
    fn the_next_start_finds_what_is_there_and_not_what_was_never_finished() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned(), 100, Clock::System).unwrap();
        let first = put(&cache, &name("a"), b"hello");
        drop(cache.temporary().unwrap());
        assert_eq!(fs::read_dir(folder.path().join("tmp")).unwrap().count(), 0);
        let cache = Cache::open(folder.path().to_owned(), 100, Clock::System).unwrap();
        let (mut file, length) = cache.get(&name("a")).unwrap().open().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), length), ("hello", 5));
        drop(first);
        assert!(cache.get(&name("b")).is_none());
    }

    #[test]
    fn a_file_that_another_program_swept_away_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned(), 100, Clock::System).unwrap();
        put(&cache, &name("a"), b"hello");
        fs::remove_file(folder.path().join(name("a"))).unwrap();
        assert!(cache.get(&name("a")).is_none());
        let again = put(&cache, &name("a"), b"hello");
        assert!(again.open().is_ok());
    }
}
