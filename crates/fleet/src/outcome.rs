//! What a played fleet planted, what the server answered, and the table that shows both.

use wire::suspects::Suspects;

/// The version that the fleet planted as the cause of its 0x76 crashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planted {
    /// Base name of the driver.
    pub driver: String,
    /// Its guilty version.
    pub version: String,
}

/// What came of playing a fleet.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The planted culprit.
    pub planted: Planted,
    /// The server's ranking for 0x76.
    pub suspects: Suspects,
    /// Rank of the planted version, if the server names it at all.
    pub culprit_rank: Option<u32>,
    /// Dumps that were uploaded.
    pub uploaded: usize,
}

/// Prints the ranking as a table for a terminal.
pub fn print_ranking(_outcome: &Outcome) {
    todo!()
}
