//! A small invented fleet, and what is true of it, counted the slow way: one machine-day after the other.
//!
//! It shares nothing with the store but the lines that it sends.

use std::collections::{BTreeMap, BTreeSet};

use store::drivers::InventoryDriver;
use store::import::{CrashLine, DriverReference, InventorySource, Line};
use store::machines::Attributes;
use store::{MachineId, Window};
use time::macros::date;
use time::{Date, Duration, OffsetDateTime};

/// Six weeks; neither end is a Monday.
pub(super) const WINDOW: Window = Window {
    from: date!(2026 - 10 - 07),
    to: date!(2026 - 11 - 20),
};

const MACHINES: u32 = 24;

/// A driver version by name, e.g. `a.sys 2.0`, or a Windows build, e.g. `build 22631`.
pub(super) type Feature = String;

/// Model, Monday, and the site or nothing for all of them.
pub(super) type Cell = (String, Date, Option<String>);

/// Counts, by what things are called.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) machine_days: BTreeMap<Cell, u64>,
    pub(super) features: BTreeMap<(Cell, Feature), u64>,
    /// By machine: its stratum, and what it had.
    pub(super) cases: BTreeMap<MachineId, (Cell, BTreeSet<Feature>)>,
    /// Where the machines of the cases stand.
    pub(super) sites: BTreeMap<MachineId, Option<String>>,
    pub(super) crashes: u64,
    pub(super) without_exposure: u64,
}

impl Told {
    /// The same without the sites.
    pub(super) fn of_models(mut self) -> Self {
        self.machine_days.retain(|(_, _, site), _| site.is_none());
        self.features.retain(|((_, _, site), _), _| site.is_none());
        self.sites.clear();
        self
    }
}

/// Chance from a seed.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        u32::try_from((self.0 >> 33) % u64::from(limit)).unwrap()
    }
}

fn machine(number: u32) -> String {
    format!("m{number}")
}

fn model(number: u32) -> String {
    format!("Model {}", number % 3)
}

fn site(number: u32) -> Option<String> {
    (!number.is_multiple_of(4)).then(|| format!("Site {}", number % 5))
}

fn os_build(number: u32) -> u32 {
    22_621 + 10 * (number % 2)
}

/// The line that says what a machine is.
pub(super) fn machine_lines() -> Vec<Line> {
    let line = |number| Line::Machine {
        machine: machine(number),
        attributes: Attributes {
            model: Some(model(number)),
            os_build: Some(os_build(number)),
            site: site(number),
            ..Attributes::default()
        },
    };
    (0..MACHINES).map(line).collect()
}

/// A fleet's history in any order: inventories, days, crashes.
pub(super) fn history(chance: &mut Chance) -> Vec<Line> {
    let mut lines = Vec::new();
    for number in 0..MACHINES {
        let start = WINDOW.from + Duration::days(i64::from(chance.below(20)) - 15);
        for change in 0..=chance.below(5) {
            let day = start + Duration::days(i64::from(change * (1 + chance.below(12))));
            let at = moment(day, chance);
            let drivers = drivers(chance).into_iter().map(Box::new);
            lines.push(Line::Inventory {
                machine: machine(number),
                at,
                drivers: InventorySource::Drivers(drivers.map(DriverReference::Whole).collect()),
            });
        }
        for _ in 0..4 {
            let from = start + Duration::days(i64::from(chance.below(40)) - 2);
            let to = from + Duration::days(i64::from(chance.below(9)));
            lines.push(Line::Presence {
                machine: machine(number),
                from,
                to,
            });
        }
        for _ in 0..chance.below(3) {
            let day = WINDOW.from + Duration::days(i64::from(chance.below(44)));
            lines.push(crash(number, moment(day, chance)));
        }
    }
    for place in (1..lines.len()).rev() {
        let other = chance.below(u32::try_from(place).unwrap() + 1);
        lines.swap(place, usize::try_from(other).unwrap());
    }
    lines
}

fn moment(day: Date, chance: &mut Chance) -> OffsetDateTime {
    let seconds = chance.below(86_400);
    day.midnight().assume_utc() + Duration::seconds(i64::from(seconds))
}

fn crash(number: u32, at: OffsetDateTime) -> Line {
    Line::Crash(CrashLine {
        machine: machine(number),
        at,
        stop_code: 0x76,
        parameters: Vec::new(),
        process: None,
        stack_modules: Vec::new(),
    })
}

