//! The Mantel–Haenszel rate ratio: how many times more often machines crash with a version than without it, compared
//! only within one hardware model and week.
//!
//! With a cases among t₁ machine-days with the version, b among t₀ without, t = t₀ + t₁, m = a + b, summed over strata:
//!
//! ```text
//! R = Σ a t₀ / t      S = Σ b t₁ / t      ratio = R / S
//! var ln ratio = Σ m t₁ t₀ / t²  /  (R S)              (Greenland and Robins)
//! interval     = ratio · exp(± 1.96 √var)
//! ```

/// The 97.5 % point of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Cases and machine-days of one stratum, with the version and without.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cell {
    /// Cases with the version.
    pub exposed_cases: f64,
    /// Cases without.
    pub unexposed_cases: f64,
    /// Machine-days with it.
    pub exposed_days: f64,
    /// Machine-days without.
    pub unexposed_days: f64,
}

/// A rate ratio and its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateRatio {
    /// The ratio.
    pub ratio: f64,
    /// Lower end; absent when no case had the version.
    pub low: Option<f64>,
    /// Upper end; absent when no case had the version.
    pub high: Option<f64>,
}

/// The rate ratio over strata.
///
/// `None` if it has no value: no case without the version in a stratum that has both, or no such stratum.
pub fn mantel_haenszel(cells: &[Cell]) -> Option<RateRatio> {
    let mut exposed = 0.0;
    let mut unexposed = 0.0;
    let mut variance = 0.0;
    for cell in cells {
        let days = cell.exposed_days + cell.unexposed_days;
        if days <= 0.0 {
            continue;
        }
        exposed += cell.exposed_cases * cell.unexposed_days / days;
        unexposed += cell.unexposed_cases * cell.exposed_days / days;
        let cases = cell.exposed_cases + cell.unexposed_cases;
        variance += cases * (cell.exposed_days / days) * (cell.unexposed_days / days);
    }
    if unexposed <= 0.0 {
        return None;
    }
    let ratio = exposed / unexposed;
    let spread = (exposed > 0.0).then(|| (Z * (variance / (exposed * unexposed)).sqrt()).exp());
    Some(RateRatio {
        ratio,
        low: spread.map(|spread| ratio / spread),
        high: spread.map(|spread| ratio * spread),
    })
}

#[cfg(test)]
mod tests;
