//! Who crashed among concurrent peers: machines of one model in one week, of one site where it is known.
//!
//! Given that one of them crashed, it is one that has the candidate with probability p e^b / (1 − p + p e^b), where p is
//! the share of machine-days with it:
//!
//! ```text
//! l(b) = Σ_cases w [ b x − ln(1 + p (e^b − 1)) ]        x = 1 if the case had it, w its weight
//! p    = (days with it at the site + K · its share in the stratum) / (days of the site + K)
//! ```
//!
//! Whatever differs between models, weeks or sites cancels out. Sites are small, so their shares are drawn towards the
//! stratum's as if K more machine-days had been seen there.

use super::{Cases, Curve, POINTS};
use crate::column::Column;
use crate::likelihood::effects;
use crate::numerics::logarithm::ln;
use crate::tally::Tally;

/// Machine-days of the stratum that count as if they were of the site: eight machines for a week of five days.
const SITE_SHRINKAGE_DAYS: f64 = 40.0;

/// Machine-days that a case must have had the candidate before it crashed with it.
const LEAST_EXPOSED_DAYS: f64 = 1.0;

/// So many factors, each at most e^5.625, are multiplied before a logarithm is taken: together below e^600.
const FACTORS_A_LOGARITHM: u32 = 100;

pub(super) fn log_likelihood(tally: &Tally<'_>, cases: &Cases, column: &Column) -> Curve {
    let mut exposed_in = vec![0.0; tally.cells.len()];
    let mut exposed = 0.0;
    for case in &column.cases {
        let number = crate::tally::index(*case);
        exposed_in[tally.cases[number].cell] += 1.0;
        exposed += cases.weights[number];
    }
    let mut normalisers = Normalisers::new();
    for (number, in_cell) in cases.in_cell.iter().enumerate() {
        let share = share(tally, column, number, exposed_in[number]);
        if share > 0.0 {
            let factors = cases.excess.map(|excess| 1.0 + share * excess);
            normalisers.multiply(&factors, in_cell.whole);
            normalisers.add(&factors, in_cell.rest);
        }
    }
    let mut curve = normalisers.into_logarithms();
    for (value, effect) in curve.iter_mut().zip(effects()) {
        *value = effect * exposed - *value;
    }
    curve
}

/// The share of a cell's machine-days that have the candidate. Cases that had it are at least a day each of them.
fn share(tally: &Tally<'_>, column: &Column, cell: usize, exposed_cases: f64) -> f64 {
    let risk = tally.cells[cell];
    let days = tally.days[risk.stratum];
    let of_stratum = column.days[risk.stratum] / days;
    let (share, days) = match risk.site_days {
        Some(site_days) => {
            let shrunk = column.site_days[cell] + SITE_SHRINKAGE_DAYS * of_stratum;
            let whole = site_days + SITE_SHRINKAGE_DAYS;
            (shrunk / whole, whole)
        }
        None => (of_stratum, days),
    };
    share.max(exposed_cases * LEAST_EXPOSED_DAYS / days).min(1.0)
}

/// Σ w ln(factor) for each effect, with few logarithms: factors of weight 1 are multiplied first.
struct Normalisers {
    logarithms: Curve,
    products: [f64; POINTS],
    multiplied: u32,
}

impl Normalisers {
    fn new() -> Self {
        Normalisers {
            logarithms: [0.0; POINTS],
            products: [1.0; POINTS],
            multiplied: 0,
        }
    }

    fn multiply(&mut self, factors: &[f64; POINTS], times: u32) {
        if times > FACTORS_A_LOGARITHM {
            return self.add(factors, f64::from(times));
        }
        if self.multiplied + times > FACTORS_A_LOGARITHM {
            self.take_logarithms();
        }
        self.multiplied += times;
        for _ in 0..times {
            for (product, factor) in self.products.iter_mut().zip(factors) {
                *product *= factor;
            }
        }
    }

    fn add(&mut self, factors: &[f64; POINTS], weight: f64) {
        if weight > 0.0 {
            for (logarithm, factor) in self.logarithms.iter_mut().zip(factors) {
                *logarithm += weight * ln(*factor);
            }
        }
    }

    fn take_logarithms(&mut self) {
        for (logarithm, product) in self.logarithms.iter_mut().zip(&mut self.products) {
            *logarithm += ln(*product);
            *product = 1.0;
        }
        self.multiplied = 0;
    }

    fn into_logarithms(mut self) -> Curve {
        self.take_logarithms();
        self.logarithms
    }
}
