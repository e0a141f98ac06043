//! Symbol files that were uploaded: their rows in the database, their bytes among the blobs.

use std::collections::HashMap;
use std::sync::Arc;

use analysis::symbols::Wanted;
use store::blobs::Blobs;
use store::symbols::{self, SymbolFile};
use store::{Error, PgPool};
use wire::symbols::{SymbolKey, SymbolKind};

use super::cache::{Entry, name_of};
use super::compiler::{Compiled, NotCompiled, Place, Source};
use super::{Finder, telemetry};
use crate::pool::log;

/// Where uploads are.
#[derive(Debug)]
pub(super) struct Uploads {
    pub(super) database: PgPool,
    blobs: Blobs,
}

/// Why an upload cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    /// Its bytes.
    #[error("the bytes of the symbol file are not in the blob store")]
    NoBlob,
    /// Its key was checked when it was uploaded, and yet.
    #[error("the key of the symbol file cannot be read")]
    Key,
    /// The blob store.
    #[error(transparent)]
    Store(#[from] Error),
    /// The file.
    #[error(transparent)]
    NotCompiled(#[from] NotCompiled),
}

impl Uploads {
    pub(super) fn new(database: PgPool, blobs: Blobs) -> Uploads {
        Uploads { database, blobs }
    }

    async fn ready(&self, wanted: &[Wanted]) -> Result<Vec<SymbolFile>, Error> {
        let keys: Vec<(symbols::SymbolKind, String)> = wanted
            .iter()
            .map(|wanted| (of_store(wanted.kind), wanted.key.canonical()))
            .collect();
        let mut conn = self.database.acquire().await?;
        symbols::ready(&mut conn, &keys).await
    }
}

impl Finder {
    /// Those of the files that were uploaded, in the order they were asked for.
    pub(super) async fn uploaded(&self, wanted: &[Wanted]) -> Vec<Option<Arc<Entry>>> {
        let Some(uploads) = &self.uploads else {
            return vec![None; wanted.len()];
        };
        let ready = match uploads.ready(wanted).await {
            Ok(ready) => ready,
            Err(error) => {
                log(&error, "could not look for uploaded symbol files");
                Vec::new()
            }
        };
        let ready: HashMap<(symbols::SymbolKind, String), SymbolFile> = ready
            .into_iter()
            .map(|file| ((file.kind, file.key.canonical()), file))
            .collect();
        let mut found = Vec::with_capacity(wanted.len());
        for one in wanted {
            let file = ready.get(&(of_store(one.kind), one.key.canonical()));
            found.push(match file {
                Some(file) => self.entry_of(one, file).await,
                None => None,
            });
        }
        found
    }

    async fn entry_of(&self, wanted: &Wanted, file: &SymbolFile) -> Option<Arc<Entry>> {
        if let Some(entry) = self.compiler.cache.get(&cached(file)) {
            return Some(entry);
        }
        match self.compile_upload(file).await {
            Ok(compiled) => {
                telemetry::found(telemetry::Origin::Upload);
                Some(compiled.entry)
            }
            Err(error) => {
                telemetry::unusable(telemetry::Origin::Upload, wanted, &error);
                None
            }
        }
    }

    /// Compiles an upload into the cache. It must be what its key says.
    pub(super) async fn compile_upload(&self, file: &SymbolFile) -> Result<Compiled, Unusable> {
        let Some(uploads) = &self.uploads else {
            return Err(Unusable::NoBlob);
        };
        let wanted = Wanted {
            kind: match file.kind {
                symbols::SymbolKind::Image => SymbolKind::Image,
                symbols::SymbolKind::Debug => SymbolKind::Debug,
            },
            key: SymbolKey::new(&file.key.name, &file.key.id).map_err(|_| Unusable::Key)?,
        };
        let blob = uploads.blobs.open_blob(file.sha256).await?;
        let (blob, _) = blob.ok_or(Unusable::NoBlob)?;
        let source = Source::Blob(blob.into_std().await);
        let place = Place {
            name: &file.file_name,
            cached: &cached(file),
        };
        Ok(self.compiler.compile(&wanted, place, source).await?)
    }

    /// Has the crashes analysed again that missed a file which has come.
    pub(super) async fn analyse_again(&self, wanted: &Wanted) {
        let Some(uploads) = &self.uploads else {
            return;
        };
        let queued = async {
            let mut transaction = uploads.database.begin().await?;
            let queued = symbols::reanalyze(&mut transaction, &[wanted.key.canonical()]).await?;
            transaction.commit().await?;
            Ok::<_, Error>(queued)
        };
        match queued.await {
            Ok(dumps) => tracing::info!(symbols.key = %wanted.key, dumps, "a symbol file came late"),
            Err(error) => log(&error, "could not have crashes analysed again"),
        }
    }
}

/// What a compiled upload is cached under.
fn cached(file: &SymbolFile) -> String {
    let sha256 = file.sha256.to_string();
    name_of(&["upload", &sha256, file.kind.as_str(), &file.key.canonical()])
}

fn of_store(kind: SymbolKind) -> symbols::SymbolKind {
    match kind {
        SymbolKind::Image => symbols::SymbolKind::Image,
        SymbolKind::Debug => symbols::SymbolKind::Debug,
    }
}
