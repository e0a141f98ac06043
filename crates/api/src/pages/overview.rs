//! `/`: is the fleet getting better or worse, what is new, and which driver to look at first.

use std::cmp::Reverse;

use askama::Template;
use time::{Date, OffsetDateTime};
use wire::StopCodeNumber;
use wire::stop_code::StopCodeCount;
use wire::suspects::{Suspects, VerdictWord, Window};

use super::charts::days::{self, SERIES, Series};
use super::charts::{Svg, spark};
use super::layout::{Layout, Section, Viewer};
use super::show::{self, Day, When};
use super::{verdict, words};

/// Windows that the page offers, in days.
pub(crate) const WINDOWS: [u16; 3] = [28, 91, 364];

/// The window of `?days=`: one of [`WINDOWS`], a quarter if it is none of them.
pub(crate) fn window_days(wanted: Option<u16>) -> u16 {
    wanted.filter(|days| WINDOWS.contains(days)).unwrap_or(91)
}

/// What the overview is made from.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) window: Window,
    pub(crate) window_days: u16,
    pub(crate) machines_seen: u64,
    pub(crate) machine_days: u64,
    pub(crate) now: Span,
    pub(crate) before: Span,
    pub(crate) stop_codes: Vec<StopCodeCount>,
    /// Verdicts that are there already; a code without one shows none.
    pub(crate) verdicts: Vec<Suspects>,
    pub(crate) new_versions: Vec<NewVersion>,
    pub(crate) new_signatures: Vec<NewSignature>,
    /// Where this server is reached, for the line that uploads a first dump.
    pub(crate) address: String,
}

/// Crashes of one span of time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Span {
    pub(crate) crashes: u64,
    /// Machines that were seen and crashed.
    pub(crate) machines: u64,
}

/// A driver version seen for the first time.
#[derive(Debug, Clone)]
pub(crate) struct NewVersion {
    pub(crate) driver: String,
    pub(crate) version: Option<String>,
    pub(crate) company: Option<String>,
    pub(crate) first_seen: Date,
}

/// A signature seen for the first time.
#[derive(Debug, Clone)]
pub(crate) struct NewSignature {
    pub(crate) signature: String,
    pub(crate) stop_code: Option<StopCodeNumber>,
    pub(crate) crashes: u64,
    pub(crate) first_seen: OffsetDateTime,
}

/// The page.
#[derive(Template)]
#[template(path = "overview.html")]
pub(crate) struct Page {
    layout: Layout,
    span: (Day, Day),
    windows: Vec<WindowChoice>,
    headline: Option<Headline>,
    figures: Vec<Figure>,
    chart: Svg,
    legend: Vec<LegendEntry>,
    rows: Vec<Row>,
    new_codes: Vec<NewCode>,
    new_versions: Vec<NewVersionView>,
    new_signatures: Vec<NewSignatureView>,
    address: String,
    empty: bool,
}

struct WindowChoice {
    days: u16,
    label: String,
    current: bool,
}

/// The strongest verdict, told first.
struct Headline {
    code: String,
    name: String,
    verdict: verdict::Verdict,
}

/// One number of the strip at the top.
struct Figure {
    label: &'static str,
    value: String,
    note: String,
    /// CSS class of the note: `better`, `worse` or empty.
    tone: &'static str,
}

struct LegendEntry {
    series: usize,
    code: Option<String>,
    name: String,
    crashes: String,
}

struct Row {
    code: String,
    name: String,
    class: &'static str,
    crashes: String,
    machines: String,
    trend: Svg,
    last_seen: Day,
    new: bool,
    suspect: Option<RowSuspect>,
}

struct RowSuspect {
    name: String,
    word: &'static str,
    tone: &'static str,
}

struct NewCode {
    code: String,
    name: String,
    crashes: String,
}

struct NewVersionView {
    driver: String,
    href: String,
    version: String,
    company: String,
    first_seen: Day,
}

struct NewSignatureView {
    signature: String,
    href: String,
    crashes: String,
    first_seen: When,
}

