//! Plays a synthetic fleet against a server, through its public HTTP API.
//!
//! [`play`] sends a quarter of a year of an invented company: inventories, presence, and dumps in the real format. It then
//! asks the server which driver version goes with 0x76 and compares the answer with the version that was planted.
//! [`evaluate`] judges verdicts on many such fleets, without a server.
//! [`load`] sends as many dumps as a server takes and measures how long each answer needs.
//!
//! ```text
//! synth::fleet ──► most machines: POST /import, history as NDJSON ──┐
//!              ──► a few machines: PUT inventory, POST presence  ───┼──► server ──► GET suspects ──► Outcome
//!              ──► every crash: POST /dumps, gzip                ───┘
//! ```

#![forbid(unsafe_code)]

mod agents;
mod client;
mod describe;
mod dumps;
pub mod evaluate;
mod history;
mod load;
mod outcome;
mod play;

pub use load::{LoadConfig, LoadReport, load};
pub use outcome::{Form, Outcome, Planted, print_evaluation, print_load, print_ranking, ranking_table};
pub use play::{PlayConfig, Progress, play};
