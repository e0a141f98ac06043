//! Judges [`attribution::verdict`] on invented fleets whose culprit is known.
//!
//! ```text
//! Scenario × seed ──► synth::fleet ──► tally: counts, in memory ──► verdict, with each kind of evidence ──┐
//!                                          └──────────────────────► the simpler methods of others ────────┼──► tables, gates
//!                                      truth ─────────────────────────────────────────────────────────────┘
//! ```
//!
//! The nine core scenarios are those of the method's prototype; harder ones add what goes wrong with data; in null fleets
//! nobody is guilty. [`Seeds`] keeps the fleets of the released table apart from those on which the method is worked at.
//!
//! What a hit is: the first suspect is a guilty version (or a candidate that no count can tell from one), or a run of
//! versions that begins at the oldest guilty one. A longer run is a miss: it accuses innocent versions.

mod baselines;
mod calibration;
mod gates;
mod groups;
mod judge;
mod machine;
mod naming;
mod run;
mod scenario;
mod summary;
mod table;
mod tally;
#[cfg(test)]
mod tests;
mod truth;

use std::time::{Duration, Instant};

use serde::Serialize;

pub use gates::{Bound, Gate};
pub use judge::Evidence;
pub use scenario::{MACHINES, Scenario, Seeds};
pub use tally::count;

use crate::Progress;
use calibration::Bin;
use run::{Plan, Run};
use summary::Line;

/// What to evaluate.
#[derive(Debug, Clone)]
pub struct EvaluateConfig {
    /// Which fleets.
    pub scenarios: Vec<Scenario>,
    /// Fleets of each scenario.
    pub runs: u32,
    /// Where their seeds come from.
    pub seeds: Seeds,
    /// Machines of every fleet, instead of each scenario's own number.
    pub machines: Option<u32>,
    /// What verdicts may see; each is judged by itself.
    pub evidence: Vec<Evidence>,
    /// Threads.
    pub threads: usize,
    /// How progress is shown.
    pub progress: Progress,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Evaluation {
    ran_on: String,
    runs: u32,
    first_seed: u64,
    seeds: &'static str,
    seconds: f64,
    milliseconds: Milliseconds,
    lines: Vec<Line>,
    calibration: Vec<Calibration>,
    gates: Vec<Gate>,
}

/// Mean time of one run, by part.
#[derive(Debug, Clone, Copy, Serialize)]
struct Milliseconds {
    inventing: f64,
    counting: f64,
    baselines: f64,
    verdict: f64,
}

/// The calibration table of one kind of evidence.
#[derive(Debug, Clone, Serialize)]
struct Calibration {
    evidence: &'static str,
    bins: Vec<Bin>,
}

impl Evaluation {
    /// The figures to reach.
    pub fn gates(&self) -> &[Gate] {
        &self.gates
    }

    /// All tables, for a terminal.
    pub fn text(&self) -> String {
        table::text(self)
    }
}

/// Runs an evaluation.
pub fn evaluate(config: &EvaluateConfig) -> Evaluation {
    let start = Instant::now();
    let plan = Plan {
        scenarios: &config.scenarios,
        runs: config.runs,
        seeds: config.seeds,
        machines: config.machines,
        evidence: &config.evidence,
        threads: config.threads,
    };
    let fleets = config.scenarios.len() * config.runs as usize;
    let bar = config.progress.bar("fleets judged", fleets);
    let runs = run::run_all(&plan, &bar);
    bar.finish_and_clear();
    let scenarios = config.scenarios.iter().zip(&runs);
    let lines: Vec<Line> = scenarios
        .map(|(scenario, runs)| summary::line(scenario, &runs.iter().collect::<Vec<_>>(), &config.evidence))
        .collect();
    let calibration: Vec<Calibration> = (0..)
        .zip(&config.evidence)
        .map(|(index, evidence)| Calibration {
            evidence: evidence.name(),
            bins: bins(config, &runs, index),
        })
        .collect();
    let evidence = config.evidence.iter().enumerate();
    let gates = evidence
        .flat_map(|(index, evidence)| gates::gates(&lines, &calibration[index].bins, *evidence, index))
        .collect();
    Evaluation {
        ran_on: machine::describe(config.threads),
        runs: config.runs,
        first_seed: config.seeds.first,
        seeds: config.seeds.name(),
        seconds: start.elapsed().as_secs_f64(),
        milliseconds: milliseconds(&runs, config.evidence.len()),
        lines,
        calibration,
        gates,
    }
}

fn bins(config: &EvaluateConfig, runs: &[Vec<Run>], index: usize) -> Vec<Bin> {
    let scenarios = config.scenarios.iter().zip(runs);
    let judged = scenarios.flat_map(|(scenario, runs)| {
        let verdicts = runs.iter().filter_map(move |run| run.verdicts.get(index));
        verdicts.map(|judged| (scenario.class, judged))
    });
    calibration::calibration(&judged.collect::<Vec<_>>())
}

fn milliseconds(runs: &[Vec<Run>], verdicts: usize) -> Milliseconds {
    let count = runs.iter().map(Vec::len).sum::<usize>().max(1);
    let mean = |part: fn(&Run) -> Duration, times: usize| {
        let all: Duration = runs.iter().flatten().map(part).sum();
        all.as_secs_f64() * 1000.0 / baselines::float(count * times.max(1))
    };
    Milliseconds {
        inventing: mean(|run| run.spent.inventing, 1),
        counting: mean(|run| run.spent.counting, 1),
        baselines: mean(|run| run.spent.baselines, 1),
        verdict: mean(|run| run.spent.verdicts, verdicts),
    }
}
