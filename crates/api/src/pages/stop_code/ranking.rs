//! The ranking on the page of a stop code: the verdict, the picture, the table of suspects.

use wire::suspects::{DirectEvidence, Suspect, SuspectDriver, SuspectScope, Suspects, VerdictWord};

use super::changes::{self, Change};
use super::shared::{self, SharedTraits};
use crate::pages::charts::{Svg, forest};
use crate::pages::show::{self, Day, When};
use crate::pages::verdict;

/// Suspects in the picture; the table has them all.
const MOST_PLOTTED: usize = 12;

/// Suspects on the page; the CSV has them all.
const MOST_SUSPECTS: usize = 25;

/// So many are shown however weak they are; of the others, those in a credible set or worth a thought.
const ALWAYS_SHOWN: u32 = 5;

/// From this probability on a suspect is worth a thought.
const WORTH_A_THOUGHT: f64 = 0.02;

/// Drivers of one suspect that are shown before the rest folds away.
const MOST_DRIVERS: usize = 3;

/// The ranking and what was counted for it.
pub(super) struct Ranking {
    pub(super) verdict: verdict::Verdict,
    pub(super) computed_at: When,
    pub(super) span: (Day, Day),
    pub(super) stale: bool,
    pub(super) crashing_machines: String,
    pub(super) crashes: String,
    pub(super) machine_days: String,
    pub(super) without_exposure: Option<String>,
    pub(super) none_probability: Option<String>,
    pub(super) has_probability: bool,
    pub(super) plot: Svg,
    pub(super) left_out_of_plot: usize,
    pub(super) rows: Vec<SuspectRow>,
    /// Those that are folded away.
    pub(super) weaker: Vec<SuspectRow>,
    pub(super) left_out_of_table: usize,
    /// What happened when the first suspect came and went.
    pub(super) changes: Vec<Change>,
    /// What else crashing machines have in common.
    pub(super) shared: Vec<SharedTraits>,
}

pub(super) struct SuspectRow {
    pub(super) rank: u32,
    pub(super) drivers: Vec<DriverCell>,
    /// Drivers beyond the first few that the data cannot tell apart either.
    pub(super) folded: Vec<DriverCell>,
    pub(super) probability: Option<String>,
    pub(super) in_credible_set: bool,
    pub(super) crashing_machines: String,
    pub(super) expected: String,
    pub(super) exposed_machines: String,
    pub(super) machine_days: String,
    pub(super) rate: String,
    pub(super) ratio: Option<String>,
    pub(super) interval: String,
    pub(super) ic025: String,
    pub(super) stands_out: bool,
    pub(super) previous: Option<PreviousCell>,
    pub(super) safe: Option<PreviousCell>,
    /// Said of the drivers: that they cannot be told apart, or how they belong together.
    pub(super) note: Option<&'static str>,
    /// A build of Windows that it is, or comes with.
    pub(super) os_build: Option<u32>,
    pub(super) direct: Vec<String>,
}

pub(super) struct DriverCell {
    pub(super) name: String,
    pub(super) href: String,
    pub(super) version: String,
    pub(super) origin: String,
}

pub(super) struct PreviousCell {
    pub(super) version: String,
    pub(super) text: String,
}

impl Ranking {
    /// Lays out a ranking.
    pub(super) fn of(suspects: &Suspects) -> Ranking {
        let plotted: Vec<forest::Row> = suspects.suspects.iter().filter_map(forest_row).collect();
        let without = suspects.crashes_without_exposure;
        let shown = suspects.suspects.iter().take(MOST_SUSPECTS);
        let (strong, weaker): (Vec<&Suspect>, Vec<&Suspect>) = shown.partition(|one| is_shown(one));
        Ranking {
            verdict: verdict::of(suspects),
            shared: shared::of(&suspects.shared),
            changes: suspects
                .suspects
                .first()
                .filter(|_| suspects.verdict >= VerdictWord::Associated)
                .map(changes::of)
                .unwrap_or_default(),
            computed_at: When(suspects.computed_at),
            span: (Day(suspects.window.from), Day(suspects.window.to)),
            stale: suspects.stale,
            crashing_machines: show::count(suspects.crashing_machines),
            crashes: show::count(suspects.crashes),
            machine_days: show::count(suspects.machine_days),
            without_exposure: (without > 0).then(|| show::counted(without, "crash")),
            none_probability: suspects.none_probability.map(show::percent),
            has_probability: suspects.suspects.iter().any(|one| one.probability.is_some()),
            plot: forest::plot(plotted.get(..MOST_PLOTTED).unwrap_or(&plotted)),
            left_out_of_plot: plotted.len().saturating_sub(MOST_PLOTTED),
            rows: rows(&strong, suspects.verdict),
            weaker: rows(&weaker, suspects.verdict),
            left_out_of_table: suspects.suspects.len().saturating_sub(MOST_SUSPECTS),
        }
    }
}