impl Page {
    /// Lays the facts out.
    pub(crate) fn new(facts: &Facts, viewer: Option<&Viewer>) -> Page {
        let span = (facts.window.from, facts.window.to);
        let (series, legend) = chart_series(&facts.stop_codes);
        Page {
            layout: Layout::new("Fleet overview", Section::Overview, viewer),
            span: (Day(span.0), Day(span.1)),
            windows: window_choices(facts.window_days),
            headline: headline(facts),
            figures: figures(facts),
            chart: days::stacked(&series, span),
            legend,
            rows: facts.stop_codes.iter().map(|count| row(count, facts)).collect(),
            new_codes: new_codes(&facts.stop_codes),
            new_versions: facts.new_versions.iter().map(new_version).collect(),
            new_signatures: facts.new_signatures.iter().map(new_signature).collect(),
            address: facts.address.clone(),
            empty: facts.stop_codes.is_empty(),
        }
    }
}

fn window_choices(current: u16) -> Vec<WindowChoice> {
    let label = |days| match days {
        28 => "4 weeks".to_owned(),
        91 => "13 weeks".to_owned(),
        364 => "1 year".to_owned(),
        other => format!("{other} days"),
    };
    WINDOWS.map(|days| WindowChoice { days, label: label(days), current: days == current }).into()
}

/// The strongest verdict that names a driver; among equals the one with most crashing machines.
fn headline(facts: &Facts) -> Option<Headline> {
    let strongest = facts
        .verdicts
        .iter()
        .filter(|one| one.verdict >= VerdictWord::Associated)
        .max_by_key(|one| (one.verdict, one.crashing_machines))?;
    let known = facts.stop_codes.iter().find(|count| count.code == strongest.stop_code);
    Some(Headline {
        code: strongest.stop_code.to_string(),
        name: known.map(|count| count.name.clone()).unwrap_or_default(),
        verdict: verdict::of(strongest),
    })
}

fn figures(facts: &Facts) -> Vec<Figure> {
    let (crash_note, tone) = against(facts.now.crashes, facts.before.crashes);
    let calm = facts.machines_seen.saturating_sub(facts.now.machines);
    vec![
        Figure {
            label: "Crash-free machines",
            value: match facts.machines_seen {
                0 => "–".to_owned(),
                seen => show::percent(show::share(calm, seen)),
            },
            note: format!("{} of {}", show::count(calm), show::counted(facts.machines_seen, "machine")),
            tone: "",
        },
        Figure { label: "Crashes", value: show::count(facts.now.crashes), note: crash_note, tone },
        Figure {
            label: "Machines that crashed",
            value: show::count(facts.now.machines),
            note: format!("{} in the window before", show::count(facts.before.machines)),
            tone: "",
        },
        Figure {
            label: "Crashes per 1,000 machine-days",
            value: match facts.machine_days {
                0 => "–".to_owned(),
                days => show::ratio(show::float(facts.now.crashes) * 1000.0 / show::float(days)),
            },
            note: format!("{} machine-days", show::count(facts.machine_days)),
            tone: "",
        },
    ]
}

/// How a count compares with the window before, and whether that is better or worse.
fn against(now: u64, before: u64) -> (String, &'static str) {
    let percent = |part: u64, whole: u64| show::rounded(show::float(part) / show::float(whole) * 100.0);
    match (now, before) {
        (0, 0) => ("none in the window before either".to_owned(), ""),
        (_, 0) => ("none in the window before".to_owned(), ""),
        (now, before) if now > before => (
            format!("▲ {} % more than the {} before", percent(now - before, before), show::count(before)),
            "worse",
        ),
        (now, before) if now < before => (
            format!("▼ {} % fewer than the {} before", percent(before - now, before), show::count(before)),
            "better",
        ),
        _ => ("as many as in the window before".to_owned(), ""),
    }
}

