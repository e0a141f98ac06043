//! Dumps, jobs, crashes and access against a real Postgres: what must hold whatever happens at the same moment.

mod access;
mod crashes;
mod ingest;
mod jobs;
