//! How well each strength of effect explains who crashed: the logarithm of the likelihood on a grid.
//!
//! A candidate with effect b multiplies the crash rate of machines that have it by e^b. Two independent parts of the data
//! speak of b: who crashed among concurrent machines of one model ([`within`]), and which models have more crashes than
//! others ([`between`]). Their logarithms add up to a [`Curve`], 0 where b is.
//!
//! ```text
//! b       −3   −2.625  …  0  …  5.625        e^b   0.05 … 1 … 277
//! curve   −14  −11.5      0     −59
//! ```

mod between;
mod within;

use crate::column::Column;
use crate::tally::Tally;

/// Lowest effect of the grid.
pub(crate) const LOWEST: f64 = -3.0;
/// Distance of its points.
pub(crate) const STEP: f64 = 0.375;
/// Number of its points.
pub(crate) const POINTS: usize = 24;
/// The point without effect.
pub(crate) const NO_EFFECT: usize = 8;

/// The logarithm of a likelihood at each effect of the grid, 0 without effect.
pub(crate) type Curve = [f64; POINTS];

/// What is the same for all columns: cases with their weights, summed as the likelihood needs them.
///
/// A case's weight is the probability that no culprit found before is behind it; at first it is 1.
pub(crate) struct Cases {
    weights: Vec<f64>,
    in_cell: Vec<CellCases>,
    by_model: Vec<f64>,
    by_week: Vec<f64>,
    all: f64,
    /// e^b − 1 for each effect of the grid.
    excess: [f64; POINTS],
    shapes: Vec<between::Shape>,
}

/// The cases of one risk cell: how many weigh 1, and the sum of the other weights.
#[derive(Debug, Clone, Copy, Default)]
struct CellCases {
    whole: u32,
    rest: f64,
}

impl Cases {
    /// Cases with these weights, one for each of the tally.
    pub(crate) fn weighted(tally: &Tally<'_>, weights: Vec<f64>) -> Self {
        let mut cases = Cases {
            in_cell: vec![CellCases::default(); tally.cells.len()],
            by_model: vec![0.0; tally.models],
            by_week: vec![0.0; tally.weeks],
            all: weights.iter().sum(),
            weights,
            excess: effects().map(f64::exp_m1),
            shapes: Vec::new(),
        };
        for (case, weight) in tally.cases.iter().zip(&cases.weights) {
            let cell = &mut cases.in_cell[case.cell];
            if *weight < 1.0 {
                cell.rest += weight;
            } else {
                cell.whole += 1;
            }
            cases.by_model[tally.model_of[case.stratum]] += weight;
            cases.by_week[tally.week_of[case.stratum]] += weight;
        }
        cases.shapes = between::shapes(&cases.by_model);
        cases
    }

    /// Cases before any culprit is found.
    pub(crate) fn unexplained(tally: &Tally<'_>) -> Self {
        Self::weighted(tally, vec![1.0; tally.cases.len()])
    }
}

/// The effects of the grid.
pub(crate) fn effects() -> [f64; POINTS] {
    let mut effect = LOWEST - STEP;
    [(); POINTS].map(|()| {
        effect += STEP;
        effect
    })
}

/// The curve of one column.
pub(crate) fn curve(tally: &Tally<'_>, cases: &Cases, column: &Column) -> Curve {
    let mut curve = within::log_likelihood(tally, cases, column);
    let between = between::log_likelihood(tally, cases, column);
    for (sum, between) in curve.iter_mut().zip(between) {
        *sum += between;
    }
    let without_effect = curve[NO_EFFECT];
    curve.map(|value| value - without_effect)
}

#[cfg(test)]
mod tests;
