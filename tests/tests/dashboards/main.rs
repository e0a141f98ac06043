//! Dashboards: what `/metrics` tells, what the views of the schema `reporting` hold, who may read them, and that every
//! panel in the repository asks for what is there. The real program, a real Postgres, a small planted fleet.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod document;
mod exposition;
mod grafana;
mod metrics;
mod planted;
mod promql;
mod reader;
mod reporting;
mod role;
mod setup;
