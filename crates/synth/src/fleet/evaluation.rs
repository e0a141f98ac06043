//! The fleets on which a method of attribution is judged: rates near real ones, and one difficulty each.
//!
//! A machine stops with 0x76 about 0.03 times in 1,000 days on, and ten times as often with the planted version. 5,000
//! machines and 13 weeks then have some 15 to 60 crashes, which is what makes the task hard. Sites differ in the programs
//! that they use and, a little, in how often they crash; one machine in ten lacks a given driver of a bundle that it has.

use super::{Confounding, CulpritKind, Day, FleetConfig, Mishaps, Rates, Spread};

/// What makes an evaluation fleet difficult.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Difficulty {
    /// Nothing: a program's driver on a part of the machines.
    Plain,
    /// The culprit has four mates that are always updated with it.
    Bundle,
    /// The culprit is on most machines.
    Popular,
    /// The culprit is on hardly any machine.
    Rare,
    /// Two innocent hardware models crash eight times as often.
    Models,
    /// The culprit is rolled out ring by ring while crashes get more frequent anyway.
    Staged,
    /// Two machines in a thousand crash 150 times as often.
    Lemons,
    /// Two programs at once.
    Two,
    /// Bad models, a trend and lemons at once, with a culprit that is rolled out meanwhile.
    All,
    /// Machines go back to the version before once they have crashed with the culprit.
    Rollback,
    /// One machine in ten reports no inventory.
    MissingInventory,
    /// Agents are silent for weeks.
    Offline,
    /// Three crashes in ten are sent twice.
    Duplicates,
    /// Two culprits in one bundle.
    TwoInBundle,
    /// The culprit and an OS build are rolled out on the same days.
    OsUpdate,
    /// Two machines in five join late, many with a pile of old dumps.
    Backfill,
    /// The driver is bad from its second version on.
    Persistent,
    /// No culprit and no difficulty.
    Null,
    /// No culprit, but bad models, a trend and lemons.
    NullConfounded,
    /// The same, and sites that differ a lot.
    NullSites,
    /// The same with ten times as many crashes.
    NullSitesBusy,
    /// No culprit; three hardware models crash twenty times as often.
    NullHardware,
    /// No culprit, and the late joiners of [`Difficulty::Backfill`].
    NullBackfill,
}

impl Difficulty {
    /// All of them.
    pub const ALL: [Difficulty; 23] = [
        Difficulty::Plain,
        Difficulty::Bundle,
        Difficulty::Popular,
        Difficulty::Rare,
        Difficulty::Models,
        Difficulty::Staged,
        Difficulty::Lemons,
        Difficulty::Two,
        Difficulty::All,
        Difficulty::Rollback,
        Difficulty::MissingInventory,
        Difficulty::Offline,
        Difficulty::Duplicates,
        Difficulty::TwoInBundle,
        Difficulty::OsUpdate,
        Difficulty::Backfill,
        Difficulty::Persistent,
        Difficulty::Null,
        Difficulty::NullConfounded,
        Difficulty::NullSites,
        Difficulty::NullSitesBusy,
        Difficulty::NullHardware,
        Difficulty::NullBackfill,
    ];

    fn culprit(self) -> CulpritKind {
        match self {
            Difficulty::Bundle => CulpritKind::Bundle,
            Difficulty::Popular => CulpritKind::Popular,
            Difficulty::Rare => CulpritKind::Rare,
            Difficulty::Staged | Difficulty::All => CulpritKind::Staged,
            Difficulty::Two => CulpritKind::Two,
            Difficulty::TwoInBundle => CulpritKind::TwoInBundle,
            Difficulty::OsUpdate => CulpritKind::WithOsUpdate,
            Difficulty::Persistent => CulpritKind::Persistent,
            Difficulty::Null
            | Difficulty::NullConfounded
            | Difficulty::NullSites
            | Difficulty::NullSitesBusy
            | Difficulty::NullHardware
            | Difficulty::NullBackfill => CulpritKind::None,
            _ => CulpritKind::Plain,
        }
    }

    fn confounding(self) -> Confounding {
        let ordinary = Confounding {
            model_spread: 0.3,
            site_spread: 0.4,
            ..Confounding::default()
        };
        let models = Confounding {
            bad_models: 2,
            bad_model_factor: 8.0,
            ..ordinary
        };
        let lemons = Confounding {
            lemon_share: 0.002,
            lemon_factor: 150.0,
            ..ordinary
        };
        let everything = Confounding {
            trend: 2.5,
            lemon_share: lemons.lemon_share,
            lemon_factor: lemons.lemon_factor,
            ..models
        };
        match self {
            Difficulty::Models => models,
            Difficulty::Staged => Confounding {
                trend: 2.5,
                ..ordinary
            },
            Difficulty::Lemons => lemons,
            Difficulty::All | Difficulty::NullConfounded => everything,
            Difficulty::NullSites | Difficulty::NullSitesBusy => Confounding {
                site_spread: 1.2,
                ..everything
            },
            Difficulty::NullHardware => Confounding {
                bad_models: 3,
                bad_model_factor: 20.0,
                ..ordinary
            },
            _ => ordinary,
        }
    }

    fn mishaps(self) -> Mishaps {
        let none = Mishaps::default();
        match self {
            Difficulty::Rollback => Mishaps {
                rollback_share: 0.8,
                ..none
            },
            Difficulty::Offline => Mishaps {
                offline_share: 0.5,
                ..none
            },
            Difficulty::Duplicates => Mishaps {
                duplicate_share: 0.3,
                ..none
            },
            Difficulty::Backfill | Difficulty::NullBackfill => Mishaps {
                late_share: 0.4,
                ..none
            },
            _ => none,
        }
    }
}

impl FleetConfig {
    /// The fleet of one difficulty: 13 weeks, rates near real ones.
    pub fn evaluation(difficulty: Difficulty, machines: u32, seed: u64, last_day: Day) -> Self {
        let busy = if difficulty == Difficulty::NullSitesBusy {
            10.0
        } else {
            1.0
        };
        let missing_inventory_share = if difficulty == Difficulty::MissingInventory {
            0.1
        } else {
            0.0
        };
        FleetConfig {
            machines,
            seed,
            weeks: 13,
            last_day,
            culprit: difficulty.culprit(),
            rates: Rates {
                base_per_1000_days: 0.03 * busy,
                rate_ratio: 10.0,
                others_per_1000_days: 3.0,
            },
            confounding: difficulty.confounding(),
            spread: Spread {
                programs_by_site: 1.0,
                bundle_gaps: 0.1,
            },
            mishaps: difficulty.mishaps(),
            missing_inventory_share,
            in_box_drivers: FleetConfig::ALL_IN_BOX,
        }
    }
}
