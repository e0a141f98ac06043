//! `/drivers/{name}`: the versions of one driver side by side, how they were rolled out, and where they crash.
//!
//! A driver may have a thousand versions: the table is paged, and pictures take the versions that matter most and put
//! the rest together.

mod matrix;
mod rollout;
mod versions;

use askama::Template;
use time::Duration;
use wire::driver::{DriverDetail, DriverVersion, DriverVersionModel, DriverVersionWeek};

use self::matrix::Matrix;
use self::rollout::Rollout;
use self::versions::VersionRow;
use super::layout::{Layout, Section, Viewer};
use super::rates;
use super::show::{self, Day};

pub(crate) use self::versions::Order;

/// Versions on one page of the table.
const VERSIONS: usize = 50;

/// Stop codes offered as a filter.
const CODES: usize = 8;

/// Days that can be chosen with one click.
const WINDOWS: [(i64, &str); 3] = [(28, "4 weeks"), (91, "13 weeks"), (364, "1 year")];

/// What the page is made from.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// The driver, its versions newest first.
    pub(crate) driver: DriverDetail,
    /// Its versions by week.
    pub(crate) weeks: Vec<DriverVersionWeek>,
    /// Its versions by hardware model, the model with most machine-days first.
    pub(crate) models: Vec<DriverVersionModel>,
    /// How the table is sorted.
    pub(crate) order: Order,
    /// Which page of the table, the first 1.
    pub(crate) page: usize,
}

/// The page.
#[derive(Template)]
#[template(path = "driver.html")]
pub(crate) struct Page {
    layout: Layout,
    name: String,
    description: Option<String>,
    origin: String,
    span: (Day, Day),
    windows: Vec<Choice>,
    /// The only stop code counted, and the way back to all.
    only: Option<(String, String)>,
    codes: Vec<CodeChoice>,
    figures: Vec<Figure>,
    safe: Option<Safe>,
    rollout: Option<Rollout>,
    matrix: Option<Matrix>,
    version_count: String,
    versions: Vec<VersionRow>,
    orders: Vec<Choice>,
    pages: Option<Pages>,
    crashes_href: String,
    /// The address of the same in the API, and what it asks for.
    api: (String, String),
}

/// One of several views that exclude each other.
struct Choice {
    href: String,
    label: &'static str,
    current: bool,
}

/// A stop code that the page can be narrowed to.
struct CodeChoice {
    href: String,
    code: String,
    name: String,
    machines: String,
}

/// One number of the strip at the top.
struct Figure {
    label: &'static str,
    value: String,
    note: String,
}

/// The version that nobody was seen crashing with.
struct Safe {
    word: &'static str,
    /// CSS class: `calm` if it is known to crash less than the driver does, else `quiet`.
    tone: &'static str,
    version: String,
    machine_days: String,
    rate: Option<String>,
    machines: String,
}

/// Where in the table we are.
struct Pages {
    shown: String,
    before: Option<String>,
    after: Option<String>,
}

/// The parts of the page's address that say what is shown.
struct Address<'a> {
    facts: &'a Facts,
}

impl Address<'_> {
    /// What is counted: days and stop code.
    fn counted(&self) -> Vec<String> {
        let window = self.facts.driver.window;
        let mut parts = vec![format!("from={}", window.from), format!("to={}", window.to)];
        parts.extend(
            self.facts
                .driver
                .stop_code
                .map(|code| format!("stop_code={code}")),
        );
        parts
    }

    fn page(&self, parts: &[String]) -> String {
        let name = show::encode(&self.facts.driver.name);
        format!("/drivers/{name}?{}", parts.join("&"))
    }

    fn table(&self, order: Order, page: usize) -> String {
        let mut parts = self.counted();
        parts.push(format!("order={}", order.word()));
        parts.extend((page > 1).then(|| format!("page={page}")));
        format!("{}#versions", self.page(&parts))
    }
}

