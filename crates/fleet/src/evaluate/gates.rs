//! The figures to reach, and whether they are.

use attribution::verdict::Word;
use serde::Serialize;

use super::baselines::float;
use super::calibration::Bin;
use super::judge::Evidence;
use super::scenario::Class;
use super::summary::{Line, Ours};

/// One figure with one kind of evidence.
#[derive(Debug, Clone, Serialize)]
pub struct Gate {
    /// What is measured.
    pub figure: String,
    /// What the verdict saw.
    pub evidence: &'static str,
    /// What came out; `None` if the runs cannot tell.
    pub reached: Option<f64>,
    /// The bound.
    pub wanted: f64,
    /// On which side of the bound it has to be.
    pub bound: Bound,
}

/// Which way a gate opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// At least.
    AtLeast,
    /// At most.
    AtMost,
}

impl Gate {
    /// Whether it is reached; `None` if the runs cannot tell.
    pub fn passed(&self) -> Option<bool> {
        // A share that is a rounding away from its bound is on it.
        self.reached.map(|reached| match self.bound {
            Bound::AtLeast => reached >= self.wanted - 1e-9,
            Bound::AtMost => reached <= self.wanted + 1e-9,
        })
    }
}

/// All gates of one kind of evidence; `index` is its place in each line.
pub(crate) fn gates(lines: &[Line], bins: &[Bin], evidence: Evidence, index: usize) -> Vec<Gate> {
    let make = Make {
        lines,
        index,
        evidence: evidence.name(),
    };
    let first = if evidence.has_dumps() { 0.90 } else { 0.80 };
    let mut gates = make.rankings(first);
    gates.extend(make.promises());
    let judged = bins.iter().filter(|bin| bin.is_judged());
    let worst = judged.map(Bin::error).reduce(f64::max);
    gates.push(make.at_most("calibration: worst bin", worst, 0.1));
    gates.extend(make.null_fleets());
    gates
}

/// Makes the gates of one kind of evidence.
struct Make<'a> {
    lines: &'a [Line],
    index: usize,
    evidence: &'static str,
}

impl Make<'_> {
    /// How well culprits are found.
    fn rankings(&self, first: f64) -> Vec<Gate> {
        let core = self.of(|line| line.class == Class::Core);
        let large = self.of(|line| line.class == Class::Large);
        let at_1 = |of: &[&Ours]| mean(of, |ours| ours.precision_at_1);
        vec![
            self.at_least("precision@1, mean of the nine", at_1(&core), first),
            self.at_least("top 3, mean of the nine", mean(&core, |ours| ours.top_3), 0.92),
            self.at_least("large fleet: precision@1", at_1(&large), 0.95),
        ]
    }

    /// How far what is said can be relied on where somebody is guilty.
    fn promises(&self) -> Vec<Gate> {
        let planted = self.of(|line| matches!(line.class, Class::Core | Class::Harder));
        let tied = self.of(|line| line.scenario == "os-update");
        let covering = |of: &[&Ours]| share(of, |ours| [ours.covering, ours.sets]);
        let likely_wrong = share(&planted, |ours| [ours.likely_wrong, ours.said(Word::LikelyCause)]);
        let accused_wrong = share(&planted, |ours| [ours.accused_wrong, ours.accused]);
        vec![
            self.at_least("credible sets that hold a culprit", covering(&planted), 0.95),
            self.at_most("wrong among \"likely cause\"", likely_wrong, 0.05),
            self.at_most("wrong among leads of 0.95 and more", accused_wrong, 0.05),
            self.at_least("os-update: sets that hold the driver", covering(&tied), 0.95),
        ]
    }

    /// How often somebody is accused where nobody is guilty.
    fn null_fleets(&self) -> Vec<Gate> {
        let nulls = self.lines.iter().filter(|line| !line.class.is_planted());
        let gates = nulls.filter_map(|line| {
            let ours = line.verdicts.get(self.index)?;
            let wanted = if line.class == Class::NullSites {
                0.05
            } else {
                0.02
            };
            let reached = float(ours.accused_wrong) / float(line.runs.max(1));
            let figure = format!("{}: somebody is given 0.95 or more", line.scenario);
            Some(self.at_most(&figure, Some(reached), wanted))
        });
        gates.collect()
    }

    /// What came of the scenarios that are wanted.
    fn of(&self, wanted: impl Fn(&Line) -> bool) -> Vec<&Ours> {
        let lines = self.lines.iter().filter(|line| wanted(line));
        lines.filter_map(|line| line.verdicts.get(self.index)).collect()
    }

    fn at_least(&self, figure: &str, reached: Option<f64>, wanted: f64) -> Gate {
        Gate {
            figure: figure.to_owned(),
            evidence: self.evidence,
            reached,
            wanted,
            bound: Bound::AtLeast,
        }
    }

    fn at_most(&self, figure: &str, reached: Option<f64>, wanted: f64) -> Gate {
        Gate {
            bound: Bound::AtMost,
            ..self.at_least(figure, reached, wanted)
        }
    }
}

fn mean(of: &[&Ours], figure: impl Fn(&Ours) -> f64) -> Option<f64> {
    (!of.is_empty()).then(|| of.iter().map(|ours| figure(ours)).sum::<f64>() / float(of.len()))
}

/// The first number as a share of the second, both summed.
fn share(of: &[&Ours], figure: impl Fn(&Ours) -> [usize; 2]) -> Option<f64> {
    let sums = of
        .iter()
        .map(|ours| figure(ours))
        .fold([0, 0], |sum, next| [sum[0] + next[0], sum[1] + next[1]]);
    (sums[1] > 0).then(|| float(sums[0]) / float(sums[1]))
}
