//! Dumps, jobs, crashes and access against a real Postgres: what must hold whatever happens at the same moment.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod access;
mod crashes;
mod ingest;
mod jobs;
mod symbols;