/// Some drivers; `p.sys` without its version, which is told once by [`naming_line`].
fn drivers(chance: &mut Chance) -> Vec<InventoryDriver> {
    let mut drivers = vec![super::driver("common.sys", 1)];
    for name in ["a.sys", "b.sys", "c.sys"] {
        let version = chance.below(4);
        if version > 0 {
            drivers.push(super::driver(name, version));
        }
    }
    if chance.below(2) == 0 {
        let mut unnamed = super::driver("p.sys", 7);
        unnamed.version = None;
        drivers.push(unnamed);
    }
    drivers
}

/// The inventory of a machine that is never on, which tells what version that image of `p.sys` is.
pub(super) fn naming_line() -> Line {
    let drivers = vec![DriverReference::Whole(Box::new(super::driver("p.sys", 7)))];
    Line::Inventory {
        machine: machine(0),
        at: WINDOW.from.midnight().assume_utc() - Duration::days(300),
        drivers: InventorySource::Drivers(drivers),
    }
}

fn names(drivers: &[DriverReference], is_named: bool) -> BTreeSet<Feature> {
    let name = |reference: &DriverReference| {
        let DriverReference::Whole(driver) = reference else {
            unreachable!("history tells drivers in full")
        };
        match &driver.version {
            Some(version) => format!("{} {version}", driver.name),
            None if is_named => format!("{} 7.0", driver.name),
            None => format!("{} ?", driver.name),
        }
    };
    drivers.iter().map(name).collect()
}

/// What is true after these lines. `is_named`: whether [`naming_line`] is among them.
pub(super) fn count(lines: &[Line], is_named: bool) -> Told {
    let mut told = Told::default();
    for number in 0..MACHINES {
        count_machine(lines, is_named, number, &mut told);
    }
    told
}

fn count_machine(lines: &[Line], is_named: bool, number: u32, told: &mut Told) {
    let mut inventories: BTreeMap<OffsetDateTime, BTreeSet<Feature>> = BTreeMap::new();
    let mut days: BTreeSet<Date> = BTreeSet::new();
    let mut crashes: BTreeSet<OffsetDateTime> = BTreeSet::new();
    for line in lines {
        match line {
            Line::Inventory {
                machine: of,
                at,
                drivers: InventorySource::Drivers(drivers),
            } if *of == machine(number) => {
                inventories.insert(*at, names(drivers, is_named));
            }
            Line::Presence {
                machine: of,
                from,
                to,
            } if *of == machine(number) => {
                days.extend(Window { from: *from, to: *to }.iter());
            }
            Line::Crash(crash) if crash.machine == machine(number) => {
                crashes.insert(crash.at);
            }
            _ => {}
        }
    }
    days.retain(|day| (WINDOW.from..=WINDOW.to).contains(day));
    let at_end_of = |day: Date| {
        inventories
            .range(..day.next_day().unwrap().midnight().assume_utc())
            .next_back()
    };
    days.retain(|day| at_end_of(*day).is_some());
    let exposed = |at: &&OffsetDateTime| days.contains(&at.date());
    let first = crashes.iter().find(exposed);
    told.crashes += crashes.len() as u64;
    told.without_exposure += crashes.iter().filter(|at| !exposed(at)).count() as u64;
    for day in &days {
        if first.is_some_and(|first| *day > first.date()) {
            break;
        }
        let mut had = at_end_of(*day).map(|(_, had)| had.clone()).unwrap();
        let crash = first.filter(|first| *day == first.date());
        let before = crash.and_then(|crash| inventories.range(..=*crash).next_back());
        if let Some((_, before)) = before {
            had.clone_from(before);
        }
        had.insert(format!("build {}", os_build(number)));
        let week = *day - Duration::days(i64::from(day.weekday().number_days_from_monday()));
        for site in BTreeSet::from([None, site(number)]) {
            let cell = (model(number), week, site);
            *told.machine_days.entry(cell.clone()).or_default() += 1;
            for feature in &had {
                *told.features.entry((cell.clone(), feature.clone())).or_default() += 1;
            }
        }
        if first.is_some_and(|first| *day == first.date()) {
            let id = MachineId::of(&machine(number));
            told.sites.insert(id, site(number));
            told.cases.insert(id, ((model(number), week, None), had));
        }
    }
}
