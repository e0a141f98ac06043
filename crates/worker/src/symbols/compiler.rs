//! One child that compiles symbol files into the cache, one at a time: that bounds the memory they take.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use analysis::symbols::Wanted;
use tokio::sync::Mutex;

use super::cache::{Cache, Entry, Temporary};
use crate::ChildCommand;
use crate::child::{Analyser, Failure, Identity};

/// How long one file may take.
const TIMEOUT: Duration = Duration::from_mins(3);

/// Files after which the child is replaced.
const FILES_PER_CHILD: u32 = 50;

/// The child, and the cache that it fills.
#[derive(Debug)]
pub(super) struct Compiler {
    child: Mutex<Analyser>,
    pub(super) cache: Cache,
}

/// How a file came, and what becomes of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The file name it came under.
    pub(super) name: &'a str,
    /// The name of the compiled file in the cache.
    pub(super) cached: &'a str,
}

/// What came of a file.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) identity: Identity,
    pub(super) entry: Arc<Entry>,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotCompiled {
    /// The file, or the child.
    #[error(transparent)]
    Child(#[from] Failure),
    /// It is another file than its place says.
    #[error("it is {found}, not {wanted}")]
    Other {
        /// The key it has.
        found: String,
        /// The key it was looked for by.
        wanted: String,
    },
    /// The folder of compiled files.
    #[error("the folder of compiled symbol files")]
    Cache(#[from] std::io::Error),
}

impl Compiler {
    pub(super) fn new(child: ChildCommand, cache: Cache) -> Compiler {
        Compiler {
            cache,
            child: Mutex::new(Analyser::new(child, TIMEOUT, FILES_PER_CHILD)),
        }
    }

    /// Compiles a file into the cache. It must have the key that is wanted.
    pub(super) async fn compile(
        &self,
        wanted: &Wanted,
        place: Place<'_>,
        source: Source,
    ) -> Result<Compiled, NotCompiled> {
        let mut compiled = self.cache.temporary()?;
        let mut child = self.child.lock().await;
        let identity = child
            .compile(source.file(), place.name, &mut compiled.file)
            .await?;
        drop(child);
        if identity.kind != wanted.kind || identity.key != wanted.key {
            return Err(NotCompiled::Other {
                found: identity.key.to_string(),
                wanted: wanted.key.to_string(),
            });
        }
        let kept = if identity.as_it_is {
            source.into_temporary(&self.cache)?
        } else {
            compiled
        };
        let entry = self.cache.put(place.cached, &kept)?;
        Ok(Compiled { identity, entry })
    }
}

/// The bytes as they came. An image is used as it is, so they must be nobody else's to change.
pub(super) enum Source {
    /// In the cache's own folder.
    Temporary(Temporary),
    /// A file that is never written again, but may be removed.
    Blob(File),
}

impl Source {
    fn file(&self) -> &File {
        match self {
            Source::Temporary(temporary) => &temporary.file,
            Source::Blob(file) => file,
        }
    }

    fn into_temporary(self, cache: &Cache) -> std::io::Result<Temporary> {
        match self {
            Source::Temporary(temporary) => Ok(temporary),
            Source::Blob(mut file) => {
                use std::io::Seek;
                let mut temporary = cache.temporary()?;
                file.rewind()?;
                std::io::copy(&mut file, &mut temporary.file)?;
                Ok(temporary)
            }
        }
    }
}
