//! Runs added up: one line per scenario and method.

use std::collections::BTreeMap;

use attribution::verdict::Word;
use serde::Serialize;

use super::baselines::{Baseline, float};
use super::judge::{ACCUSED, Evidence, Judged};
use super::run::Run;
use super::scenario::{Class, Scenario};

/// One scenario.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Line {
    pub(crate) scenario: &'static str,
    #[serde(skip)]
    pub(crate) class: Class,
    pub(crate) runs: usize,
    /// Mean number of cases.
    pub(crate) cases: f64,
    pub(crate) baselines: Vec<Simple>,
    pub(crate) verdicts: Vec<Ours>,
}

/// How a simple method did.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Simple {
    pub(crate) method: &'static str,
    pub(crate) precision_at_1: f64,
    pub(crate) top_3: f64,
    /// Share of runs in which its rule accuses somebody; `None` without a rule.
    pub(crate) accuses: Option<f64>,
}

/// How the verdict did with one kind of evidence.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Ours {
    pub(crate) evidence: &'static str,
    pub(crate) precision_at_1: f64,
    pub(crate) top_3: f64,
    /// Runs with enough data for a credible set, those whose set holds a culprit, and the set's median size.
    pub(crate) sets: usize,
    pub(crate) covering: usize,
    pub(crate) median_size: usize,
    /// Runs by word, weakest first.
    pub(crate) words: BTreeMap<&'static str, usize>,
    /// "Likely cause" of an innocent.
    pub(crate) likely_wrong: usize,
    /// "Suspect set" or "likely cause" led by an innocent.
    pub(crate) suspected_wrong: usize,
    /// Runs whose lead has a probability of 0.95 or more, and those of them with an innocent lead.
    pub(crate) accused: usize,
    pub(crate) accused_wrong: usize,
    /// Credible sets of two and more that hold a culprit.
    pub(crate) undecided: usize,
    /// Runs in which every guilty driver leads an effect.
    pub(crate) all_found: usize,
    /// Leads of further effects: guilty, innocent.
    pub(crate) later: [usize; 2],
}

/// What the words are called in tables and JSON.
pub(crate) const WORDS: [(Word, &str); 5] = [
    (Word::TooLittleData, "too-little-data"),
    (Word::NoDriverExplainsThis, "no-driver-explains-this"),
    (Word::Associated, "associated"),
    (Word::SuspectSet, "suspect-set"),
    (Word::LikelyCause, "likely-cause"),
];

impl Ours {
    pub(crate) fn said(&self, word: Word) -> usize {
        let name = WORDS.iter().find(|(known, _)| *known == word);
        name.and_then(|(_, name)| self.words.get(name))
            .copied()
            .unwrap_or(0)
    }
}

/// Adds up the runs of a scenario.
pub(crate) fn line(scenario: &Scenario, runs: &[&Run], evidence: &[Evidence]) -> Line {
    let share = |count: usize| float(count) / float(runs.len().max(1));
    let baselines = Baseline::ALL.iter().enumerate().map(|(index, baseline)| {
        let of_method: Vec<_> = runs.iter().filter_map(|run| run.baselines.get(index)).collect();
        let within = |places: usize| {
            of_method
                .iter()
                .filter(|simple| is_within(simple.place, places))
                .count()
        };
        let rules: Vec<bool> = of_method.iter().filter_map(|simple| simple.accuses).collect();
        Simple {
            method: baseline.name(),
            precision_at_1: share(within(1)),
            top_3: share(within(3)),
            accuses: (!rules.is_empty()).then(|| share(rules.iter().filter(|accuses| **accuses).count())),
        }
    });
    let verdicts = evidence.iter().enumerate().map(|(index, evidence)| {
        let judged: Vec<(&Judged, usize)> = runs
            .iter()
            .filter_map(|run| Some((run.verdicts.get(index)?, run.guilty)))
            .collect();
        ours(*evidence, &judged)
    });
    Line {
        scenario: scenario.name,
        class: scenario.class,
        runs: runs.len(),
        cases: runs.iter().map(|run| float(run.cases)).sum::<f64>() / float(runs.len().max(1)),
        baselines: baselines.collect(),
        verdicts: verdicts.collect(),
    }
}

fn is_within(place: Option<usize>, places: usize) -> bool {
    place.is_some_and(|place| place < places)
}

fn ours(evidence: Evidence, judged: &[(&Judged, usize)]) -> Ours {
    let count = |which: &dyn Fn(&Judged) -> bool| judged.iter().filter(|(judged, _)| which(judged)).count();
    let share = |which: &dyn Fn(&Judged) -> bool| float(count(which)) / float(judged.len().max(1));
    let innocent = |judged: &Judged| judged.lead.is_some_and(|lead| !lead.guilty);
    let accused = |judged: &Judged| judged.lead.is_some_and(|lead| lead.probability >= ACCUSED);
    let words = WORDS.map(|(word, name)| (name, count(&|judged| judged.word == word)));
    let sizes = judged
        .iter()
        .filter_map(|(judged, _)| Some(judged.set?.size))
        .collect();
    Ours {
        evidence: evidence.name(),
        precision_at_1: share(&|judged| is_within(judged.place, 1)),
        top_3: share(&|judged| is_within(judged.place, 3)),
        sets: count(&|judged| judged.set.is_some()),
        covering: count(&|judged| judged.set.is_some_and(|set| set.covers)),
        median_size: median(sizes),
        words: words.into_iter().collect(),
        likely_wrong: count(&|judged| judged.word == Word::LikelyCause && innocent(judged)),
        suspected_wrong: count(&|judged| judged.word >= Word::SuspectSet && innocent(judged)),
        accused: count(&accused),
        accused_wrong: count(&|judged| accused(judged) && innocent(judged)),
        undecided: count(&|judged| judged.set.is_some_and(|set| set.covers && set.size > 1)),
        all_found: judged
            .iter()
            .filter(|(judged, guilty)| judged.found == *guilty)
            .count(),
        later: [0, 1].map(|kind| judged.iter().map(|(judged, _)| judged.later[kind]).sum()),
    }
}

fn median(mut sizes: Vec<usize>) -> usize {
    sizes.sort_unstable();
    sizes.get(sizes.len() / 2).copied().unwrap_or(0)
}
