//! When machines crash, and with what.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::effects::Effects;
use super::names::COMMON_PROCESSES;
use super::{Day, Fleet, Origin, SetId, VersionId};
use crate::in_box::fnv;

/// One crash, or one live report of a machine that went on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crash {
    /// The machine, an index into [`Fleet::machines`].
    pub machine: usize,
    /// Seconds since 1970.
    pub at_unix: i64,
    /// Number of the day in the history.
    pub day: usize,
    /// What kind of crash.
    pub kind: CrashKind,
    /// Why it happened; no dump says so.
    pub cause: Cause,
    /// The drivers that were loaded.
    pub set: SetId,
    /// The driver that the dump points at, if it is of a kind that does.
    pub driver: Option<VersionId>,
    /// The current process.
    pub process: String,
    /// Seconds since the boot.
    pub uptime_seconds: u64,
    /// Seed of the boot.
    pub boot_seed: u64,
}

/// Kinds of crashes that fleets have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CrashKind {
    /// 0x76 with P1 = 0.
    LockedPagesAtExit,
    /// 0x76 with P1 = 1.
    UnlockedTwice,
    /// 0xD1.
    IrqlInDriver,
    /// 0x1000007E.
    ThreadException,
    /// 0x3B.
    ServiceException,
    /// 0x1E.
    UnhandledException,
    /// 0x50.
    FaultInUnloaded,
    /// 0xCE.
    UnloadedWithPendingWork,
    /// 0x124.
    HardwareError,
    /// 0x9F.
    PowerFailure,
    /// 0xE2.
    Manual,
    /// 0x141, live.
    LiveVideoTimeout,
}

/// Why a machine crashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// This planted version.
    Culprit(VersionId),
    /// Chance.
    Background,
}

impl CrashKind {
    /// Whether its stop code is 0x76.
    pub fn is_locked_pages(self) -> bool {
        matches!(self, CrashKind::LockedPagesAtExit | CrashKind::UnlockedTwice)
    }

    /// Kinds other than 0x76 with their weights.
    const OTHERS: [(CrashKind, u32); 10] = [
        (CrashKind::IrqlInDriver, 26),
        (CrashKind::ThreadException, 14),
        (CrashKind::ServiceException, 14),
        (CrashKind::UnhandledException, 9),
        (CrashKind::FaultInUnloaded, 5),
        (CrashKind::UnloadedWithPendingWork, 2),
        (CrashKind::HardwareError, 12),
        (CrashKind::PowerFailure, 10),
        (CrashKind::Manual, 1),
        (CrashKind::LiveVideoTimeout, 7),
    ];

    fn draw_other(chance: &mut ChaCha8Rng) -> Self {
        let whole: u32 = Self::OTHERS.iter().map(|(_, weight)| weight).sum();
        let mut drawn = chance.random_range(0..whole);
        for (kind, weight) in Self::OTHERS {
            if drawn < weight {
                return kind;
            }
            drawn -= weight;
        }
        CrashKind::IrqlInDriver
    }
}

/// All crashes of a fleet, oldest first.
pub(super) fn invent(fleet: &Fleet) -> Vec<Crash> {
    let effects = Effects::of(fleet);
    let mut crashes = Vec::new();
    for (number, machine) in fleet.machines.iter().enumerate() {
        let mut chance = fleet.config.chance("crash", number);
        let own = effects.of_machine(fleet, machine, &mut chance);
        for day in (0..machine.on.len()).filter(|day| machine.on[*day]) {
            let Some(set) = machine.set_on(day) else {
                continue;
            };
            let at = Place {
                machine: number,
                day,
                set,
            };
            crashes.extend(crash_on(fleet, at, own * effects.of_day(day), &mut chance));
        }
    }
    crashes.sort_by_key(|crash| (crash.at_unix, crash.machine));
    crashes
}

/// A machine on a day.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) machine: usize,
    pub(super) day: usize,
    pub(super) set: SetId,
}