impl Page {
    /// Lays the facts out.
    pub(crate) fn new(facts: &Facts, viewer: Option<&Viewer>) -> Page {
        let driver = &facts.driver;
        let address = Address { facts };
        let origin: Vec<&str> = [driver.company.as_deref(), driver.class.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        let (versions, pages) = table(facts, &address);
        Page {
            layout: Layout::new(driver.name.clone(), Section::Drivers, viewer),
            name: driver.name.clone(),
            description: driver.description.clone(),
            origin: origin.join(" · "),
            span: (Day(driver.window.from), Day(driver.window.to)),
            windows: windows(&address),
            only: only(&address),
            codes: codes(&address),
            figures: figures(driver),
            safe: safe(driver),
            rollout: rollout::of(facts),
            matrix: matrix::of(facts),
            version_count: show::count(driver.versions.len() as u64),
            versions,
            orders: orders(&address),
            pages,
            crashes_href: format!("/crashes?driver={}", show::encode(&driver.name)),
            api: (
                format!("/api/v1/drivers/{}", show::encode(&driver.name)),
                address.counted().join("&"),
            ),
        }
    }
}

fn windows(address: &Address<'_>) -> Vec<Choice> {
    let window = address.facts.driver.window;
    let code = address.facts.driver.stop_code;
    let choice = |(days, label): (i64, &'static str)| {
        let from = window.to.saturating_sub(Duration::days(days - 1));
        let mut parts = vec![format!("from={from}"), format!("to={}", window.to)];
        parts.extend(code.map(|code| format!("stop_code={code}")));
        Choice {
            href: address.page(&parts),
            label,
            current: from == window.from,
        }
    };
    WINDOWS.map(choice).into()
}

fn only(address: &Address<'_>) -> Option<(String, String)> {
    let code = address.facts.driver.stop_code?;
    let mut parts = address.counted();
    parts.retain(|part| !part.starts_with("stop_code="));
    Some((code.to_string(), address.page(&parts)))
}

/// The stop codes that its machines crashed with, most machines first.
fn codes(address: &Address<'_>) -> Vec<CodeChoice> {
    if address.facts.driver.stop_code.is_some() {
        return Vec::new();
    }
    let mut all: Vec<(String, String, u64)> = Vec::new();
    for crash in address
        .facts
        .driver
        .versions
        .iter()
        .flat_map(|version| &version.crashes)
    {
        let code = crash.stop_code.to_string();
        match all.iter_mut().find(|(known, _, _)| *known == code) {
            Some((_, _, machines)) => *machines = machines.saturating_add(crash.machines),
            None => all.push((code, crash.stop_code_name.clone(), crash.machines)),
        }
    }
    all.sort_by_key(|(_, _, machines)| std::cmp::Reverse(*machines));
    let choice = |(code, name, machines): (String, String, u64)| {
        let mut parts = address.counted();
        parts.push(format!("stop_code={code}"));
        CodeChoice {
            href: address.page(&parts),
            code,
            name,
            machines: show::count(machines),
        }
    };
    all.into_iter().take(CODES).map(choice).collect()
}

fn sum(versions: &[DriverVersion], of: impl Fn(&DriverVersion) -> u64) -> u64 {
    versions.iter().map(of).fold(0, u64::saturating_add)
}

fn figures(driver: &DriverDetail) -> Vec<Figure> {
    let versions = &driver.versions;
    let in_use = versions.iter().filter(|version| version.machines > 0).count();
    vec![
        Figure {
            label: "Versions",
            value: show::count(versions.len() as u64),
            note: format!("{} on machines now", show::count(in_use as u64)),
        },
        Figure {
            label: "Machines now",
            value: show::count(sum(versions, |version| version.machines)),
            note: "by their latest inventories".to_owned(),
        },
        Figure {
            label: "Crashing machines",
            value: show::count(driver.seen.crashing_machines),
            note: format!(
                "{}, repeats included",
                show::counted(driver.seen.crash_count, "crash")
            ),
        },
        Figure {
            label: "Per 1,000 machine-days",
            value: rates::rate(&driver.seen).map_or_else(|| "–".to_owned(), |[rate, ..]| show::ratio(rate)),
            note: match rates::rate(&driver.seen) {
                Some([_, low, high]) => format!(
                    "95 % interval {}, {}",
                    rates::ends(low, high),
                    show::counted(driver.seen.machine_days, "machine-day")
                ),
                None => "no machine-days".to_owned(),
            },
        },
    ]
}

fn safe(driver: &DriverDetail) -> Option<Safe> {
    let safe = driver.safe_version.as_deref()?;
    let version = driver
        .versions
        .iter()
        .find(|one| one.version.as_deref() == Some(safe))?;
    let all = driver.seen.crashes_per_1000_machine_days;
    let is_calm = version
        .rate_upper_bound
        .zip(all)
        .is_some_and(|(bound, all)| bound < all);
    Some(Safe {
        word: if is_calm {
            "Never seen crashing"
        } else {
            "No crash seen so far"
        },
        tone: if is_calm { "calm" } else { "quiet" },
        version: safe.to_owned(),
        machine_days: show::count(version.machine_days),
        rate: version.rate_upper_bound.map(show::ratio),
        machines: match version.machines {
            0 => "No machine has it".to_owned(),
            1 => "1 machine has it".to_owned(),
            more => format!("{} machines have it", show::count(more)),
        },
    })
}

fn orders(address: &Address<'_>) -> Vec<Choice> {
    if address.facts.driver.versions.len() < 3 {
        return Vec::new();
    }
    let choice = |order: Order| Choice {
        href: address.table(order, 1),
        label: order.label(),
        current: order == address.facts.order,
    };
    Order::ALL.map(choice).into()
}

/// One page of the versions, and where it is.
fn table(facts: &Facts, address: &Address<'_>) -> (Vec<VersionRow>, Option<Pages>) {
    let all = facts.order.sorted(&facts.driver.versions);
    let last = all.len().div_ceil(VERSIONS).max(1);
    let page = facts.page.clamp(1, last);
    let first = (page - 1) * VERSIONS;
    let shown: Vec<&DriverVersion> = all.iter().skip(first).take(VERSIONS).copied().collect();
    let most = all.iter().map(|version| version.machines).max().unwrap_or(0);
    let safe = facts.driver.safe_version.as_deref();
    let rows = shown
        .iter()
        .map(|version| versions::row(&facts.driver.name, version, most, safe))
        .collect();
    let pages = (last > 1).then(|| Pages {
        shown: format!(
            "{}–{} of {}",
            show::count(first as u64 + 1),
            show::count((first + shown.len()) as u64),
            show::count(all.len() as u64)
        ),
        before: (page > 1).then(|| address.table(facts.order, page - 1)),
        after: (page < last).then(|| address.table(facts.order, page + 1)),
    });
    (rows, pages)
}

/// What a version is called; placeholders have no version.
fn called(version: Option<&str>) -> String {
    version.map_or_else(|| "version unknown".to_owned(), str::to_owned)
}

/// The versions that a picture shows by themselves, at most so many: those with most machine-days, and among them in
/// any case those that crash most. As told by `versions`, the oldest first.
fn most_telling(versions: &[DriverVersion], most: usize) -> Vec<Option<String>> {
    let mut by_crashes: Vec<&DriverVersion> = versions
        .iter()
        .filter(|version| version.crashing_machines > 0)
        .collect();
    by_crashes.sort_by_key(|version| std::cmp::Reverse(version.crashing_machines));
    let mut by_days: Vec<&DriverVersion> = versions
        .iter()
        .filter(|version| version.machine_days > 0)
        .collect();
    by_days.sort_by_key(|version| std::cmp::Reverse(version.machine_days));
    let mut chosen: Vec<&DriverVersion> = Vec::new();
    for version in by_crashes.into_iter().take(most.div_ceil(2)).chain(by_days) {
        if chosen.len() < most && !chosen.iter().any(|known| known.version == version.version) {
            chosen.push(version);
        }
    }
    let oldest_first = versions.iter().rev();
    let chosen = oldest_first.filter(|version| chosen.iter().any(|one| std::ptr::eq(*one, *version)));
    chosen.map(|version| version.version.clone()).collect()
}
