//! The fleets on which a method of attribution is judged: rates near real ones, and one difficulty each.
//!
//! A machine stops with 0x76 about 0.03 times in 1,000 days on, and ten times as often with the planted version. 5,000
//! machines and 13 weeks then have some 15 to 60 crashes, which is what makes the task hard.

use super::{Confounding, CulpritKind, Day, FleetConfig, Rates};

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
    /// All of it at once, with a plain culprit.
    All,
    /// No culprit and no difficulty.
    Null,
    /// No culprit, but bad models, a trend and lemons.
    NullConfounded,
    /// The same, and departments that differ a lot.
    NullSites,
}

impl Difficulty {
    /// All of them.
    pub const ALL: [Difficulty; 11] = [
        Difficulty::Plain,
        Difficulty::Bundle,
        Difficulty::Popular,
        Difficulty::Rare,
        Difficulty::Models,
        Difficulty::Staged,
        Difficulty::Lemons,
        Difficulty::All,
        Difficulty::Null,
        Difficulty::NullConfounded,
        Difficulty::NullSites,
    ];

    fn culprit(self) -> CulpritKind {
        match self {
            Difficulty::Plain | Difficulty::Models | Difficulty::Lemons | Difficulty::All => {
                CulpritKind::Plain
            }
            Difficulty::Bundle => CulpritKind::Bundle,
            Difficulty::Popular => CulpritKind::Popular,
            Difficulty::Rare => CulpritKind::Rare,
            Difficulty::Staged => CulpritKind::Staged,
            Difficulty::Null | Difficulty::NullConfounded | Difficulty::NullSites => CulpritKind::None,
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
            Difficulty::NullSites => Confounding {
                site_spread: 1.2,
                ..everything
            },
            _ => ordinary,
        }
    }
}

impl FleetConfig {
    /// The fleet of one difficulty: 13 weeks, rates near real ones.
    pub fn evaluation(difficulty: Difficulty, machines: u32, seed: u64, last_day: Day) -> Self {
        FleetConfig {
            machines,
            seed,
            weeks: 13,
            last_day,
            culprit: difficulty.culprit(),
            rates: Rates {
                base_per_1000_days: 0.03,
                rate_ratio: 10.0,
                others_per_1000_days: 3.0,
            },
            confounding: difficulty.confounding(),
            missing_inventory_share: 0.0,
        }
    }
}
