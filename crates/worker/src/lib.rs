//! The pool that turns dumps into crashes, and counts into verdicts.
//!
//! ```text
//!            claim 16                    one child each              up to 16 results
//!  job ─────────────────► local line ──► N analysers ──────────────► one transaction: finish jobs, record crashes
//!  table                                   │    ▲                        │
//!                                     dump │    │ report                 └──► verdict jobs, 2 s later
//!                                          ▼    │
//!                                   stopcode analyze-child
//!
//!  verdict job ──► exposure counts ──► attribution ──► verdict row, and an alert if it is news ──► webhooks
//! ```
//!
//! Dumps are hostile, so they are only looked at in child processes ([`child`]) that can do nothing but compute, with
//! bounded memory and time. A dump that cannot be read is a result: it is `failed`, with a sentence. A child that dies
//! costs one attempt of the one dump it had. What the database has to do with it is tried again.
//!
//! Every replica also keeps house ([`Config`] tells how often): it renews its leases, returns those of workers that are
//! gone, makes partitions ahead, sweeps orphans, and computes verdicts anew that nobody asked for lately. All of that
//! may be done by several replicas at once.

mod alerts;
mod backoff;
pub mod child;
mod config;
mod dictionary;
mod finish;
mod housekeeping;
mod pool;
mod record;
mod signatures;
mod symbols;
mod telemetry;
mod verdict;

use store::PgPool;
use store::blobs::Blobs;
use tokio_util::sync::CancellationToken;

pub use child::ChildCommand;
pub use config::Config;
pub use dictionary::seed_dictionaries;
pub use symbols::{SymbolConfig, SymbolSetupError, Symbols};
pub use telemetry::describe_metrics;

/// Runs a pool until `stop` is cancelled.
///
/// Then it claims no more, lets the analyses under way come to their end (each is bounded by
/// [`Config::analysis_timeout`]), stores their results, and gives back what it had claimed and not begun.
pub async fn run(config: Config, pool: PgPool, blobs: Blobs, symbols: Symbols, stop: CancellationToken) {
    pool::Pool::new(config, pool, blobs, symbols).run(stop).await;
}
