//! What verdicts said, how often they were wrong, and what their credible sets were worth.

use std::fmt::Write;

use super::NAME;
use crate::evaluate::baselines::float;
use crate::evaluate::summary::{Line, Ours, WORDS};

/// What the columns hold.
const LEGEND: &str = "\
Runs by word: too little data, no driver explains this, associated, suspect set, likely cause. wrong.l: likely cause, and
its lead is innocent; wrong.s: the same for suspect set and likely cause together; p>=.95: leads of that probability,
wrong/all. Credible sets: runs with one, share that holds a culprit, median size, how many of two and more hold a culprit.
all: every guilty driver leads an effect; later: leads of further effects, guilty/innocent.
";

/// The table of some scenarios, a line for each kind of evidence.
pub(super) fn text(title: &str, lines: &[&Line]) -> String {
    let mut text = format!("\n{title}\n{LEGEND}{:NAME$} {:>11}", "", "evidence");
    for column in ["little", "none", "assoc", "set", "likely"] {
        let _ = write!(text, " {column:>6}");
    }
    let _ = writeln!(
        text,
        " | {:>7} {:>7} {:>8} | {:>5} {:>5} {:>4} {:>4} | {:>4} {:>9}",
        "wrong.l", "wrong.s", "p>=.95", "sets", "cover", "size", "2+", "all", "later"
    );
    for line in lines {
        for ours in &line.verdicts {
            text += &row(line.scenario, ours);
        }
    }
    text
}

fn row(scenario: &str, ours: &Ours) -> String {
    let mut text = format!("{scenario:NAME$} {:>11}", ours.evidence);
    for (_, name) in WORDS {
        let _ = write!(text, " {:>6}", ours.words.get(name).copied().unwrap_or(0));
    }
    let accused = format!("{}/{}", ours.accused_wrong, ours.accused);
    let covering = float(ours.covering) / float(ours.sets.max(1));
    let later = format!("{}/{}", ours.later[0], ours.later[1]);
    let _ = write!(
        text,
        " | {:>7} {:>7} {accused:>8}",
        ours.likely_wrong, ours.suspected_wrong
    );
    let _ = write!(
        text,
        " | {:>5} {covering:>5.2} {:>4} {:>4}",
        ours.sets, ours.median_size, ours.undecided
    );
    let _ = writeln!(text, " | {:>4} {later:>9}", ours.all_found);
    text
}
