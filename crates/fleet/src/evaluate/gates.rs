//! The figures to reach, and whether they are.

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
    let of = |wanted: fn(Class) -> bool| -> Vec<&Ours> {
        let lines = lines.iter().filter(|line| wanted(line.class));
        lines.filter_map(|line| line.verdicts.get(index)).collect()
    };
    let core = of(|class| class == Class::Core);
    let planted = of(|class| matches!(class, Class::Core | Class::Harder));
    let first = if matches!(evidence, Evidence::Dumps | Evidence::DumpsAndSites) {
        0.90
    } else {
        0.80
    };
    let gate = |figure: &str, reached, bound, wanted| Gate {
        figure: figure.to_owned(),
        evidence: evidence.name(),
        reached,
        wanted,
        bound,
    };
    let judged = bins.iter().filter(|bin| bin.is_judged());
    let mut gates = vec![
        gate(
            "precision@1, mean of the nine",
            mean(&core, |ours| ours.precision_at_1),
            Bound::AtLeast,
            first,
        ),
        gate(
            "top 3, mean of the nine",
            mean(&core, |ours| ours.top_3),
            Bound::AtLeast,
            0.92,
        ),
        gate(
            "credible sets that hold a culprit",
            share(&planted, |ours| [ours.covering, ours.sets]),
            Bound::AtLeast,
            0.95,
        ),
        gate(
            "wrong among \"likely cause\"",
            share(&planted, |ours| [ours.likely_wrong, likely(ours)]),
            Bound::AtMost,
            0.05,
        ),
        gate(
            "wrong among leads of 0.95 and more",
            share(&planted, |ours| [ours.accused_wrong, ours.accused]),
            Bound::AtMost,
            0.05,
        ),
        gate(
            "large fleet: precision@1",
            mean(&of(|class| class == Class::Large), |ours| ours.precision_at_1),
            Bound::AtLeast,
            0.95,
        ),
        gate(
            "calibration: worst bin",
            judged.map(Bin::error).reduce(f64::max),
            Bound::AtMost,
            0.1,
        ),
    ];
    let nulls = lines.iter().filter(|line| !line.class.is_planted());
    gates.extend(nulls.filter_map(|line| {
        let ours = line.verdicts.get(index)?;
        let wanted = if line.class == Class::NullSites {
            0.05
        } else {
            0.02
        };
        let reached = float(ours.accused_wrong) / float(line.runs.max(1));
        let figure = format!("{}: somebody is given 0.95 or more", line.scenario);
        Some(gate(&figure, Some(reached), Bound::AtMost, wanted))
    }));
    if let Some(line) = lines.iter().find(|line| line.scenario == "os-update") {
        let shown = line.verdicts.get(index).into_iter().collect::<Vec<_>>();
        let reached = share(&shown, |ours| {
            [ours.sets - ours.likely_wrong.min(ours.sets), ours.sets]
        });
        gates.push(gate(
            "os-update: the innocent build is not the likely cause",
            reached,
            Bound::AtLeast,
            0.95,
        ));
    }
    gates
}

fn likely(ours: &Ours) -> usize {
    ours.said(attribution::verdict::Word::LikelyCause)
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
