//! On which days machines are on.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::FleetConfig;

/// One entry a day of the history.
///
/// Most machines follow working days; one in ten is always on; some have a spell of days off, and some join late.
pub(super) fn invent(config: &FleetConfig, chance: &mut ChaCha8Rng) -> Vec<bool> {
    let always_on = chance.random_bool(0.1);
    let mut days: Vec<bool> = (0..config.days())
        .map(|day| {
            let weekend = config.first_day().plus(day).weekday() >= 5;
            let probability = match (always_on, weekend) {
                (true, _) => 0.985,
                (false, false) => 0.93,
                (false, true) => 0.06,
            };
            chance.random_bool(probability)
        })
        .collect();
    if chance.random_bool(0.25) {
        let length = chance.random_range(5..20);
        let from = chance.random_range(0..days.len());
        days.iter_mut().skip(from).take(length).for_each(|on| *on = false);
    }
    if chance.random_bool(0.05) {
        let joined = chance.random_range(0..days.len() / 2);
        days[..joined].fill(false);
    }
    days
}

/// Runs of days on: first and last day of each, as numbers in the history.
pub(super) fn spans(days: &[bool]) -> Vec<(usize, usize)> {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for (day, _) in days.iter().enumerate().filter(|(_, on)| **on) {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == day => *last = day,
            _ => spans.push((day, day)),
        }
    }
    spans
}
