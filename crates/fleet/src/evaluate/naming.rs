//! Whom an invented crash's dump names, beyond listing what was loaded.
//!
//! Every driver is on stacks at a base rate of its own, whatever the stop code: the kernel nearly always, a few of
//! Windows' own often, others in one dump of a thousand to one of thirty. A dump of the culprit's crash names it in one
//! case of twenty. Dumps of other stop codes mostly name the driver that failed there, so what they teach of base rates
//! is a little wrong, as in life. One crash in twelve leaves no dump.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use synth::fleet::{Crash, Fleet, Origin, VersionId};

/// Windows' own drivers that are on many stacks.
const BYSTANDERS: [(&str, f64); 7] = [
    ("ntoskrnl.exe", 0.95),
    ("Wdf01000.sys", 0.08),
    ("FLTMGR.SYS", 0.08),
    ("Ntfs.sys", 0.06),
    ("ndis.sys", 0.05),
    ("tcpip.sys", 0.04),
    ("win32kfull.sys", 0.03),
];
/// Base rate of Windows' other drivers.
const IN_BOX: f64 = 0.002;
/// One driver from outside Windows in so many is a usual suspect.
const USUAL: u32 = 25;
/// Base rate of such a one.
const USUAL_RATE: f64 = 0.12;
/// Dumps that name the driver to which their crash points, by stop code.
const OF_CULPRIT: f64 = 5.0 / 6.0;
const OF_OTHERS: f64 = 0.6;
/// One crash in so many leaves no dump.
const NO_DUMP: u64 = 12;

/// The base rates of one fleet.
pub(crate) struct Stacks {
    /// By the number of the driver.
    rates: Vec<f64>,
}

impl Stacks {
    pub(crate) fn of(fleet: &Fleet) -> Self {
        let mut chance = ChaCha8Rng::seed_from_u64(fleet.config.seed ^ 0x57AC_4500);
        let families = fleet.catalog.families.iter();
        let rates = families.map(|family| match family.origin {
            Origin::InBox => {
                let known = BYSTANDERS.iter().find(|(name, _)| *name == family.name);
                known.map_or(IN_BOX, |(_, rate)| *rate)
            }
            Origin::Bundle(_) | Origin::Software { .. } => draw_rate(&mut chance),
        });
        Stacks {
            rates: rates.collect(),
        }
    }

    /// The versions that a crash's dump names, ascending; `None` if there is no dump.
    pub(crate) fn named(&self, fleet: &Fleet, crash: &Crash) -> Option<Vec<VersionId>> {
        let mut chance = ChaCha8Rng::seed_from_u64(crash.boot_seed);
        if crash.boot_seed % NO_DUMP == 7 {
            return None;
        }
        let share = if crash.kind.is_locked_pages() {
            OF_CULPRIT
        } else {
            OF_OTHERS
        };
        let pointed = crash.driver.filter(|_| chance.random_bool(share));
        let loaded = fleet.set(crash.set).iter().copied();
        let named = loaded.filter(|id| {
            let by_chance = chance.random_bool(self.rates[fleet.catalog.version(*id).family]);
            by_chance || pointed == Some(*id)
        });
        Some(named.collect())
    }
}

/// Between one in a thousand and one in thirty, evenly on a logarithmic scale; more for the usual suspects.
fn draw_rate(chance: &mut ChaCha8Rng) -> f64 {
    let exponent = chance.random_range(-3.0..-1.5);
    if chance.random_ratio(1, USUAL) {
        USUAL_RATE
    } else {
        10.0_f64.powf(exponent)
    }
}
