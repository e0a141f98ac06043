//! What a played fleet planted, what the server answered, and the tables that people read.
#![expect(
    clippy::print_stdout,
    reason = "showing results on standard output is what this module is for"
)]

use std::fmt::Write;

use wire::suspects::{Suspect, SuspectScope, Suspects, VerdictWord};

use crate::evaluate::Evaluation;
use crate::load::LoadReport;

/// Rows of the ranking that are shown.
const ROWS: usize = 10;

/// The version that the fleet planted as the cause of its 0x76 crashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planted {
    /// Base name of the driver, lower case.
    pub driver: String,
    /// Its guilty version.
    pub version: String,
}

impl Planted {
    /// The rank of the suspect that holds the planted version.
    pub(crate) fn rank_in(&self, suspects: &Suspects) -> Option<u32> {
        suspects
            .suspects
            .iter()
            .find(|suspect| self.is_in(suspect))
            .map(|suspect| suspect.rank)
    }

    fn is_in(&self, suspect: &Suspect) -> bool {
        // A run of versions accuses its first one; that a later one is in it as well says little.
        let accused = match suspect.scope {
            SuspectScope::VersionOrLater => suspect.drivers.get(..1).unwrap_or_default(),
            SuspectScope::Version | SuspectScope::OsBuild => &suspect.drivers,
        };
        accused.iter().any(|driver| {
            driver.name.eq_ignore_ascii_case(&self.driver) && driver.version.as_deref() == Some(&self.version)
        })
    }
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
    /// Dumps that were uploaded, all stop codes together.
    pub uploaded: usize,
    /// Dumps that the server could not analyse.
    pub failed: usize,
}

impl Outcome {
    /// Whether the server puts the planted version first.
    pub fn found(&self) -> bool {
        self.culprit_rank == Some(1)
    }
}

/// Prints an evaluation: tables, or one JSON value.
///
/// # Errors
///
/// A number that JSON does not have.
pub fn print_evaluation(evaluation: &Evaluation, form: Form) -> serde_json::Result<()> {
    match form {
        Form::Tables => print!("{}", evaluation.text()),
        Form::Json => println!("{}", serde_json::to_string_pretty(evaluation)?),
    }
    Ok(())
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Tables for a terminal.
    Tables,
    /// One JSON value.
    Json,
}

/// Prints the ranking as a table for a terminal.
pub fn print_ranking(outcome: &Outcome) {
    print!("{}", ranking_table(outcome));
}

/// The ranking as text: what was counted, the first ten suspects, and where the planted version is.
pub fn ranking_table(outcome: &Outcome) -> String {
    let suspects = &outcome.suspects;
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "\n0x76 PROCESS_HAS_LOCKED_PAGES, {} to {}: {} crashes on {} machines, {} machine-days; {}",
        suspects.window.from,
        suspects.window.to,
        suspects.crashes,
        suspects.crashing_machines,
        suspects.machine_days,
        verdict_text(suspects.verdict),
    );
    let _ = writeln!(
        text,
        "{:>2}  {:<30} {:<22} {:>7} {:>20} {:>17} {:>8}",
        "#", "driver and version", "company", "probab.", "rate ratio (95 %)", "crashed/exposed", "expected"
    );
    for suspect in suspects.suspects.iter().take(ROWS) {
        let mark = if outcome.planted.is_in(suspect) {
            "  <- planted"
        } else {
            ""
        };
        let _ = writeln!(text, "{}{mark}", row(suspect));
    }
    let _ = writeln!(text, "\n{}", conclusion(outcome));
    text
}

fn row(suspect: &Suspect) -> String {
    let first = suspect.drivers.first();
    let version = first.and_then(|driver| driver.version.as_deref());
    let mut name = format!(
        "{} {}",
        first.map_or("?", |driver| &driver.name),
        version.unwrap_or("?")
    );
    if suspect.scope == SuspectScope::VersionOrLater {
        name.push_str(" or later");
    } else if suspect.drivers.len() > 1 {
        let _ = write!(name, " +{}", suspect.drivers.len() - 1);
    }
    let company = first.and_then(|driver| driver.company.as_deref());
    format!(
        "{:>2}  {:<30} {:<22} {:>7} {:>20} {:>17} {:>8.1}",
        suspect.rank,
        shortened(&name, 30),
        shortened(company.unwrap_or(""), 22),
        probability(suspect),
        ratio(suspect),
        format!("{}/{}", suspect.crashing_machines, suspect.exposed_machines),
        suspect.expected_machines,
    )
}

/// In per cent, with as many digits as the column has.
fn probability(suspect: &Suspect) -> String {
    match suspect.probability {
        Some(probability) => format!("{:.2} %", probability * 100.0),
        None => "-".to_owned(),
    }
}

/// `9.8 (5.1 to 18.7)`, or as much of it as there is.
fn ratio(suspect: &Suspect) -> String {
    match (
        suspect.rate_ratio,
        suspect.rate_ratio_low,
        suspect.rate_ratio_high,
    ) {
        (Some(ratio), Some(low), Some(high)) => format!("{ratio:.1} ({low:.1} to {high:.1})"),
        (Some(ratio), _, _) => format!("{ratio:.1}"),
        _ => "-".to_owned(),
    }
}

fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let start: String = text.chars().take(width - 1).collect();
    format!("{start}…")
}

fn verdict_text(verdict: VerdictWord) -> &'static str {
    match verdict {
        VerdictWord::TooLittleData => "too little data",
        VerdictWord::NoDriverExplainsThis => "no driver explains this",
        VerdictWord::Associated => "associated",
        VerdictWord::SuspectSet => "a suspect set",
        VerdictWord::LikelyCause => "a likely cause",
        VerdictWord::Confirmed => "confirmed",
    }
}

fn conclusion(outcome: &Outcome) -> String {
    let Planted { driver, version } = &outcome.planted;
    let rank = match outcome.culprit_rank {
        Some(1) => "is first: found".to_owned(),
        Some(rank) => format!("is number {rank}: not found"),
        None => "is not among the suspects: not found".to_owned(),
    };
    let failed = match outcome.failed {
        0 => String::new(),
        count => format!(", {count} of them could not be analysed"),
    };
    let uploaded = outcome.uploaded;
    format!("The planted version, {driver} {version}, {rank} ({uploaded} dumps uploaded{failed}).")
}

/// Prints what a load run measured.
pub fn print_load(report: &LoadReport) {
    println!("{}", report.summary());
}

#[cfg(test)]
mod tests;
