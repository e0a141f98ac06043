//! Whole-system tests: the real program, a real Postgres, real and synthetic dumps.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod agents;
mod alerts;
mod api;
mod crash_reporters;
mod desk;
mod durability;
mod enrolment;
mod experiments;
mod hostile;
mod pages;
mod provider;
mod ranking;
mod real_dumps;
mod rest;
mod roles;
mod single_sign_on;
mod symbolication;
mod symbols;
