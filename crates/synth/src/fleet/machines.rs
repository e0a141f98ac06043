//! The machines: what they are, when they are on, which drivers they have when.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::catalog::BUILDS;
use super::effects::standard_normal;
use super::names::{BUNDLES, MAKERS, SITES};
use super::rollout::{self, Course, Habit};
use super::{Catalog, CulpritKind, Day, DriverSets, FleetConfig, Origin, SetId, VersionId, presence};

/// One machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// The id that its agent sends.
    pub id: String,
    /// Host name.
    pub host_name: String,
    /// Maker.
    pub manufacturer: &'static str,
    /// Hardware model.
    pub model: &'static str,
    /// Number of the model, most common first.
    pub model_number: usize,
    /// BIOS version.
    pub bios_version: String,
    /// OS build on its first day.
    pub os_build: u32,
    /// Site or department.
    pub site: &'static str,
    /// Update ring.
    pub ring: Ring,
    /// For each day of the history, whether it was on.
    pub on: Vec<bool>,
    /// Its driver sets over time, oldest first. Empty only if it was never on.
    pub inventories: Vec<InventoryChange>,
    /// Whether its agent reports inventories.
    pub reports_inventory: bool,
}

/// A machine's drivers from a day on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InventoryChange {
    /// Number of the day in the history; it holds from the day's beginning.
    pub day: usize,
    /// The drivers.
    pub set: SetId,
}

/// Update rings, earliest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ring {
    /// One in twenty.
    Pilot,
    /// One in five.
    Early,
    /// More than half.
    Broad,
    /// The rest.
    Late,
}

impl Ring {
    /// Its name as the inventory has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Ring::Pilot => "pilot",
            Ring::Early => "early",
            Ring::Broad => "broad",
            Ring::Late => "late",
        }
    }

    /// Days after which it gets an update.
    pub(super) fn delay_days(self) -> usize {
        match self {
            Ring::Pilot => 0,
            Ring::Early => 7,
            Ring::Broad => 17,
            Ring::Late => 34,
        }
    }

    fn draw(chance: &mut ChaCha8Rng) -> Self {
        match chance.random_range(0..100) {
            0..5 => Ring::Pilot,
            5..25 => Ring::Early,
            25..80 => Ring::Broad,
            _ => Ring::Late,
        }
    }
}

impl Machine {
    /// Runs of days on: first and last day of each.
    pub fn presence(&self, first_day: Day) -> Vec<(Day, Day)> {
        presence::spans(&self.on)
            .into_iter()
            .map(|(from, to)| (first_day.plus(from), first_day.plus(to)))
            .collect()
    }

    /// Its drivers on a day of the history; `None` before it was first on.
    pub fn set_on(&self, day: usize) -> Option<SetId> {
        let after = self.inventories.partition_point(|change| change.day <= day);
        after.checked_sub(1).map(|index| self.inventories[index].set)
    }
}

pub(super) fn invent(config: &FleetConfig, catalog: &Catalog, sets: &mut DriverSets) -> Vec<Machine> {
    let models = Models::of(config, catalog);
    (0..config.machines as usize)
        .map(|number| {
            let mut chance = config.chance("machine", number);
            let mut machine = models.machine(config, number, &mut chance);
            let courses = courses(config, catalog, &models, &machine, &mut chance);
            machine.inventories = inventories(&machine.on, &courses, sets);
            machine
        })
        .collect()
}

/// The hardware models in use, and the bundles that each has.
struct Models {
    /// Sum of the Zipf weights up to and with each model.
    cumulated: Vec<f64>,
    bundles: Vec<Vec<usize>>,
    /// How many of 1,000 machines of each site have each program; indices of sites and of drivers.
    programs: Vec<Vec<f64>>,
}

impl Models {
    /// A model for every 80 machines, at least four and at most 25.
    fn of(config: &FleetConfig, catalog: &Catalog) -> Self {
        let count = (config.machines as usize / 80).clamp(4, 25);
        let mut sum = 0.0;
        let cumulated = (1u32..)
            .take(count)
            .map(|rank| {
                sum += 1.0 / f64::from(rank);
                sum
            })
            .collect();
        let bundles = (0..count).map(|model| bundles_of(config, model)).collect();
        Models {
            cumulated,
            bundles,
            programs: (0..SITES.len())
                .map(|site| programs_of(config, catalog, site))
                .collect(),
        }
    }

