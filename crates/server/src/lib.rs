//! The program `stopcode`: command line, configuration, telemetry and the embedded Postgres.
//!
//! Everything lives in this library so that the whole-system tests can start the same parts as the binary does;
//! `main.rs` only chooses the allocator and calls in here.

pub mod postgres;
