//! What makes 0x76 rates differ apart from the planted version.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::names::SITES;
use super::{Fleet, Machine};

/// What multiplies the 0x76 rate of everybody with some property.
pub(super) struct Effects {
    models: Vec<f64>,
    sites: Vec<f64>,
    days: Vec<f64>,
}

impl Effects {
    pub(super) fn of(fleet: &Fleet) -> Self {
        let config = &fleet.config;
        let confounding = config.confounding;
        let mut chance = config.chance("effects", 0);
        let mut log_normal = |sigma: f64| (sigma * standard_normal(&mut chance)).exp();
        let days = config.weeks * 7;
        let growth = |day: u32| match confounding.trend {
            trend if trend > 0.0 => trend.powf(f64::from(day) / f64::from(days.max(1))),
            _ => 1.0,
        };
        // Bad models are common ones, but not the most common: the third and those after it.
        let bad = 2..2 + confounding.bad_models;
        let worse = |model: usize| {
            if bad.contains(&model) {
                confounding.bad_model_factor
            } else {
                1.0
            }
        };
        Effects {
            models: (0..25)
                .map(|model| worse(model) * log_normal(confounding.model_spread))
                .collect(),
            sites: SITES
                .iter()
                .map(|_| log_normal(confounding.site_spread))
                .collect(),
            days: (0..days).map(growth).collect(),
        }
    }

    pub(super) fn of_machine(&self, fleet: &Fleet, machine: &Machine, chance: &mut ChaCha8Rng) -> f64 {
        let confounding = fleet.config.confounding;
        let site = SITES.iter().position(|site| *site == machine.site).unwrap_or(0);
        let lemon = if chance.random_bool(confounding.lemon_share) {
            confounding.lemon_factor
        } else {
            1.0
        };
        self.models[machine.model_number] * self.sites[site] * lemon
    }

    pub(super) fn of_day(&self, day: usize) -> f64 {
        self.days[day]
    }
}

/// A standard normal number by the Box–Muller transform.
pub(super) fn standard_normal(chance: &mut ChaCha8Rng) -> f64 {
    let radius: f64 = chance.random_range(f64::MIN_POSITIVE..1.0);
    let angle: f64 = chance.random_range(0.0..std::f64::consts::TAU);
    (-2.0 * radius.ln()).sqrt() * angle.cos()
}
