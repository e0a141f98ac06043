//! Sends a fleet to a server and waits for its answer.

use time::Date;

use crate::outcome::Outcome;

/// Which fleet to play, and where.
#[derive(Debug, Clone)]
pub struct PlayConfig {
    /// The server, e.g. `http://127.0.0.1:8080`.
    pub base_url: String,
    /// A token with the scopes `upload` and `read`.
    pub token: String,
    /// Number of machines.
    pub machines: u32,
    /// Seed of the fleet.
    pub seed: u64,
    /// Length of the history.
    pub weeks: u32,
    /// Last day of the history: today.
    pub end_date: Date,
    /// How progress is shown.
    pub progress: Progress,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// A bar on standard error.
    Bar,
    /// Not at all.
    Silent,
}

/// Plays a fleet and returns what the server made of it.
///
/// # Errors
///
/// The server cannot be reached, refuses something, or does not process the dumps in time.
pub async fn play(_config: &PlayConfig) -> anyhow::Result<Outcome> {
    todo!()
}