/// At most one crash of a machine on a day.
fn crash_on(fleet: &Fleet, at: Place, effect: f64, chance: &mut ChaCha8Rng) -> Option<Crash> {
    let rates = &fleet.config.rates;
    let base = rates.base_per_1000_days / 1000.0 * effect;
    let mut left: f64 = chance.random_range(0.0..1.0);
    for culprit in fleet.guilty.iter().filter(|id| fleet.sets.contains(at.set, **id)) {
        left -= base * (rates.rate_ratio - 1.0);
        if left < 0.0 {
            return Some(locked_pages(fleet, at, Cause::Culprit(*culprit), chance));
        }
    }
    left -= base;
    if left < 0.0 {
        return Some(locked_pages(fleet, at, Cause::Background, chance));
    }
    (left < rates.others_per_1000_days / 1000.0).then(|| other(fleet, at, chance))
}

/// A 0x76. What the planted version causes ends, three times in four, with the process of its own program.
pub(super) fn locked_pages(fleet: &Fleet, at: Place, cause: Cause, chance: &mut ChaCha8Rng) -> Crash {
    let culprit = match cause {
        Cause::Culprit(culprit) => Some(culprit),
        Cause::Background => None,
    };
    let own_process = culprit
        .filter(|_| chance.random_bool(0.75))
        .and_then(|culprit| fleet.catalog.family_of(culprit).process.clone());
    let on_stack = culprit.is_some() && chance.random_bool(0.06);
    let kind = if on_stack {
        CrashKind::UnlockedTwice
    } else {
        CrashKind::LockedPagesAtExit
    };
    let mut crash = crash_of(fleet, at, kind, chance);
    crash.cause = cause;
    crash.driver = culprit.filter(|_| on_stack);
    if let Some(process) = own_process {
        crash.process = process;
    }
    crash
}

/// Another stop code, with a driver that is not Windows' own where the dump names one.
fn other(fleet: &Fleet, at: Place, chance: &mut ChaCha8Rng) -> Crash {
    let kind = CrashKind::draw_other(chance);
    let mut crash = crash_of(fleet, at, kind, chance);
    crash.driver = draw_driver(fleet, at.set, kind, chance);
    crash
}

/// Video time-outs are of display drivers, some kinds of none; the others may be of any driver from outside Windows.
fn draw_driver(fleet: &Fleet, set: SetId, kind: CrashKind, chance: &mut ChaCha8Rng) -> Option<VersionId> {
    if matches!(
        kind,
        CrashKind::HardwareError | CrashKind::PowerFailure | CrashKind::Manual
    ) {
        return None;
    }
    let display_only = kind == CrashKind::LiveVideoTimeout;
    let candidates: Vec<VersionId> = fleet
        .set(set)
        .iter()
        .copied()
        .filter(|id| {
            let family = fleet.catalog.family_of(*id);
            family.origin != Origin::InBox && (!display_only || family.class == "Display")
        })
        .collect();
    if candidates.is_empty() {
        return None;
    }
    // A quarter of the drivers are behind most crashes: the lower of two draws.
    let [first, second] = [0, 1].map(|_| chance.random_range(0..candidates.len()));
    Some(candidates[first.min(second)])
}

fn crash_of(fleet: &Fleet, at: Place, kind: CrashKind, chance: &mut ChaCha8Rng) -> Crash {
    let day: Day = fleet.config.first_day().plus(at.day);
    // Between 06:00 and 20:00 UTC, after the inventory of the day.
    let second_of_day = chance.random_range(6 * 3600..20 * 3600);
    Crash {
        machine: at.machine,
        at_unix: day.unix_start() + second_of_day,
        day: at.day,
        kind,
        cause: Cause::Background,
        set: at.set,
        driver: None,
        process: COMMON_PROCESSES[chance.random_range(0..COMMON_PROCESSES.len())].to_owned(),
        uptime_seconds: chance.random_range(300..300_000),
        boot_seed: fnv(
            "boot",
            &format!("{}/{}/{}", fleet.config.seed, at.machine, at.day),
        ),
    }
}