/// Whether a suspect is in sight at once.
fn is_shown(suspect: &Suspect) -> bool {
    suspect.rank <= ALWAYS_SHOWN
        || suspect.in_credible_set == Some(true)
        || suspect
            .probability
            .is_some_and(|probability| probability >= WORTH_A_THOUGHT)
}

fn rows(suspects: &[&Suspect], verdict: VerdictWord) -> Vec<SuspectRow> {
    suspects.iter().map(|one| suspect_row(one, verdict)).collect()
}

fn forest_row(suspect: &Suspect) -> Option<forest::Row> {
    Some(forest::Row {
        label: verdict::short(suspect),
        ratio: suspect.rate_ratio?,
        low: suspect.rate_ratio_low?,
        high: suspect.rate_ratio_high?,
    })
}

fn suspect_row(suspect: &Suspect, verdict: VerdictWord) -> SuspectRow {
    let interval = match (suspect.rate_ratio_low, suspect.rate_ratio_high) {
        (Some(low), Some(high)) => format!("{}–{}", show::ratio(low), show::ratio(high)),
        _ => String::new(),
    };
    let mut drivers: Vec<DriverCell> = suspect.drivers.iter().map(driver_cell).collect();
    // Of a run of versions the first says it all.
    let most = match suspect.scope {
        SuspectScope::VersionOrLater => 1,
        SuspectScope::Version | SuspectScope::OsBuild => MOST_DRIVERS,
    };
    let folded = drivers.split_off(drivers.len().min(most));
    SuspectRow {
        rank: suspect.rank,
        note: match suspect.scope {
            SuspectScope::VersionOrLater => Some("This version and all later ones."),
            SuspectScope::Version if suspect.drivers.len() + usize::from(suspect.os_build.is_some()) > 1 => {
                Some("The data cannot tell these apart.")
            }
            SuspectScope::Version | SuspectScope::OsBuild => None,
        },
        os_build: suspect.os_build,
        drivers,
        folded,
        probability: suspect.probability.map(show::percent),
        in_credible_set: suspect.in_credible_set == Some(true),
        crashing_machines: show::count(suspect.crashing_machines),
        expected: show::ratio(suspect.expected_machines),
        exposed_machines: show::count(suspect.exposed_machines),
        machine_days: show::count(suspect.machine_days),
        rate: show::ratio(suspect.crashes_per_1000_machine_days),
        ratio: suspect.rate_ratio.map(show::ratio),
        interval,
        ic025: show::score(suspect.ic025),
        stands_out: verdict >= VerdictWord::Associated && suspect.ic025 > 0.0,
        previous: suspect
            .previous_version
            .as_ref()
            // Often the safe version is the one before; then it is said once.
            .filter(|previous| {
                Some(&previous.version) != suspect.safe_version.as_ref().map(|safe| &safe.version)
            })
            .map(|previous| PreviousCell {
                version: previous.version.clone(),
                text: verdict::previous_version(previous),
            }),
        safe: suspect.safe_version.as_ref().map(|safe| PreviousCell {
            version: safe.version.clone(),
            text: verdict::quiet_version(safe),
        }),
        direct: direct(&suspect.direct_evidence),
    }
}

fn driver_cell(driver: &SuspectDriver) -> DriverCell {
    let origin: Vec<&str> = [driver.company.as_deref(), driver.class.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    DriverCell {
        name: driver.name.clone(),
        href: format!("/drivers/{}", show::encode(&driver.name)),
        version: driver
            .version
            .clone()
            .unwrap_or_else(|| "version unknown".to_owned()),
        origin: origin.join(" · "),
    }
}

fn direct(evidence: &DirectEvidence) -> Vec<String> {
    let facts = [
        (evidence.named_by_0xcb, "named by 0xcb"),
        (evidence.on_trusted_stack, "on a trusted stack"),
        (evidence.unloaded_at_crash, "unloaded at the crash"),
    ];
    let said = facts.into_iter().filter(|(count, _)| *count > 0);
    said.map(|(count, what)| format!("{} × {what}", show::count(count)))
        .collect()
}
