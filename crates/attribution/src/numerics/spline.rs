//! A natural cubic spline through equally spaced points: smooth, through every point, straight at the ends.
//!
//! The second derivatives s solve, in units of the spacing and with s = 0 at both ends,
//!
//! ```text
//! s_{i−1} + 4 s_i + s_{i+1} = 6 (y_{i−1} − 2 y_i + y_{i+1})
//! ```

/// A spline through (0, y₀), (1, y₁), ….
#[derive(Debug, Clone)]
pub(crate) struct Spline<'a> {
    values: &'a [f64],
    curvatures: Vec<f64>,
}

impl<'a> Spline<'a> {
    /// The spline through these values.
    pub(crate) fn through(values: &'a [f64]) -> Self {
        let count = values.len();
        let mut curvatures = vec![0.0; count];
        let mut above = vec![0.0; count];
        for (index, three) in values.windows(3).enumerate() {
            let middle = index + 1;
            let pivot = 4.0 - above[index];
            let bend = 6.0 * (three[0] - 2.0 * three[1] + three[2]);
            above[middle] = 1.0 / pivot;
            curvatures[middle] = (bend - curvatures[index]) / pivot;
        }
        for index in (1..count.saturating_sub(1)).rev() {
            curvatures[index] -= above[index] * curvatures[index + 1];
        }
        if let Some(last) = curvatures.last_mut() {
            *last = 0.0;
        }
        Spline { values, curvatures }
    }

    /// The value `part` (0 to 1) of the way from point `index` to the next; the last value beyond the end.
    pub(crate) fn at(&self, index: usize, part: f64) -> f64 {
        let last = self.values.len() - 1;
        if index >= last {
            return self.values[last];
        }
        let rest = 1.0 - part;
        let straight = rest * self.values[index] + part * self.values[index + 1];
        let bend = (rest.powi(3) - rest) * self.curvatures[index]
            + (part.powi(3) - part) * self.curvatures[index + 1];
        straight + bend / 6.0
    }
}

#[cfg(test)]
mod tests {
    use super::Spline;
    use crate::numerics::{as_number, fixture};

    #[test]
    fn it_agrees_with_scipy() {
        let values = [0.0, 1.0, -1.0, 2.0, 5.0, 3.0];
        let spline = Spline::through(&values);
        for [place, part, expected] in fixture(include_str!("../../fixtures/spline.tsv")) {
            let index = (0..5).find(|index| as_number(*index) >= place).unwrap();
            let ours = spline.at(index, part);
            assert!((ours - expected).abs() < 1e-13, "{index} {part}: {ours}");
        }
    }
}
