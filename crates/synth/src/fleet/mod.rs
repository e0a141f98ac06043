//! Invents a company's fleet from a seed: machines, drivers, rollouts, presence, crashes.
//!
//! ```text
//! FleetConfig ──► Catalog    drivers with three versions each (in-box: one for each OS build)
//!             ──► Machines   model, site, ring, OS build; days on; driver sets over time
//!             ──► Crashes    0x76 at a base rate, more often with the planted version; other stop codes
//!             ──► Mishaps    what agents and administrators do to the data: rollbacks, gaps, late joins, repeats
//! ```
//!
//! A [`Crash`] has everything for a dump in the real format: [`Fleet::describe`] gives the description with the drivers that
//! were loaded at that moment, at the addresses of that boot. Driver sets are kept once and shared. The same configuration
//! always gives the same fleet; nothing here reads a clock.

mod catalog;
mod crash_dump;
mod crashes;
mod culprits;
mod effects;
mod evaluation;
#[cfg(test)]
mod evaluation_tests;
mod machines;
mod mishaps;
mod names;
mod presence;
mod rollout;
mod sets;
#[cfg(test)]
mod tests;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::in_box::{fnv, low_half};

pub use catalog::{Catalog, DriverVersion, Family, Origin, VersionId};
pub use crashes::{Cause, Crash, CrashKind};
pub use evaluation::Difficulty;
pub use machines::{InventoryChange, Machine, Ring};
pub use mishaps::Mishaps;
pub use sets::{DriverSets, SetId};

/// A day, counted from the first of January 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

impl Day {
    /// Seconds since 1970 at its beginning, UTC.
    pub fn unix_start(self) -> i64 {
        self.0 * 86_400
    }

    /// The day `days` later.
    #[must_use]
    pub fn plus(self, days: usize) -> Day {
        Day(self.0.saturating_add_unsigned(days as u64))
    }

    /// 0 for a Monday to 6 for a Sunday.
    pub fn weekday(self) -> i64 {
        // The first of January 1970 was a Thursday.
        (self.0 + 3).rem_euclid(7)
    }
}

/// What kind of fleet to invent.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetConfig {
    /// Number of machines.
    pub machines: u32,
    /// Seed.
    pub seed: u64,
    /// Length of the history in weeks.
    pub weeks: u32,
    /// Its last day.
    pub last_day: Day,
    /// Which version is planted.
    pub culprit: CulpritKind,
    /// How often machines crash.
    pub rates: Rates,
    /// What else makes crash rates differ.
    pub confounding: Confounding,
    /// How unevenly drivers are spread.
    pub spread: Spread,
    /// What happens to the data on its way.
    pub mishaps: Mishaps,
    /// Share of machines whose agent never reports an inventory, 0 to 1.
    pub missing_inventory_share: f64,
    /// How many drivers of Windows itself machines have; [`Self::ALL_IN_BOX`] where dumps are to look real.
    ///
    /// They come with the OS build, all or none. Nothing else in the fleet depends on their number.
    pub in_box_drivers: usize,
}

impl FleetConfig {
    /// Every driver of Windows that a PC loads.
    pub const ALL_IN_BOX: usize = usize::MAX;

    /// A fleet that shows a staged rollout going wrong, with rates that suit its size.
    ///
    /// Rates are far above real ones, so that a small fleet has enough crashes in a quarter of a year: about 70 to 120 with
    /// 0x76 and 300 others for 2,000 machines, and at least some 35 with 0x76 for 400.
    pub fn demo(machines: u32, seed: u64, weeks: u32, last_day: Day) -> Self {
        let size = f64::from(machines.max(1));
        // Expected crashes by the planted version, spread over the machine-days that have it (about an eighth of all).
        let by_culprit = (size * 0.035).clamp(30.0, 90.0);
        let machine_days = size * f64::from(weeks * 7) * 0.66;
        let guilty_rate = by_culprit / (machine_days * 0.16) * 1000.0;
        FleetConfig {
            machines,
            seed,
            weeks,
            last_day,
            culprit: CulpritKind::Staged,
            rates: Rates {
                base_per_1000_days: guilty_rate / 25.0,
                rate_ratio: 25.0,
                others_per_1000_days: (size * 0.15).clamp(60.0, 300.0) / machine_days * 1000.0,
            },
            confounding: Confounding::default(),
            spread: Spread::default(),
            mishaps: Mishaps::default(),
            missing_inventory_share: 0.0,
            in_box_drivers: Self::ALL_IN_BOX,
        }
    }

