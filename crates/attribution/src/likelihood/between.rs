//! Which hardware models crash more than others, given that models differ for reasons of their own.
//!
//! The cases Y of a model are negative binomial with mean μ = c M and shape a: a Poisson number whose rate varies
//! between models with variance 1/a. With T machine-days, D of them with the candidate:
//!
//! ```text
//! g_w(b) = (Y_w + ½) / Σ_r (T_rw + D_rw (e^b − 1))       how bad the week was (profiled, so that trends cancel out)
//! M_r(b) = Σ_w g_w(b) (T_rw + D_rw (e^b − 1))
//! c(b)   = Σ Y_r / Σ M_r(b)
//! L(b)   = mean over a ∈ {1, 3, 10} of Π_r NegBin(Y_r; c M_r, a)
//! ```

use super::{Cases, Curve, POINTS};
use crate::column::Column;
use crate::numerics::add_logarithms;
use crate::numerics::gamma::ln_gamma;
use crate::numerics::logarithm::ln;
use crate::tally::Tally;

/// Shapes between which the data choose: rates of models that vary by 100, 58 and 32 %.
const SHAPES: [f64; 3] = [1.0, 3.0, 10.0];

/// A shape with the part of its logarithm that does not depend on the effect.
pub(super) struct Shape {
    shape: f64,
    constant: f64,
}

/// The shapes for these cases by model.
pub(super) fn shapes(by_model: &[f64]) -> Vec<Shape> {
    let constant = |shape: f64| {
        let of_model = |cases: &f64| {
            ln_gamma(cases + shape) - ln_gamma(shape) - ln_gamma(cases + 1.0) - cases * shape.ln()
        };
        by_model.iter().map(of_model).sum()
    };
    SHAPES
        .map(|shape| Shape {
            shape,
            constant: constant(shape),
        })
        .into()
}

pub(super) fn log_likelihood(tally: &Tally<'_>, cases: &Cases, column: &Column) -> Curve {
    let means = means(tally, cases, column);
    let mut common = [0.0; POINTS];
    for (mean, cases) in means.iter().zip(&cases.by_model) {
        if *cases > 0.0 {
            for (sum, mean) in common.iter_mut().zip(mean) {
                *sum += cases * ln(mean.max(f64::MIN_POSITIVE));
            }
        }
    }
    let of_shapes: Vec<Curve> = cases
        .shapes
        .iter()
        .map(|shape| of_shape(shape, &means, &cases.by_model))
        .collect();
    let mut point = 0;
    common.map(|common| {
        let value = common + add_logarithms(of_shapes.iter().map(|curve| curve[point]));
        point += 1;
        value
    })
}

/// − Σ (a + Y) ln (1 + μ / a) and the constant: what depends on the shape. The common part is Σ Y ln μ.
fn of_shape(shape: &Shape, means: &[Curve], by_model: &[f64]) -> Curve {
    let mut curve = [shape.constant; POINTS];
    for (mean, cases) in means.iter().zip(by_model) {
        let weight = shape.shape + cases;
        for (value, mean) in curve.iter_mut().zip(mean) {
            *value -= weight * ln(1.0 + mean / shape.shape);
        }
    }
    curve
}

/// Expected cases of each model at each effect.
fn means(tally: &Tally<'_>, cases: &Cases, column: &Column) -> Vec<Curve> {
    let badness = badness_of_weeks(tally, cases, column);
    let mut means = vec![[0.0; POINTS]; tally.models];
    for (stratum, (days, exposed)) in tally.days.iter().zip(&column.days).enumerate() {
        let mean = &mut means[tally.model_of[stratum]];
        let badness = &badness[tally.week_of[stratum]];
        for ((mean, badness), excess) in mean.iter_mut().zip(badness).zip(&cases.excess) {
            *mean += badness * (days + exposed * excess);
        }
    }
    let mut whole = [0.0; POINTS];
    for mean in &means {
        whole
            .iter_mut()
            .zip(mean)
            .for_each(|(whole, mean)| *whole += mean);
    }
    for mean in &mut means {
        for (mean, whole) in mean.iter_mut().zip(&whole) {
            *mean *= cases.all / whole;
        }
    }
    means
}

/// How bad each week was, at each effect.
fn badness_of_weeks(tally: &Tally<'_>, cases: &Cases, column: &Column) -> Vec<Curve> {
    let mut days = vec![(0.0, 0.0); tally.weeks];
    for (stratum, (whole, exposed)) in tally.days.iter().zip(&column.days).enumerate() {
        let week = &mut days[tally.week_of[stratum]];
        week.0 += whole;
        week.1 += exposed;
    }
    days.iter()
        .zip(&cases.by_week)
        .map(|((whole, exposed), cases_in_week)| {
            cases.excess.map(|excess| {
                let days = whole + exposed * excess;
                if days > 0.0 {
                    (cases_in_week + 0.5) / days
                } else {
                    0.0
                }
            })
        })
        .collect()
}
