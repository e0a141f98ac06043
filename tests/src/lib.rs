//! What the whole-system tests share: a database, a running server, real dumps, a client.
//!
//! Nothing here is a mock. [`database`] is a fresh database of a private Postgres cluster that this process starts
//! once; [`Server`] is the real program with an embedded Postgres of its own; [`corpus`] finds the real dumps.
//! A test that needs a real dump is skipped with a message where the corpus is absent, unless
//! `STOPCODE_REQUIRE_CORPUS=1` says that it must be there.

#![expect(
    clippy::missing_panics_doc,
    reason = "a helper of a test panics when the test must fail"
)]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod client;
mod corpus;
mod database;
mod dumps;
pub mod history;
mod program;

pub use client::{Client, browser, http};
pub use corpus::{corpus, corpus_file};
pub use database::{Database, database};
pub use dumps::{describe, dump};
pub use program::{Server, free_address, program};