/// The most frequent codes get a series each; if there are more than colours, the last series is the rest.
fn chart_series(codes: &[StopCodeCount]) -> (Vec<Series>, Vec<LegendEntry>) {
    let mut sorted: Vec<&StopCodeCount> = codes.iter().collect();
    sorted.sort_by_key(|count| Reverse(count.crashes));
    let own = if sorted.len() > SERIES { SERIES - 1 } else { sorted.len() };
    let (shown, rest) = sorted.split_at(own);
    let counts = |count: &StopCodeCount| count.trend.iter().map(|day| (day.day, day.crashes)).collect::<Vec<_>>();
    let mut series: Vec<Series> = Vec::with_capacity(SERIES);
    let mut legend = Vec::with_capacity(SERIES);
    for (index, count) in shown.iter().enumerate() {
        series.push(Series { name: count.code.to_string(), counts: counts(count) });
        legend.push(LegendEntry {
            series: index,
            code: Some(count.code.to_string()),
            name: count.name.clone(),
            crashes: show::count(count.crashes),
        });
    }
    if !rest.is_empty() {
        series.push(Series { name: "other codes".to_owned(), counts: rest.iter().flat_map(|one| counts(one)).collect() });
        let crashes = rest.iter().fold(0_u64, |sum, one| sum.saturating_add(one.crashes));
        legend.push(LegendEntry {
            series: SERIES - 1,
            code: None,
            name: show::counted(rest.len() as u64, "other code"),
            crashes: show::count(crashes),
        });
    }
    (series, legend)
}

fn row(count: &StopCodeCount, facts: &Facts) -> Row {
    let counts: Vec<(Date, u64)> = count.trend.iter().map(|day| (day.day, day.crashes)).collect();
    let found = facts.verdicts.iter().find(|one| one.stop_code == count.code);
    let suspect = found.map(|suspects| {
        let (word, tone) = verdict::word(suspects.verdict);
        let named = suspects.verdict >= VerdictWord::Associated;
        let first = suspects.suspects.first().filter(|_| named);
        RowSuspect { name: first.map(verdict::suspect).unwrap_or_default(), word, tone }
    });
    Row {
        code: count.code.to_string(),
        name: count.name.clone(),
        class: words::class_label(count.class),
        crashes: show::count(count.crashes),
        machines: show::count(count.machines),
        trend: spark::bars(&counts, (facts.window.from, facts.window.to)),
        last_seen: Day(count.last_seen),
        new: count.new,
        suspect,
    }
}

fn new_codes(codes: &[StopCodeCount]) -> Vec<NewCode> {
    let new = codes.iter().filter(|count| count.new);
    new.map(|count| NewCode {
        code: count.code.to_string(),
        name: count.name.clone(),
        crashes: show::counted(count.crashes, "crash"),
    })
    .collect()
}

fn new_version(new: &NewVersion) -> NewVersionView {
    NewVersionView {
        driver: new.driver.clone(),
        href: format!("/drivers/{}", show::encode(&new.driver)),
        version: new.version.clone().unwrap_or_else(|| "version unknown".to_owned()),
        company: new.company.clone().unwrap_or_default(),
        first_seen: Day(new.first_seen),
    }
}

fn new_signature(new: &NewSignature) -> NewSignatureView {
    NewSignatureView {
        signature: new.signature.clone(),
        href: format!("/crashes?signature={}", show::encode(&new.signature)),
        crashes: show::counted(new.crashes, "crash"),
        first_seen: When(new.first_seen),
    }
}

#[cfg(test)]
mod tests {
    use super::{against, window_days};

    #[test]
    fn a_change_is_told_with_its_direction() {
        assert_eq!(against(224, 200), ("▲ 12 % more than the 200 before".to_owned(), "worse"));
        assert_eq!(against(100, 200), ("▼ 50 % fewer than the 200 before".to_owned(), "better"));
        assert_eq!(against(3, 0).1, "");
    }

    #[test]
    fn an_unknown_window_becomes_a_quarter() {
        assert_eq!(window_days(Some(28)), 28);
        assert_eq!(window_days(Some(9999)), 91);
        assert_eq!(window_days(None), 91);
    }
}
