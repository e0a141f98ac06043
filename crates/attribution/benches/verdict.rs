//! How long one verdict takes: `cargo bench -p attribution`.
//!
//! Prints, for a fleet of the evaluation's size and for one of a million machines, the median time of a verdict, the
//! processors' time for one, which does not depend on what else they do, and the most memory that the process had. The counts are invented by a small generator in here; a driver version in four is on
//! machines of every model, the others on those of three models in ten.

#![expect(clippy::print_stdout, reason = "a benchmark speaks on stdout by trade")]

use std::time::{Duration, Instant};

use attribution::counts::{Candidate, Case, Counts, Feature, Naming, Origin, Stratum};
use attribution::verdict::verdict;

/// The size of an invented fleet.
struct Size {
    models: u32,
    weeks: u32,
    candidates: u32,
    cases: u32,
    /// Candidates that a machine has.
    had: u32,
    repeats: u32,
}

fn main() {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!("on {processors} processors{}", processor_name());
    let small = Size {
        models: 25,
        weeks: 13,
        candidates: 250,
        cases: 150,
        had: 120,
        repeats: 20,
    };
    let large = Size {
        models: 308,
        weeks: 13,
        candidates: 4000,
        cases: 5000,
        had: 200,
        repeats: 3,
    };
    for size in [small, large] {
        measure(&size);
    }
}

fn measure(size: &Size) {
    let counts = invent(size);
    let before = processor_seconds();
    let mut times: Vec<Duration> = (0..size.repeats)
        .map(|_| {
            let begun = Instant::now();
            std::hint::black_box(verdict(std::hint::black_box(&counts)));
            begun.elapsed()
        })
        .collect();
    let processors = processor_seconds() - before;
    times.sort_unstable();
    let cells: usize = counts
        .candidates
        .iter()
        .map(|candidate| candidate.machine_days.len())
        .sum();
    println!(
        "{} strata, {} candidates ({cells} cells), {} cases: {:.1} ms, {:.1} ms of processors; most memory {} MiB",
        counts.strata.len(),
        counts.candidates.len(),
        counts.cases.len(),
        times[times.len() / 2].as_secs_f64() * 1000.0,
        processors * 1000.0 / f64::from(size.repeats),
        most_memory_kib().map_or_else(|| "?".to_owned(), |kib| (kib / 1024).to_string()),
    );
}

/// Counts in which the fifth candidate makes machines crash ten times as often.
fn invent(size: &Size) -> Counts {
    let mut chance = Chance(7);
    let strata: Vec<Stratum> = (0..size.models)
        .flat_map(|model| (0..size.weeks).map(move |week| (model, week)))
        .map(|(model, week)| Stratum {
            model: model.cast_signed(),
            week: week.cast_signed(),
            machine_days: f64::from(60_000 / (model + 1)).max(200.0).round(),
        })
        .collect();
    let candidates: Vec<Candidate> = (0..size.candidates)
        .map(|number| candidate(number, &strata, &mut chance))
        .collect();
    let cases = (0..size.cases)
        .map(|_| case(size, &candidates, &mut chance))
        .collect();
    Counts {
        strata,
        candidates,
        cases,
        peers: Vec::new(),
    }
}

fn candidate(number: u32, strata: &[Stratum], chance: &mut Chance) -> Candidate {
    let everywhere = number.is_multiple_of(4);
    let share = chance.draw() * 0.5;
    let (mut model, mut on_model) = (i32::MIN, false);
    let mut machine_days = Vec::new();
    for (index, stratum) in (0_u32..).zip(strata) {
        if stratum.model != model {
            model = stratum.model;
            on_model = everywhere || chance.draw() < 0.3;
        }
        if on_model {
            machine_days.push((
                index,
                (stratum.machine_days * share * (0.8 + 0.4 * chance.draw())).round(),
            ));
        }
    }
    Candidate {
        feature: Feature::Driver {
            version: number.cast_signed(),
            driver: (number / 3).cast_signed(),
            order: number % 3,
        },
        origin: Origin::ThirdParty,
        changed_recently: number.is_multiple_of(7),
        machine_days,
        named_elsewhere: Naming { named: 1, dumps: 500 },
    }
}

fn case(size: &Size, candidates: &[Candidate], chance: &mut Chance) -> Case {
    // The third root puts most cases on the common models, which come first.
    let stratum = chance
        .below(size.models * size.weeks)
        .min(chance.below(size.models * size.weeks));
    let mut had: Vec<u32> = (0..size.had).map(|_| chance.below(size.candidates)).collect();
    if chance.draw() < 0.6 {
        had.push(4);
    }
    had.retain(|number| {
        let days = &candidates[*number as usize].machine_days;
        days.binary_search_by_key(&stratum, |(stratum, _)| *stratum)
            .is_ok()
    });
    had.sort_unstable();
    had.dedup();
    Case {
        stratum,
        peers: None,
        candidates: had,
        named: Some(Vec::new()),
    }
}

/// A generator of numbers that are random enough for this (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1.
    fn draw(&mut self) -> f64 {
        f64::from((self.next() >> 32) as u32) / f64::from(u32::MAX)
    }

    fn below(&mut self, end: u32) -> u32 {
        (((self.next() >> 32) * u64::from(end)) >> 32) as u32
    }
}

/// The processor as Linux names it.
fn processor_name() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(':').nth(1));
    name.map_or_else(String::new, |name| format!(" ({})", name.trim()))
}

/// What all threads of the process have computed, by Linux' account; it counts in hundredths of a second.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// The most memory that the process had, by Linux' account.
fn most_memory_kib() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
