//! Every driver of the company, its versions, and when the newest of them is rolled out.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::names::{BUNDLES, SOFTWARE};
use super::{CulpritKind, FleetConfig, culprits};
use crate::in_box::{self, fnv};
use crate::scenarios::Image;

/// OS builds in use, oldest first, with their shares.
pub(super) const BUILDS: [(u32, f64); 4] = [(19045, 0.35), (22621, 0.15), (22631, 0.35), (26100, 0.15)];

/// Number of a driver version in [`Catalog::versions`]; also its place in load order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId(pub u32);

impl VersionId {
    /// The number as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One version of one driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverVersion {
    /// The driver, an index into [`Catalog::families`].
    pub family: usize,
    /// File version, e.g. `4.2.1.0`.
    pub version: String,
    /// The image: path, size, stamp, checksum.
    pub image: Image,
}

/// One driver with all its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// File name, as on disk.
    pub name: String,
    /// Company of the version resource.
    pub company: String,
    /// Device class.
    pub class: String,
    /// INF it came with; in-box drivers of Windows itself have none here.
    pub inf: Option<String>,
    /// The program that uses it, if it comes with one.
    pub process: Option<String>,
    /// What decides whether a machine has it.
    pub origin: Origin,
    /// Its versions, oldest first.
    pub versions: Vec<VersionId>,
    /// Day of the history on which the newest version begins to roll out; `None` if nothing new comes.
    pub rollout_from: Option<u32>,
    /// How many of 1,000 machines have the newest version all along if nothing new comes.
    pub ahead_per_mille: u32,
    /// Whether updates come with those of the OS.
    pub with_os: bool,
}

impl Family {
    /// A driver of Windows itself without versions; the other fields are set where they differ.
    fn new(name: &str, company: &str, class: &str) -> Self {
        Family {
            name: name.to_owned(),
            company: company.to_owned(),
            class: class.to_owned(),
            inf: None,
            process: None,
            origin: Origin::InBox,
            versions: Vec::new(),
            rollout_from: None,
            ahead_per_mille: 600,
            with_os: false,
        }
    }
}

/// Where a driver comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Windows itself; one version for each OS build.
    InBox,
    /// A hardware vendor's bundle of five, tied to hardware models.
    Bundle(usize),
    /// A program that this share of the machines has.
    Software {
        /// In per mille, so that the type has an equality.
        per_mille: u32,
    },
}

/// All drivers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalog {
    /// The drivers; the kernel first, in load order.
    pub families: Vec<Family>,
    /// Their versions, those of one driver next to each other, oldest first.
    pub versions: Vec<DriverVersion>,
}

impl Catalog {
    /// Invents a catalog and picks the versions that are to be at fault, the main one first.
    pub(super) fn invent(config: &FleetConfig, chance: &mut ChaCha8Rng) -> (Catalog, Vec<VersionId>) {
        let mut catalog = Catalog::default();
        catalog.add_in_box(config);
        catalog.add_bundles(config.weeks * 7, chance);
        catalog.add_software(config.weeks * 7, chance);
        let planted = culprits::plant(&mut catalog, config, chance);
        (catalog, planted)
    }

    /// A driver version.
    pub fn version(&self, id: VersionId) -> &DriverVersion {
        &self.versions[id.index()]
    }

    /// The driver of a version.
    pub fn family_of(&self, id: VersionId) -> &Family {
        &self.families[self.version(id).family]
    }

    fn add_in_box(&mut self, config: &FleetConfig) {
        let rollout_from = (config.culprit == CulpritKind::WithOsUpdate)
            .then(|| day_at(culprits::OS_UPDATE, config.weeks * 7));
        for driver in in_box::all().take(config.in_box_drivers) {
            let versions = BUILDS.map(|(build, _)| format!("10.0.{build}.1"));
            let family = Family {
                rollout_from,
                with_os: true,
                ..Family::new(driver.name, "Microsoft Corporation", "System")
            };
            self.add(family, driver.folder, &versions);
        }
    }

    fn add_bundles(&mut self, days: u32, chance: &mut ChaCha8Rng) {
        for (index, bundle) in BUNDLES.iter().enumerate() {
            let rollout_from = rollout_day(0.6, days, chance);
            for name in bundle.drivers {
                let versions = version_numbers(name, chance);
                let family = Family {
                    inf: Some(format!("oem{}.inf", 3 + index)),
                    origin: Origin::Bundle(index),
                    rollout_from,
                    ..Family::new(name, bundle.company, bundle.class)
                };
                self.add(family, DRIVERS, &versions);
            }
        }
    }

    fn add_software(&mut self, days: u32, chance: &mut ChaCha8Rng) {
        for (index, software) in SOFTWARE.iter().enumerate() {
            let versions = version_numbers(software.driver, chance);
            let folder = format!(r"\??\C:\Program Files\{}\", software.company);
            let family = Family {
                inf: Some(format!("oem{}.inf", 20 + index)),
                process: Some(software.process.to_owned()),
                rollout_from: rollout_day(0.5, days, chance),
                origin: Origin::Software {
                    per_mille: chance.random_range(30..500),
                },
                ..Family::new(software.driver, software.company, software.class)
            };
            self.add(family, &folder, &versions);
        }
    }

    fn add(&mut self, mut family: Family, folder: &str, versions: &[String]) {
        for version in versions {
            let id = VersionId(in_box::low_half(self.versions.len() as u64));
            family.versions.push(id);
            self.versions.push(DriverVersion {
                family: self.families.len(),
                version: version.clone(),
                image: Image::of(folder, &family.name, version),
            });
        }
        self.families.push(family);
    }
}

/// Where hardware vendors install.
const DRIVERS: &str = r"\SystemRoot\System32\drivers\";

/// Three versions in a row.
fn version_numbers(name: &str, chance: &mut ChaCha8Rng) -> [String; 3] {
    let major = 1 + fnv(name, "") % 9;
    let minor = chance.random_range(0..6);
    let patch = chance.random_range(1..9);
    [
        format!("{major}.{minor}.{patch}.0"),
        format!("{major}.{minor}.{}.0", patch + 1),
        format!("{major}.{}.0.{}", minor + 1, chance.random_range(1..40)),
    ]
}

/// The day a rollout begins, in the middle half of the history, with this probability.
fn rollout_day(probability: f64, days: u32, chance: &mut ChaCha8Rng) -> Option<u32> {
    let share = chance.random_range(0.1..0.75);
    chance.random_bool(probability).then(|| day_at(share, days))
}

/// The day at a share of the history.
pub(super) fn day_at(share: f64, days: u32) -> u32 {
    (0..days)
        .find(|day| f64::from(*day) >= share * f64::from(days))
        .unwrap_or(days)
}
