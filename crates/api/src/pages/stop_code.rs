//! `/stop-codes/{code}`: what a stop code means and which driver versions go with it.

use askama::Template;
use time::Date;
use wire::stop_code::{Share, StopCodeDetail};
use wire::suspects::{DirectEvidence, Suspect, SuspectDriver, Suspects, VerdictWord, Window};

use super::charts::days::{self, Series};
use super::charts::{Svg, forest};
use super::layout::{Layout, Section, Viewer};
use super::show::{self, Day, Prose, When};
use super::{verdict, words};

/// Suspects in the picture; the table has them all.
const MOST_PLOTTED: usize = 12;

/// Suspects in the table; the CSV has them all.
const MOST_SUSPECTS: usize = 25;

/// Drivers of one suspect that are shown before the rest folds away.
const MOST_DRIVERS: usize = 3;

/// Rows of a breakdown; the rest is one row.
const MOST_SHARES: usize = 8;

/// What the page is made from.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) detail: StopCodeDetail,
    /// The span of `detail`.
    pub(crate) window: Window,
    /// `None` while the ranking is still being computed.
    pub(crate) suspects: Option<Suspects>,
}

/// The page.
#[derive(Template)]
#[template(path = "stop_code.html")]
pub(crate) struct Page {
    layout: Layout,
    code: String,
    name: String,
    class: &'static str,
    meaning: &'static str,
    span: (Day, Day),
    crashes: String,
    machines: String,
    crashes_href: String,
    api_href: String,
    /// Live dumps and stops made by hand are never ranked.
    is_crash: bool,
    ranking: Option<Ranking>,
    chart: Svg,
    breakdowns: Vec<Breakdown>,
    parameters: Vec<String>,
    guidance: Vec<Prose>,
}

/// The ranking and what was counted for it.
struct Ranking {
    verdict: verdict::Verdict,
    computed_at: When,
    span: (Day, Day),
    stale: bool,
    crashing_machines: String,
    crashes: String,
    machine_days: String,
    without_exposure: Option<String>,
    none_probability: Option<String>,
    has_probability: bool,
    plot: Svg,
    left_out_of_plot: usize,
    rows: Vec<SuspectRow>,
    left_out_of_table: usize,
}

struct SuspectRow {
    rank: u32,
    drivers: Vec<DriverCell>,
    /// Drivers beyond the first few that the data cannot tell apart either.
    folded: Vec<DriverCell>,
    inseparable: bool,
    probability: Option<String>,
    in_credible_set: bool,
    crashing_machines: String,
    expected: String,
    exposed_machines: String,
    machine_days: String,
    rate: String,
    ratio: Option<String>,
    interval: String,
    ic025: String,
    stands_out: bool,
    previous: Option<PreviousCell>,
    direct: Vec<String>,
}

struct DriverCell {
    name: String,
    href: String,
    version: String,
    origin: String,
}

struct PreviousCell {
    version: String,
    text: String,
}

struct Breakdown {
    title: &'static str,
    unknown: &'static str,
    rows: Vec<ShareRow>,
}

struct ShareRow {
    value: Option<String>,
    width: String,
    crashes: String,
    machines: String,
}

impl Page {
    /// Lays the facts out.
    pub(crate) fn new(facts: &Facts, viewer: Option<&Viewer>) -> Page {
        let count = &facts.detail.count;
        let code = count.code.to_string();
        let span = (facts.window.from, facts.window.to);
        let counts: Vec<(Date, u64)> = count.trend.iter().map(|day| (day.day, day.crashes)).collect();
        Page {
            layout: Layout::new(format!("{code} {}", count.name), Section::Overview, viewer),
            name: count.name.clone(),
            class: words::class_label(count.class),
            meaning: words::meaning(count.code, count.class),
            span: (Day(span.0), Day(span.1)),
            crashes: show::counted(count.crashes, "crash"),
            machines: show::counted(count.machines, "machine"),
            crashes_href: format!("/crashes?stop_code={code}"),
            api_href: format!("/api/v1/stop-codes/{code}/suspects"),
            ranking: facts.suspects.as_ref().map(ranking),
            chart: days::stacked(
                &[Series {
                    name: code.clone(),
                    counts,
                }],
                span,
            ),
            breakdowns: breakdowns(&facts.detail),
            parameters: parameters(&facts.detail.parameter_meanings),
            guidance: show::prose(&facts.detail.guidance),
            is_crash: count.class.is_crash(),
            code,
        }
    }
}

fn parameters(meanings: &[Option<String>]) -> Vec<String> {
    if meanings.iter().all(Option::is_none) {
        return Vec::new();
    }
    meanings
        .iter()
        .map(|meaning| meaning.clone().unwrap_or_else(|| "not documented".to_owned()))
        .collect()
}

fn ranking(suspects: &Suspects) -> Ranking {
    let plotted: Vec<forest::Row> = suspects.suspects.iter().filter_map(forest_row).collect();
    let without = suspects.crashes_without_exposure;
    Ranking {
        verdict: verdict::of(suspects),
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
        rows: suspects
            .suspects
            .iter()
            .take(MOST_SUSPECTS)
            .map(|one| suspect_row(one, suspects.verdict))
            .collect(),
        left_out_of_table: suspects.suspects.len().saturating_sub(MOST_SUSPECTS),
    }
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
    let folded = drivers.split_off(drivers.len().min(MOST_DRIVERS));
    SuspectRow {
        rank: suspect.rank,
        inseparable: drivers.len() + folded.len() > 1,
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
        previous: suspect.previous_version.as_ref().map(|previous| PreviousCell {
            version: previous.version.clone(),
            text: verdict::previous_version(previous),
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

fn breakdowns(detail: &StopCodeDetail) -> Vec<Breakdown> {
    vec![
        breakdown("By hardware model", "Model not known", &detail.by_model),
        breakdown("By OS build", "Build not known", &detail.by_os_build),
        breakdown("By process", "Process not known", &detail.by_process),
    ]
}

fn breakdown(title: &'static str, unknown: &'static str, shares: &[Share]) -> Breakdown {
    let whole = shares
        .iter()
        .fold(0_u64, |sum, share| sum.saturating_add(share.crashes));
    let row = |value: Option<String>, crashes: u64, machines: u64| ShareRow {
        value,
        width: show::width(crashes, whole),
        crashes: show::count(crashes),
        machines: show::count(machines),
    };
    let (shown, rest) = shares.split_at(shares.len().min(MOST_SHARES));
    let mut rows: Vec<ShareRow> = shown
        .iter()
        .map(|share| row(share.value.clone(), share.crashes, share.machines))
        .collect();
    if !rest.is_empty() {
        let crashes = rest
            .iter()
            .fold(0_u64, |sum, share| sum.saturating_add(share.crashes));
        let machines = rest
            .iter()
            .fold(0_u64, |sum, share| sum.saturating_add(share.machines));
        rows.push(row(
            Some(format!("{} more", show::count(rest.len() as u64))),
            crashes,
            machines,
        ));
    }
    Breakdown { title, unknown, rows }
}
