//! The information component: how many doublings lie between observed and expected cases, shrunk towards none.
//!
//! ```text
//! IC    = log2 (O + ½) / (E + ½)
//! IC025 = IC − 3.3 (O + ½)^−½ − 2 (O + ½)^−3/2
//! ```
//!
//! The halves make small counts say little; IC025 is the lower end of an approximate 95 % interval. Above 0 the cases
//! are more than their share. With O = 38 and E = 6.5 it is 1.92: between three and four times as many, at least.

/// The information component.
pub fn component(observed: f64, expected: f64) -> f64 {
    ((observed + 0.5) / (expected + 0.5)).log2()
}

/// Its lower bound.
pub fn lower_bound(observed: f64, expected: f64) -> f64 {
    let shrunk = observed + 0.5;
    component(observed, expected) - 3.3 * shrunk.powf(-0.5) - 2.0 * shrunk.powf(-1.5)
}

#[cfg(test)]
mod tests {
    use super::lower_bound;

    /// Figures of python: `log2((o+.5)/(e+.5)) - 3.3*(o+.5)**-.5 - 2*(o+.5)**-1.5`.
    #[test]
    fn the_lower_bound_agrees_with_python() {
        let figures = [
            (0.0, 0.0, -10.323_759_005_323_595),
            (38.0, 6.5, 1.919_216_275_741_321_6),
            (3.0, 3.0, -2.069_365_615_950_486),
            (500.0, 100.0, 2.168_489_198_643_67),
        ];
        for (observed, expected, bound) in figures {
            let ours = lower_bound(observed, expected);
            assert!((ours - bound).abs() < 1e-9, "{observed} {expected}: {ours}");
        }
    }

    #[test]
    fn one_case_never_stands_out_however_rare_the_version() {
        assert!(lower_bound(1.0, 0.0) < 0.0);
    }
}
