//! The domain and its Postgres tables. All SQL of the program lives here.
//!
//! Plain functions take `&mut PgConnection`, so that the caller owns the transaction, and give back domain types. Not
//! found is `Ok(None)`. What is only stored and shown (reports, verdicts) stays JSON: this crate knows neither analysis
//! nor the HTTP contract.
//!
//! | Module | What it has |
//! |---|---|
//! | [`blobs`] | the bytes of dumps and symbol files, by their SHA-256, on disk |
//! | [`ingest`] | takes dumps durably, many in one sync and one transaction |
//! | [`dumps`] | an uploaded dump and where it stands |
//! | [`jobs`] | the queue: claim, finish, retry, leases, dead letters |
//! | [`wakeup`] | telling idle workers of new jobs |
//! | [`crashes`] | crashes, their evidence, their partitions |
//! | [`symbols`] | uploaded symbol files, and those that crashes miss |
//! | [`signatures`] | the rules by which crashes are grouped |
//! | [`machines`] | machines, their list, their timeline |
//! | [`models`] | hardware models and how they fare |
//! | [`drivers`] | drivers, their versions and images; resolving what inventories and dumps name |
//! | [`driver_sets`] | combinations of driver versions, stored once by their hash |
//! | [`inventories`] | which machine had which drivers when |
//! | [`presence`] | the days machines were on: the denominator of every rate |
//! | [`agents`] | what agents tell once a day |
//! | [`experiments`] | locked pages tracked on a few machines, until Windows names the driver |
//! | [`proofs`] | whether Windows named whom the ranking put first |
//! | [`import`] | history in bulk |
//! | [`exposure`] | the counts that verdicts are computed from |
//! | [`verdicts`] | the computed rankings |
//! | [`verdict_changes`] | what they said before, and what is new in them |
//! | [`freshness`] | how old what is known is |
//! | [`alerts`] | what is worth telling other systems, and telling it |
//! | [`stop_codes`] | stop codes, what they mean and how they spread |
//! | [`fleet`] | figures for the whole fleet |
//! | [`figures`] | counts of everything, for whoever watches the server |
//! | [`coverage`] | what the server does not know: machines that cannot be counted, dumps that cannot be read |
//! | [`tokens`], [`enrolment`], [`sessions`], [`audit`] | who may do what, and who did |
//!
//! Queue leases are measured by the database's clock, the one clock that all replicas share; every other time comes in
//! as a parameter or from a [`Clock`].

#![forbid(unsafe_code)]

pub mod agents;
pub mod alerts;
pub mod audit;
pub mod blobs;
mod clock;
pub mod coverage;
pub mod crashes;
pub mod driver_sets;
pub mod drivers;
pub mod dumps;
pub mod enrolment;
mod error;
pub mod experiments;
pub mod exposure;
pub mod figures;
pub mod fleet;
pub mod freshness;
mod ids;
pub mod import;
pub mod ingest;
pub mod inventories;
pub mod jobs;
pub mod machines;
pub mod models;
mod page;
mod pool;
pub mod presence;
pub mod proofs;
pub mod sessions;
pub mod signatures;
pub mod stop_codes;
pub mod symbols;
mod text;
pub mod tokens;
pub mod verdict_changes;
pub mod verdicts;
pub mod wakeup;
mod window;

pub use clock::Clock;
pub use error::Error;
pub use ids::{CrashId, DumpId, ExperimentId, Sha256, SymbolFileId, TokenId};
pub use machines::MachineId;
pub use page::Page;
pub use pool::{MIGRATOR, connect, migrate, ping};
pub use sqlx::{PgConnection, PgPool};
pub use window::Window;
