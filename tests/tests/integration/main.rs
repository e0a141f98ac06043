//! Whole-system tests: the real program, a real Postgres, real and synthetic dumps.

mod api;
mod desk;
mod durability;
mod hostile;
mod ranking;
mod real_dumps;
mod roles;
