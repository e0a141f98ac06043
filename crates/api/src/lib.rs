//! The HTTP API, its OpenAPI document, and the dashboard pages.
//!
//! A handler extracts, checks the right, makes one call to `store` and maps the answer to `wire`. No SQL and no
//! policy live here; what a dump says is `analysis`'s business, which this crate does not know.
//!
//! | Module | What it has |
//! |---|---|
//! | [`router()`] | all routes, their layers, and the OpenAPI document |
//! | [`state`] | what handlers share: pool, ingest, budget, settings |
//! | [`error`], [`problem_types`] | every way a request can fail, and how it is answered (RFC 9457) |
//! | [`auth`] | who calls: tokens, scopes, sessions, same-origin checks |
//! | `limits` | how many requests a token may make, how many wrong tokens an address may show |
//! | `kept` | answers over the whole fleet, kept while they are dear |
//! | `intake` | bodies of uploads: limits, decompression, archives, multipart, formats |
//! | `list` | pages of lists: limits, cursors, `Link` headers, CSV |
//! | `middleware` | request ids, traces, metrics, security headers, validators, problem bodies |
//! | `docs` | what all operations of the OpenAPI document have in common |
//! | [`pages`] | the dashboard |
//! | `telemetry`, `figures` | what `/metrics` tells: of requests and uploads, and of the database |
//!
//! The other modules are one subject of the HTTP contract each.

#![forbid(unsafe_code)]

pub mod auth;
mod docs;
pub mod error;
pub(crate) mod extract;
mod figures;
mod handlers;
pub(crate) mod intake;
mod kept;
mod limits;
pub(crate) mod list;
pub(crate) mod middleware;
pub mod pages;
pub mod problem_types;
pub mod router;
pub mod state;
mod telemetry;
mod view;

pub use error::ApiError;
pub use figures::keep_figures;
pub use router::{openapi, router};
pub use state::{AppState, Services, Settings};
pub use telemetry::{describe_metrics, render_metrics};
