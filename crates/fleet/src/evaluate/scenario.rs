//! The fleets on which verdicts are judged, and what each of them counts towards.

use synth::fleet::{Day, Difficulty, Fleet, FleetConfig};

/// Machines of an ordinary evaluation fleet.
pub const MACHINES: u32 = 5_000;
/// Machines of the large one.
const MANY_MACHINES: u32 = 20_000;
/// Drivers of Windows in a set: all of one build are one candidate, so that more of them only cost time.
const IN_BOX: usize = 24;
/// The 22nd of November 2026, a Sunday: histories are whole weeks.
const LAST_DAY: Day = Day(20_779);

/// What a scenario counts towards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    /// One of the nine whose mean is the figure to reach.
    Core,
    /// A planted culprit, and something wrong with the data or the question.
    Harder,
    /// The large fleet.
    Large,
    /// Nobody is guilty.
    Null,
    /// Nobody is guilty, and sites differ a lot for reasons that no count has.
    NullSites,
}

impl Class {
    /// Whether somebody is guilty.
    pub(crate) fn is_planted(self) -> bool {
        !matches!(self, Class::Null | Class::NullSites)
    }
}

/// One kind of fleet.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// Its name on the command line and in tables.
    pub name: &'static str,
    pub(crate) difficulty: Difficulty,
    pub(crate) class: Class,
    /// Its number, a part of its seeds.
    number: u64,
    machines: u32,
}

impl Scenario {
    /// All of them, in the order of the table.
    pub fn all() -> Vec<Scenario> {
        let numbered = (0..).zip(LIST);
        numbered
            .map(|(number, (name, class, difficulty))| Scenario {
                name,
                difficulty,
                class,
                number,
                machines: if class == Class::Large {
                    MANY_MACHINES
                } else {
                    MACHINES
                },
            })
            .collect()
    }

    /// The fleet of one run; `machines` overrides the scenario's own number.
    pub(crate) fn fleet(&self, seeds: Seeds, run: u32, machines: Option<u32>) -> Fleet {
        let machines = machines.unwrap_or(self.machines);
        let seed = seeds.first + 10_000 * self.number + u64::from(run);
        Fleet::invent(&FleetConfig {
            in_box_drivers: IN_BOX,
            ..FleetConfig::evaluation(self.difficulty, machines, seed, LAST_DAY)
        })
    }
}

/// The seeds that an evaluation draws its fleets from: run r of scenario s has the first + 10,000 s + r.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seeds {
    /// The first.
    pub first: u64,
}

impl Seeds {
    /// For work on the method: as often as one likes.
    pub const DEVELOPMENT: Seeds = Seeds { first: 10_000_000 };
    /// For the released table only. No constant of the method has ever been chosen by looking at these fleets.
    ///
    /// Whoever changes the method because of that table moves them on. 90,000,000 is used up: its table showed
    /// probabilities that were too modest.
    pub const HOLD_OUT: Seeds = Seeds { first: 130_000_000 };
    /// For the short form in the test suite.
    pub const TESTS: Seeds = Seeds { first: 50_000_000 };

    /// What the seeds are for.
    pub fn name(self) -> &'static str {
        match self {
            Seeds::DEVELOPMENT => "development",
            Seeds::HOLD_OUT => "hold-out",
            Seeds::TESTS => "test",
            _ => "own",
        }
    }
}

const LIST: [(&str, Class, Difficulty); 24] = [
    ("plain", Class::Core, Difficulty::Plain),
    ("bundle", Class::Core, Difficulty::Bundle),
    ("popular", Class::Core, Difficulty::Popular),
    ("rare", Class::Core, Difficulty::Rare),
    ("model", Class::Core, Difficulty::Models),
    ("stage", Class::Core, Difficulty::Staged),
    ("lemon", Class::Core, Difficulty::Lemons),
    ("two", Class::Core, Difficulty::Two),
    ("all", Class::Core, Difficulty::All),
    ("rollback", Class::Harder, Difficulty::Rollback),
    ("missing-inventory", Class::Harder, Difficulty::MissingInventory),
    ("offline", Class::Harder, Difficulty::Offline),
    ("duplicates", Class::Harder, Difficulty::Duplicates),
    ("two-in-bundle", Class::Harder, Difficulty::TwoInBundle),
    ("os-update", Class::Harder, Difficulty::OsUpdate),
    ("backfill", Class::Harder, Difficulty::Backfill),
    ("persistent", Class::Harder, Difficulty::Persistent),
    ("all-20000", Class::Large, Difficulty::All),
    ("null", Class::Null, Difficulty::Null),
    ("null-confounded", Class::Null, Difficulty::NullConfounded),
    ("null-hardware", Class::Null, Difficulty::NullHardware),
    ("null-backfill", Class::Null, Difficulty::NullBackfill),
    ("null-sites", Class::NullSites, Difficulty::NullSites),
    ("null-sites-busy", Class::NullSites, Difficulty::NullSitesBusy),
];
