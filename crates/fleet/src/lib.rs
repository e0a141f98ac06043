//! Plays a synthetic fleet against a server, through its public HTTP API.
//!
//! [`play`] sends a quarter of a year of an invented company: inventories, presence, and dumps in the real format. It then
//! asks the server which driver version goes with 0x76 and compares the answer with the version that was planted.

#![forbid(unsafe_code)]

mod outcome;
mod play;

pub use outcome::{Outcome, Planted, print_ranking};
pub use play::{PlayConfig, Progress, play};
