//! The parser against what other tools print of real dumps: WinDbg, rizin, and an independent reader.
//!
//! Nothing here is compared with numbers that the parser itself gave.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests are tests, and a skipped test says so"
)]

mod corpus;
mod independent_reader;
mod memory_image;
mod rizin;
mod windbg;
