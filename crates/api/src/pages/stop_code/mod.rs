//! `/stop-codes/{code}`: what a stop code means and which driver versions go with it.

use askama::Template;
use wire::stop_code::{Share, StopCodeDetail};
use wire::suspects::{Suspects, VerdictWord, Window};

use super::charts::Svg;
use super::charts::days::{self, Series};
use super::layout::{Layout, Section, Viewer};
use super::show::{self, Day, Prose};
use super::words;
use ranking::Ranking;

mod changes;
mod ranking;
mod shared;

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
    shared_href: String,
    /// Live dumps and stops made by hand are never ranked.
    is_crash: bool,
    ranking: Option<Ranking>,
    /// Where an experiment with the first suspect is started, for the code that one can decide.
    experiment_href: Option<String>,
    chart: Svg,
    numbers: days::Numbers,
    days_csv_href: String,
    changes_href: String,
    breakdowns: Vec<Breakdown>,
    parameters: Vec<String>,
    guidance: Vec<Prose>,
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
        let series = [Series {
            name: code.clone(),
            counts: count.trend.iter().map(|day| (day.day, day.crashes)).collect(),
        }];
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
            shared_href: format!("/api/v1/stop-codes/{code}/shared.csv"),
            ranking: facts.suspects.as_ref().map(Ranking::of),
            experiment_href: facts.suspects.as_ref().and_then(experiment_href),
            chart: days::stacked(&series, span),
            numbers: days::numbers(&series, span),
            days_csv_href: days::csv_href(&format!("/api/v1/stop-codes/{code}/days.csv"), span),
            changes_href: format!("/api/v1/stop-codes/{code}/changes.csv"),
            breakdowns: breakdowns(&facts.detail),
            parameters: parameters(&facts.detail.parameter_meanings),
            guidance: show::prose(&facts.detail.guidance),
            is_crash: count.class.is_crash(),
            code,
        }
    }
}

/// The form for an experiment, filled with the first suspect if the verdict accuses one version.
fn experiment_href(suspects: &Suspects) -> Option<String> {
    if !matches!(suspects.stop_code.get(), 0x76 | 0xcb) {
        return None;
    }
    let first = suspects
        .suspects
        .first()
        .filter(|_| suspects.verdict >= VerdictWord::Associated);
    let named = first.and_then(|first| {
        let driver = first.drivers.first()?;
        let version = driver.version.as_ref()?;
        Some(format!(
            "/experiments?driver={}&version={}",
            show::encode(&driver.name),
            show::encode(version)
        ))
    });
    Some(named.unwrap_or_else(|| "/experiments".to_owned()))
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