    /// Days of the history.
    pub fn days(&self) -> usize {
        self.weeks as usize * 7
    }

    /// The first day of the history.
    pub fn first_day(&self) -> Day {
        Day(self.last_day.0 - i64::from(self.weeks * 7) + 1)
    }

    /// A generator of its own for one use and one number, so that fleets of two sizes share their first machines.
    fn chance(&self, use_of_it: &str, number: usize) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(fnv(use_of_it, &format!("{}/{number}", self.seed)))
    }
}

/// How the planted version is spread over the machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CulpritKind {
    /// None: every 0x76 is chance.
    None,
    /// A program's driver on a fifth to two fifths of the machines, all through the history.
    Plain,
    /// A driver of a hardware bundle, updated together with its four mates.
    Bundle,
    /// On nearly every machine.
    Popular,
    /// On one to four machines in a hundred.
    Rare,
    /// A new version of a common program, rolled out ring by ring during the history.
    Staged,
    /// Two programs' drivers, each as [`CulpritKind::Plain`].
    Two,
    /// Two drivers of one bundle.
    TwoInBundle,
    /// A program's driver that is bad from its second version on, as no later one mended it.
    Persistent,
    /// A driver of nearly every machine, rolled out on the same days as a new OS build.
    WithOsUpdate,
}

/// How unevenly drivers are spread.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spread {
    /// How much sites differ in the programs that they use: standard deviation of the log-odds of having one.
    pub programs_by_site: f64,
    /// Probability that a machine lacks one of the drivers of a bundle that it has.
    pub bundle_gaps: f64,
}

/// How often machines crash, for 1,000 days on which they are on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// 0x76 without the planted version.
    pub base_per_1000_days: f64,
    /// How many times more with it.
    pub rate_ratio: f64,
    /// All other stop codes together.
    pub others_per_1000_days: f64,
}

/// What makes 0x76 rates differ apart from the planted version.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Confounding {
    /// Spread (log-normal sigma) of the rate between hardware models.
    pub model_spread: f64,
    /// Spread between sites.
    pub site_spread: f64,
    /// Factor by which the rate grows from the first to the last week, 0 for none.
    pub trend: f64,
    /// How many hardware models crash more often than the others.
    pub bad_models: usize,
    /// How many times more often they do.
    pub bad_model_factor: f64,
    /// Share of machines that crash far more often for reasons of their own.
    pub lemon_share: f64,
    /// How many times more often they do.
    pub lemon_factor: f64,
}

/// An invented fleet.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// What it was made from.
    pub config: FleetConfig,
    /// Its drivers.
    pub catalog: Catalog,
    /// Its machines.
    pub machines: Vec<Machine>,
    /// The driver sets that machines had.
    pub sets: DriverSets,
    /// Its crashes, oldest first.
    pub crashes: Vec<Crash>,
    /// The version that causes 0x76, unless the fleet has none; of several the first.
    pub culprit: Option<VersionId>,
    /// All versions that cause 0x76, ascending.
    pub guilty: Vec<VersionId>,
}

impl Fleet {
    /// Invents the fleet of a configuration.
    pub fn invent(config: &FleetConfig) -> Self {
        let (catalog, planted) = Catalog::invent(config, &mut config.chance("catalog", 0));
        let mut sets = DriverSets::default();
        let machines = machines::invent(config, &catalog, &mut sets);
        let mut fleet = Fleet {
            config: config.clone(),
            catalog,
            machines,
            sets,
            crashes: Vec::new(),
            culprit: planted.first().copied(),
            guilty: planted,
        };
        fleet.guilty.sort_unstable();
        fleet.crashes = crashes::invent(&fleet);
        mishaps::befall(&mut fleet);
        fleet
    }

    /// The versions in a set, in load order.
    pub fn set(&self, id: SetId) -> &[VersionId] {
        self.sets.members(id)
    }

    /// The OS build of a machine with this set: every driver of Windows has a version for each.
    pub fn os_build_of(&self, id: SetId) -> Option<u32> {
        // The kernel is loaded first.
        let (kernel, first) = (self.catalog.families.first()?, self.set(id).first()?);
        let place = kernel.versions.iter().position(|version| version == first)?;
        catalog::BUILDS.get(place).map(|(build, _)| *build)
    }

    /// The number of a machine as 32 bits, for seeds.
    fn seed_of(&self, machine: usize) -> u32 {
        low_half(self.config.seed ^ machine as u64)
    }
}
