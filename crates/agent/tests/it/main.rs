//! The library and the program as others use them: on real dumps, from the command line, within their bounds.

#![expect(clippy::unwrap_used, reason = "what cannot be had here fails the test")]

#[cfg(target_os = "linux")]
mod bounds;
mod corpus;
mod program;