    fn machine(&self, config: &FleetConfig, number: usize, chance: &mut ChaCha8Rng) -> Machine {
        let whole = self.cumulated.last().copied().unwrap_or(1.0);
        let drawn = chance.random_range(0.0..whole);
        let model_number = self.cumulated.partition_point(|sum| *sum <= drawn);
        // One model of each maker after the other, so that the most common ones are of different makers.
        let (manufacturer, models) = MAKERS[model_number % MAKERS.len()];
        let site = SITES[chance.random_range(0..SITES.len())];
        Machine {
            id: format!(
                "{:016x}",
                crate::in_box::fnv("machine", &format!("{}/{number}", config.seed))
            ),
            host_name: format!("{}-{number:05}", site[..3].to_uppercase()),
            manufacturer,
            model: models[model_number / MAKERS.len() % models.len()],
            model_number,
            bios_version: format!("1.{}.0", chance.random_range(10..24)),
            os_build: draw_build(config, chance),
            site,
            ring: Ring::draw(chance),
            on: presence::invent(config, chance),
            inventories: Vec::new(),
            reports_inventory: !chance.random_bool(config.missing_inventory_share),
        }
    }
}

/// One display, sound, network and chipset bundle each, and about half of the others.
fn bundles_of(config: &FleetConfig, model: usize) -> Vec<usize> {
    let mut chance = config.chance("model", model);
    let mut bundles: Vec<usize> = [0, 2, 4, 6]
        .into_iter()
        .map(|first_of_pair| first_of_pair + chance.random_range(0..2))
        .collect();
    bundles.extend((8..BUNDLES.len()).filter(|_| chance.random_bool(0.55)));
    bundles
}

/// How many of 1,000 machines of a site have each program, by the number of its driver; 0 for other drivers.
fn programs_of(config: &FleetConfig, catalog: &Catalog, site: usize) -> Vec<f64> {
    let mut chance = config.chance("programs", site);
    let families = catalog.families.iter();
    families
        .map(|family| match family.origin {
            Origin::Software { per_mille } => {
                let share = f64::from(per_mille) / 1000.0;
                let shift = (config.spread.programs_by_site * standard_normal(&mut chance)).exp();
                (1000.0 * share * shift / (1.0 - share + share * shift)).round()
            }
            Origin::InBox | Origin::Bundle(_) => 0.0,
        })
        .collect()
}

/// A machine's OS build; not the newest if that is still to come.
fn draw_build(config: &FleetConfig, chance: &mut ChaCha8Rng) -> u32 {
    let newest_comes = config.culprit == CulpritKind::WithOsUpdate;
    let builds = &BUILDS[..BUILDS.len() - usize::from(newest_comes)];
    let drawn = chance.random_range(0.0..1.0);
    let mut sum = 0.0;
    let build = builds.iter().find(|(_, share)| {
        sum += share;
        drawn < sum
    });
    build.unwrap_or(&BUILDS[0]).0
}

/// The drivers that the machine has, and how their versions change.
fn courses(
    config: &FleetConfig,
    catalog: &Catalog,
    models: &Models,
    machine: &Machine,
    chance: &mut ChaCha8Rng,
) -> Vec<Course> {
    let place = |build| BUILDS.iter().position(|(known, _)| *known == build);
    let build = place(machine.os_build).unwrap_or(0);
    let site = SITES.iter().position(|site| *site == machine.site).unwrap_or(0);
    let bundle_habits: Vec<Habit> = BUNDLES.iter().map(|_| Habit::draw(chance)).collect();
    let os_habit = (config.culprit == CulpritKind::WithOsUpdate).then(|| Habit::draw(chance));
    let mut courses = Vec::with_capacity(200);
    for (number, family) in catalog.families.iter().enumerate() {
        let habit = match family.origin {
            Origin::InBox => {
                courses.push(rollout::course_of_in_box(family, build, machine.ring, os_habit));
                continue;
            }
            Origin::Bundle(bundle) => {
                let has = models.bundles[machine.model_number].contains(&bundle)
                    && (config.spread.bundle_gaps <= 0.0 || !chance.random_bool(config.spread.bundle_gaps));
                has.then_some(bundle_habits[bundle])
            }
            Origin::Software { .. } => {
                let habit = Habit::draw(chance);
                let has = f64::from(chance.random_range(0..1000)) < models.programs[site][number];
                has.then_some(os_habit.filter(|_| family.with_os).unwrap_or(habit))
            }
        };
        courses.extend(habit.map(|habit| rollout::course(family, machine.ring, habit)));
    }
    courses
}

/// The machine's sets: one on its first day, another after each day on that brought updates.
fn inventories(on: &[bool], courses: &[Course], sets: &mut DriverSets) -> Vec<InventoryChange> {
    let Some(first_day) = on.iter().position(|on| *on) else {
        return Vec::new();
    };
    // An update takes effect on the first day on from its day on.
    let effective = |day: usize| (day..on.len()).find(|day| on[*day]);
    let mut days: Vec<usize> = courses
        .iter()
        .filter_map(|course| effective(course.update?.0))
        .chain([first_day])
        .collect();
    days.sort_unstable();
    days.dedup();
    days.into_iter()
        .map(|day| InventoryChange {
            day,
            set: sets.intern(versions_on(day, courses)),
        })
        .collect()
}

fn versions_on(day: usize, courses: &[Course]) -> Vec<VersionId> {
    courses
        .iter()
        .map(|course| match course.update {
            Some((from, version)) if from <= day => version,
            _ => course.first,
        })
        .collect()
}
