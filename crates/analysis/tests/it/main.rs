//! What analysis makes of whole dumps: real ones against outside oracles, invented ones, and hostile ones.

mod corpus;
mod driver;
mod hostile;
mod hostile_symbols;
mod real_kernel_dumps;
mod real_minidumps;
mod scenarios;
mod signatures;
mod support;
mod symbol_files;
mod user_symbols;
