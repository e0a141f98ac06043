//! Runs fleets on a few threads; what comes out does not depend on how many.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use super::baselines::rank_all;
use super::judge::{Evidence, Judged, judge};
use super::scenario::{Scenario, Seeds};
use super::tally::tally;
use super::truth::Truth;

/// One fleet and what everybody made of it.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// Machines that crashed.
    pub(crate) cases: usize,
    /// Guilty drivers.
    pub(crate) guilty: usize,
    pub(crate) baselines: Vec<Simple>,
    pub(crate) verdicts: Vec<Judged>,
    pub(crate) spent: Spent,
}

/// What a simple method made of one fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Simple {
    /// Place of the first guilty group; the most suspicious has 0.
    pub(crate) place: Option<usize>,
    /// Whether its rule accuses somebody.
    pub(crate) accuses: Option<bool>,
}

/// Where the time went.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    pub(crate) inventing: Duration,
    pub(crate) counting: Duration,
    pub(crate) baselines: Duration,
    /// All verdicts on the fleet.
    pub(crate) verdicts: Duration,
}

/// What to run.
pub(crate) struct Plan<'a> {
    pub(crate) scenarios: &'a [Scenario],
    pub(crate) runs: u32,
    pub(crate) seeds: Seeds,
    pub(crate) machines: Option<u32>,
    pub(crate) evidence: &'a [Evidence],
    pub(crate) threads: usize,
}

/// Runs the plan and returns, for each scenario, its runs in order.
pub(crate) fn run_all(plan: &Plan<'_>, bar: &ProgressBar) -> Vec<Vec<Run>> {
    let runs = plan.runs as usize;
    let tasks = plan.scenarios.len() * runs;
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Run)>> = Mutex::new(Vec::with_capacity(tasks));
    std::thread::scope(|scope| {
        for _ in 0..plan.threads.clamp(1, tasks.max(1)) {
            scope.spawn(|| {
                loop {
                    let task = next.fetch_add(1, Ordering::Relaxed);
                    let Some(scenario) = plan.scenarios.get(task / runs.max(1)) else {
                        break;
                    };
                    let run = run_one(plan, scenario, task % runs);
                    let mut done = done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    done.push((task, run));
                    bar.inc(1);
                }
            });
        }
    });
    let mut done = done
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(task, _)| *task);
    let mut done = done.into_iter().map(|(_, run)| run);
    plan.scenarios
        .iter()
        .map(|_| done.by_ref().take(runs).collect())
        .collect()
}

fn run_one(plan: &Plan<'_>, scenario: &Scenario, run: usize) -> Run {
    let number = u32::try_from(run).unwrap_or(u32::MAX);
    let start = Instant::now();
    let fleet = scenario.fleet(plan.seeds, number, plan.machines);
    let invented = Instant::now();
    let mut tally = tally(&fleet);
    let truth = Truth::of(&fleet);
    let counted = Instant::now();
    let rankings = rank_all(&tally, fleet.config.seed);
    let baselines = rankings.into_iter().map(|ranking| Simple {
        place: ranking
            .groups
            .iter()
            .position(|members| truth.met_by_any(&tally.counts, members).is_some()),
        accuses: ranking.accuses,
    });
    let baselines = baselines.collect();
    let ranked = Instant::now();
    let verdicts = judge(&mut tally.counts, &truth, plan.evidence);
    Run {
        cases: tally.counts.cases.len(),
        guilty: truth.len(),
        baselines,
        verdicts,
        spent: Spent {
            inventing: invented - start,
            counting: counted - invented,
            baselines: ranked - counted,
            verdicts: ranked.elapsed(),
        },
    }
}
