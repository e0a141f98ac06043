//! `/models` and `/models/{manufacturer}/{model}`: hardware models and how they fare.

use std::collections::BTreeMap;

use askama::Template;
use time::Date;
use wire::model::{ModelDetail, ModelSummary};
use wire::observed::Observed;

use super::charts::rollout::{Picture, Week, plot};
use super::charts::{SERIES, Svg};
use super::layout::{Layout, Section, Viewer};
use super::rates;
use super::show::{self, Day};
use crate::handlers::models::NO_MANUFACTURER;

/// Maker and model, the maker left out where the model repeats it.
pub(crate) fn name(manufacturer: &str, model: &str) -> String {
    if manufacturer.is_empty() || model.starts_with(manufacturer) {
        model.to_owned()
    } else {
        format!("{manufacturer} {model}")
    }
}

/// The address of a model's page.
pub(crate) fn href(manufacturer: &str, model: &str) -> String {
    format!("/models/{}", path(manufacturer, model))
}

/// The last two segments of its address.
fn path(manufacturer: &str, model: &str) -> String {
    let manufacturer = if manufacturer.is_empty() {
        NO_MANUFACTURER
    } else {
        manufacturer
    };
    format!("{}/{}", show::encode(manufacturer), show::encode(model))
}

/// What the list is made from.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListFacts {
    pub(crate) models: Vec<ModelSummary>,
    /// Where the page starts in the list of all.
    pub(crate) first: usize,
    /// How many there are in all.
    pub(crate) all: usize,
    pub(crate) next: Option<usize>,
}

/// The list of models.
#[derive(Template)]
#[template(path = "models.html")]
pub(crate) struct ListPage {
    layout: Layout,
    rows: Vec<ListRow>,
    shown: String,
    first_href: Option<String>,
    next_href: Option<String>,
}

struct ListRow {
    name: String,
    href: String,
    machines: String,
    machines_width: String,
    seen: Seen,
    codes: Vec<CodeRow>,
}

/// Counts and a rate.
struct Seen {
    machine_days: String,
    crashes: String,
    crashing: String,
    rate: Option<String>,
    interval: String,
}

/// A stop code and the machines that crashed with it.
struct CodeRow {
    code: String,
    name: String,
    crashes: String,
    machines: String,
}

impl ListPage {
    /// Lays the facts out.
    pub(crate) fn new(facts: &ListFacts, viewer: Option<&Viewer>) -> ListPage {
        let most = facts.models.iter().map(|model| model.machines).max().unwrap_or(0);
        let last = facts.first + facts.models.len();
        ListPage {
            layout: Layout::new("Models", Section::Models, viewer),
            rows: facts.models.iter().map(|model| list_row(model, most)).collect(),
            shown: format!(
                "{}–{} of {}",
                show::count(facts.first as u64 + 1),
                show::count(last as u64),
                show::count(facts.all as u64)
            ),
            first_href: (facts.first > 0).then(|| "/models".to_owned()),
            next_href: facts.next.map(|next| format!("/models?first={next}")),
        }
    }
}

fn list_row(model: &ModelSummary, most: u64) -> ListRow {
    ListRow {
        name: name(&model.manufacturer, &model.model),
        href: href(&model.manufacturer, &model.model),
        machines: show::count(model.machines),
        machines_width: show::width(model.machines, most),
        seen: seen(&model.seen),
        codes: codes(model),
    }
}

fn seen(seen: &Observed) -> Seen {
    Seen {
        machine_days: show::count(seen.machine_days),
        crashes: show::counted(seen.crash_count, "crash"),
        crashing: show::count(seen.crashing_machines),
        rate: seen.crashes_per_1000_machine_days.map(show::ratio),
        interval: match rates::rate(seen) {
            Some([_, low, high]) => rates::ends(low, high),
            None => String::new(),
        },
    }
}

fn codes(model: &ModelSummary) -> Vec<CodeRow> {
    let code = |code: &wire::model::ModelStopCode| CodeRow {
        code: code.stop_code.to_string(),
        name: code.stop_code_name.clone(),
        crashes: show::count(code.crash_count),
        machines: show::count(code.crashing_machines),
    };
    model.stop_codes.iter().map(code).collect()
}

/// One model.
#[derive(Template)]
#[template(path = "model.html")]
pub(crate) struct DetailPage {
    layout: Layout,
    name: String,
    span: (Day, Day),
    machines: String,
    machine_count: String,
    machines_href: String,
    crashes_href: String,
    seen: Seen,
    trend: Option<Trend>,
    codes: Vec<CodeRow>,
    versions: Vec<VersionRow>,
    builds: Vec<BuildRow>,
    bios: Vec<BiosRow>,
    /// The address of the same in the API.
    api: String,
}

/// Crashes by stop code and the rate, week by week: the picture, its legend, its numbers.
struct Trend {
    picture: Svg,
    legend: Vec<(usize, String)>,
    rows: Vec<WeekRow>,
}

struct WeekRow {
    week: Day,
    crashes: Vec<String>,
    machine_days: String,
    crashing: String,
    rate: String,
}

