//! Symbol files for analysis: found, compiled once, kept on disk.
//!
//! ```text
//! child asks ──► uploaded? ──► known? ──► local trees ──► servers, in order
//!                    │            │           │             │
//!                    └────────────┼─► bytes as they came ◄──┘
//!                                 │        │  compiled by a child of its own
//!                                 └─► entry ◄── cache folder, bounded by bytes
//! ```
//!
//! Which files were uploaded is asked of the database each time: a crash that is analysed again because of an upload
//! must see it. What trees and servers have, and have not, is remembered for a while, and looked for by one search a
//! key at a time, whoever asks. A dump does not wait for ever: what a slow server sends later is kept, and the crashes
//! that missed it are analysed again.
//!
//! Nothing in this process looks into a symbol file. A key that came out of a dump is a [`SymbolKey`], which cannot lead
//! out of a folder, before it becomes a path or an address.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use analysis::symbols::Wanted;
use futures_util::future::join_all;
use moka::future::Cache as Memory;
use store::blobs::Blobs;
use store::{Clock, PgPool};
use tokio::sync::oneshot;

use crate::ChildCommand;

mod cache;
mod compiler;
mod jobs;
mod names;
mod server;
mod telemetry;
mod tree;
mod uploaded;

pub(crate) use cache::Entry;
pub(crate) use jobs::run;
pub(crate) use telemetry::describe_metrics;

use cache::Cache;
use compiler::Compiler;
use server::Server;
use tree::Tree;
use uploaded::Uploads;

/// Keys that are remembered.
const MOST_KNOWN: u64 = 100_000;

/// How long after a file was given up for missing the crash that misses it is recorded, at the latest.
const RECORDED: Duration = Duration::from_secs(5);

/// How long it is remembered what trees have. Servers remember for longer.
const REMEMBERED: Duration = Duration::from_mins(5);

/// Where symbol files come from, besides uploads.
#[derive(Debug, Clone)]
pub struct SymbolConfig {
    /// Trees in symstore layout, looked through in this order. Only read.
    pub trees: Vec<PathBuf>,
    /// Addresses of symbol servers, asked in this order.
    pub servers: Vec<String>,
    /// Where compiled files are kept.
    pub cache: PathBuf,
    /// Bytes of compiled files that are kept.
    pub cache_bytes: u64,
    /// How long a dump waits for the files it asks for, all together.
    pub patience: Duration,
    /// Where the time comes from.
    pub clock: Clock,
}

/// Why symbol files cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SymbolSetupError {
    /// The folder of compiled files.
    #[error("the folder for compiled symbol files cannot be used")]
    Cache(#[source] std::io::Error),
    /// An address that is none.
    #[error("{address:?} is not the address of a symbol server: http://… or https://…")]
    Server {
        /// As it was given.
        address: String,
    },
    /// No client could be made.
    #[error("symbol servers cannot be asked")]
    Client(#[source] reqwest::Error),
}

/// Finds symbol files. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Symbols {
    finder: Option<Arc<Finder>>,
}

#[derive(Debug)]
struct Finder {
    uploads: Option<Uploads>,
    trees: Vec<Tree>,
    servers: Vec<Server>,
    compiler: Compiler,
    patience: Duration,
    /// What trees and servers have.
    known: Memory<Wanted, Option<Arc<Entry>>>,
}

impl Symbols {
    /// No symbol files.
    pub fn none() -> Symbols {
        Symbols { finder: None }
    }

    /// Symbol files from what was uploaded, local trees and servers, compiled by children that `child` starts.
    ///
    /// # Errors
    ///
    /// [`SymbolSetupError`].
    pub fn open(
        config: &SymbolConfig,
        child: ChildCommand,
        uploads: Option<(PgPool, Blobs)>,
    ) -> Result<Symbols, SymbolSetupError> {
        let cache = Cache::open(config.cache.clone(), config.cache_bytes, config.clock.clone())
            .map_err(SymbolSetupError::Cache)?;
        let finder = Finder {
            uploads: uploads.map(|(database, blobs)| Uploads::new(database, blobs)),
            trees: config.trees.iter().cloned().map(Tree::new).collect(),
            servers: server::all(&config.servers)?,
            compiler: Compiler::new(child, cache),
            patience: config.patience,
            known: Memory::builder()
                .max_capacity(MOST_KNOWN)
                .time_to_live(REMEMBERED)
                .build(),
        };
        Ok(Symbols {
            finder: Some(Arc::new(finder)),
        })
    }

    /// The files that are there, in the order they were asked for.
    pub(crate) async fn find(&self, wanted: &[Wanted]) -> Vec<Option<Arc<Entry>>> {
        let Some(finder) = &self.finder else {
            return vec![None; wanted.len()];
        };
        let uploaded = finder.uploaded(wanted).await;
        let mut found = HashMap::with_capacity(wanted.len());
        let mut unknown = Vec::new();
        for (one, uploaded) in wanted.iter().zip(uploaded) {
            let known = match uploaded {
                Some(entry) => Some(Some(entry)),
                None => finder.known.get(one).await,
            };
            match known {
                Some(known) => drop(found.insert(one, known)),
                None => unknown.push(one),
            }
        }
        found.extend(finder.search(&unknown).await);
        wanted
            .iter()
            .map(|one| found.get(one).cloned().flatten())
            .collect()
    }
}

impl Finder {
    /// Looks for what is not known, side by side, as long as a dump can wait.
    async fn search<'a>(self: &Arc<Self>, unknown: &[&'a Wanted]) -> Vec<(&'a Wanted, Option<Arc<Entry>>)> {
        let searches = unknown.iter().map(|wanted| async {
            let (answer, waiting) = oneshot::channel();
            // A task of its own: it goes on when nobody waits any more.
            tokio::spawn(Arc::clone(self).search_one((*wanted).clone(), answer));
            let answered = tokio::time::timeout(self.patience, waiting).await;
            (*wanted, answered.ok().and_then(Result::ok).flatten())
        });
        join_all(searches).await
    }

    /// Looks for one file. If it comes too late for whoever asked, the crashes that missed it are analysed again.
    async fn search_one(self: Arc<Self>, wanted: Wanted, answer: oneshot::Sender<Option<Arc<Entry>>>) {
        let found = self
            .known
            .get_with(wanted.clone(), self.look_in_trees_and_servers(&wanted))
            .await;
        let is_found = found.is_some();
        if answer.send(found).is_err() && is_found {
            // The crash of whoever gave up may be about to be recorded.
            tokio::time::sleep(RECORDED).await;
            self.analyse_again(&wanted).await;
        }
    }

    async fn look_in_trees_and_servers(&self, wanted: &Wanted) -> Option<Arc<Entry>> {
        for tree in &self.trees {
            if let Some(entry) = tree.find(wanted, &self.compiler).await {
                return Some(entry);
            }
        }
        for server in &self.servers {
            if let Some(entry) = server.find(wanted, &self.compiler).await {
                return Some(entry);
            }
        }
        None
    }
}
