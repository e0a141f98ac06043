//! `/`: is the fleet getting better or worse, what is new, and which driver to look at first.

mod facts;
mod news;
mod rows;
mod trend;

use askama::Template;
use wire::suspects::VerdictWord;

use super::charts::{Svg, days};
use super::layout::{Layout, Section, Viewer};
use super::show::{self, Day};
use super::verdict;

pub(crate) use facts::{Facts, NewSignature, NewVersion, Regression, Span, WINDOWS, window_days};
use news::{Age, ChangeRow, RegressionRow};
use rows::{
    LegendEntry, NewCode, NewSignatureView, NewVersionView, Row, chart_series, new_codes, new_signature,
    new_version, row,
};

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
    numbers: days::Numbers,
    days_csv_href: String,
    legend: Vec<LegendEntry>,
    rows: Vec<Row>,
    weeks: Option<trend::Weeks>,
    changes: Vec<ChangeRow>,
    regressions: Vec<RegressionRow>,
    ages: Vec<Age>,
    codes_csv_href: String,
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
            numbers: days::numbers(&series, span),
            days_csv_href: days::csv_href("/api/v1/fleet/days.csv", span),
            legend,
            rows: facts.stop_codes.iter().map(|count| row(count, facts)).collect(),
            weeks: trend::weeks(&facts.weeks, span),
            changes: facts.changes.iter().map(news::change).collect(),
            regressions: facts.regressions.iter().map(news::regression).collect(),
            ages: news::ages(facts),
            codes_csv_href: show::address(
                "/api/v1/stop-codes.csv",
                &[
                    ("from", &facts.window.from.to_string()),
                    ("to", &facts.window.to.to_string()),
                    ("limit", "500"),
                ],
            ),
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
    WINDOWS
        .map(|days| WindowChoice {
            days,
            label: label(days),
            current: days == current,
        })
        .into()
}

/// The strongest verdict that names a driver; among equals the one with most crashing machines.
fn headline(facts: &Facts) -> Option<Headline> {
    let strongest = facts
        .verdicts
        .iter()
        .filter(|one| one.verdict >= VerdictWord::Associated)
        .max_by_key(|one| (one.verdict, one.crashing_machines))?;
    let known = facts
        .stop_codes
        .iter()
        .find(|count| count.code == strongest.stop_code);
    Some(Headline {
        code: strongest.stop_code.to_string(),
        name: known.map(|count| count.name.clone()).unwrap_or_default(),
        verdict: verdict::of(strongest),
    })
}

/// Empty before anything was sent: dashes would tell nothing.
fn figures(facts: &Facts) -> Vec<Figure> {
    if facts.machines_seen == 0 && facts.stop_codes.is_empty() {
        return Vec::new();
    }
    let (crash_note, tone) = against(facts.now.crashes, facts.before.crashes);
    let calm = facts.machines_seen.saturating_sub(facts.now.machines);
    vec![
        Figure {
            label: "Crash-free machines",
            value: match facts.machines_seen {
                0 => "–".to_owned(),
                seen => show::percent(show::share(calm, seen)),
            },
            note: match facts.machines_seen {
                0 => "no machine has told which days it was on".to_owned(),
                seen => format!("{} of {}", show::count(calm), show::counted(seen, "machine")),
            },
            tone: "",
        },
        Figure {
            label: "Crashes",
            value: show::count(facts.now.crashes),
            note: crash_note,
            tone,
        },
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
                // Crashes of machines that nobody saw on enter no rate.
                days => show::ratio(show::float(counted(facts)) * 1000.0 / show::float(days)),
            },
            note: format!("{} machine-days", show::count(facts.machine_days)),
            tone: "",
        },
    ]
}

/// Crashes of machines in weeks in which they were on.
fn counted(facts: &Facts) -> u64 {
    let crashes = facts.weeks.iter().map(|week| week.crashes);
    crashes.fold(0, u64::saturating_add)
}

/// How a count compares with the window before, and whether that is better or worse.
fn against(now: u64, before: u64) -> (String, &'static str) {
    let percent = |part: u64, whole: u64| show::rounded(show::float(part) / show::float(whole) * 100.0);
    match (now, before) {
        (0, 0) => ("none in the window before either".to_owned(), ""),
        (_, 0) => ("none in the window before".to_owned(), ""),
        // A share of next to nothing says nothing.
        (now, before) if now != before && before < 10 => {
            (format!("{} in the window before", show::count(before)), "")
        }
        (now, before) if now > before => (
            format!(
                "▲ {} % more than the {} before",
                percent(now - before, before),
                show::count(before)
            ),
            "worse",
        ),
        (now, before) if now < before => (
            format!(
                "▼ {} % fewer than the {} before",
                percent(before - now, before),
                show::count(before)
            ),
            "better",
        ),
        _ => ("as many as in the window before".to_owned(), ""),
    }
}

#[cfg(test)]
mod tests {
    use super::against;

    #[test]
    fn a_change_is_told_with_its_direction() {
        assert_eq!(against(385, 1), ("1 in the window before".to_owned(), ""));
        assert_eq!(
            against(224, 200),
            ("▲ 12 % more than the 200 before".to_owned(), "worse")
        );
        assert_eq!(
            against(100, 200),
            ("▼ 50 % fewer than the 200 before".to_owned(), "better")
        );
        assert_eq!(against(3, 0).1, "");
    }
}