struct VersionRow {
    driver: String,
    href: String,
    version: String,
    company: String,
    share: String,
    seen: Seen,
}

struct BuildRow {
    build: String,
    seen: Seen,
}

struct BiosRow {
    bios: Option<String>,
    machines: String,
    machines_width: String,
    crashing: String,
}

impl DetailPage {
    /// Lays the facts out.
    pub(crate) fn new(model: &ModelDetail, viewer: Option<&Viewer>) -> DetailPage {
        let summary = &model.summary;
        let title = name(&summary.manufacturer, &summary.model);
        let most = model.bios_versions.first().map_or(0, |bios| bios.machines);
        DetailPage {
            layout: Layout::new(title.clone(), Section::Models, viewer),
            name: title,
            span: (Day(model.window.from), Day(model.window.to)),
            machines: show::counted(summary.machines, "machine"),
            machine_count: show::count(summary.machines),
            machines_href: format!("/machines?model={}", show::encode(&summary.model)),
            crashes_href: format!("/crashes?model={}", show::encode(&summary.model)),
            seen: seen(&summary.seen),
            trend: trend(model),
            codes: codes(summary),
            versions: model.versions.iter().map(version_row).collect(),
            builds: model
                .os_builds
                .iter()
                .map(|build| BuildRow {
                    build: build.os_build.to_string(),
                    seen: seen(&build.seen),
                })
                .collect(),
            bios: model
                .bios_versions
                .iter()
                .map(|bios| BiosRow {
                    bios: bios.bios_version.clone(),
                    machines: show::count(bios.machines),
                    machines_width: show::width(bios.machines, most),
                    crashing: show::count(bios.crashing_machines),
                })
                .collect(),
            api: format!("/api/v1/models/{}", path(&summary.manufacturer, &summary.model)),
        }
    }
}

fn version_row(version: &wire::model::ModelVersion) -> VersionRow {
    VersionRow {
        driver: version.driver.clone(),
        href: format!("/drivers/{}", show::encode(&version.driver)),
        version: version
            .version
            .clone()
            .unwrap_or_else(|| "version unknown".to_owned()),
        company: version.company.clone().unwrap_or_default(),
        share: show::percent(version.share),
        seen: seen(&version.seen),
    }
}

/// `None` without crashes: an empty picture would show nothing that the figures do not say.
fn trend(model: &ModelDetail) -> Option<Trend> {
    let codes = &model.summary.stop_codes;
    let own = if codes.len() > SERIES {
        SERIES - 1
    } else {
        codes.len()
    };
    let shown: Vec<_> = codes.iter().take(own).map(|code| code.stop_code).collect();
    let mut names: Vec<String> = codes
        .iter()
        .take(own)
        .map(|code| format!("{} {}", code.stop_code, code.stop_code_name))
        .collect();
    if codes.len() > own {
        names.push("all others".to_owned());
    }
    let known: BTreeMap<Date, _> = model.weeks.iter().map(|week| (week.week, week)).collect();
    let mondays = rates::weeks(model.window.from, model.window.to);
    let weeks: Vec<Week> = mondays
        .iter()
        .map(|monday| {
            let mut counts = vec![0_u64; names.len()];
            let week = known.get(monday);
            for code in week.into_iter().flat_map(|week| &week.stop_codes) {
                let place = shown.iter().position(|one| *one == code.stop_code);
                let place = place.unwrap_or(names.len().saturating_sub(1));
                if let Some(count) = counts.get_mut(place) {
                    *count = count.saturating_add(code.crash_count);
                }
            }
            let seen = week.map(|week| week.seen).unwrap_or_default();
            Week {
                counts,
                rate: rates::rate(&seen),
                told: rates::told(&seen),
            }
        })
        .collect();
    let picture = plot(&Picture {
        first: *mondays.first()?,
        weeks: &weeks,
        names: &names,
        noun: "crash",
        headings: ["Crashes by stop code", "Crashing machines per 1,000 machine-days"],
    });
    let rows = mondays.iter().zip(&weeks).map(|(monday, week)| {
        let seen = known.get(monday).map(|week| week.seen).unwrap_or_default();
        WeekRow {
            week: Day(*monday),
            crashes: week.counts.iter().copied().map(show::count).collect(),
            machine_days: show::count(seen.machine_days),
            crashing: show::count(seen.crashing_machines),
            rate: rates::text(week.rate),
        }
    });
    (!picture.is_empty()).then(|| Trend {
        rows: rows.collect(),
        legend: names.into_iter().enumerate().collect(),
        picture,
    })
}

#[cfg(test)]
mod tests {
    use super::{href, name};

    #[test]
    fn a_model_without_manufacturer_has_an_address_too() {
        assert_eq!(
            href("Dell Inc.", "Latitude 7420"),
            "/models/Dell%20Inc./Latitude%207420"
        );
        assert_eq!(href("", "../x"), "/models/-/..%2Fx");
        assert_eq!(name("", "X"), "X");
        assert_eq!(name("HP", "HP EliteBook"), "HP EliteBook");
    }
}
