//! `/machines` and `/machines/{machine}`: the machines, and what happened to one of them.

use askama::Template;
use serde::Deserialize;
use wire::inventory::MachineAttributes;
use wire::machine::{Agent, InstalledDriver, MachineDetail, MachineSummary, TimelineEntry};
use wire::policy::LockedPages;

use super::layout::{Layout, Section, Viewer};
use super::show::{self, When};

/// Drivers of one change that are shown before the rest folds away.
const MOST_CHANGES: usize = 6;

/// The list's fields as they stand in the address; empty ones mean "any".
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Query {
    pub(crate) search: String,
    pub(crate) driver: String,
    pub(crate) version: String,
    pub(crate) model: String,
    pub(crate) os_build: String,
    pub(crate) limit: String,
}

impl Query {
    fn filters(&self) -> [(&'static str, &str); 4] {
        [
            ("driver", &self.driver),
            ("version", &self.version),
            ("model", &self.model),
            ("os_build", &self.os_build),
        ]
    }

    /// Whether anything but a name is asked for.
    fn is_filtered(&self) -> bool {
        self.filters().iter().any(|(_, value)| !value.trim().is_empty())
    }

    /// The address at `path` of the page at a cursor, or of the first one.
    fn href(&self, path: &str, cursor: &str) -> String {
        let rest = [
            ("search", self.search.as_str()),
            ("limit", &self.limit),
            ("cursor", cursor),
        ];
        show::address(path, &[self.filters().as_slice(), &rest].concat())
    }

    /// What is asked for, in words: `with acmecap.sys 4.2.1.0, on build 22631`.
    fn words(&self) -> String {
        let mut words = Vec::new();
        if !self.driver.trim().is_empty() {
            words.push(
                format!("with {} {}", self.driver.trim(), self.version.trim())
                    .trim_end()
                    .to_owned(),
            );
        }
        if !self.model.trim().is_empty() {
            words.push(format!("of model {}", self.model.trim()));
        }
        if !self.os_build.trim().is_empty() {
            words.push(format!("on build {}", self.os_build.trim()));
        }
        words.join(", ")
    }
}

/// The address of the machines that have a driver now, or one of its versions.
pub(crate) fn having(driver: &str, version: Option<&str>) -> String {
    show::address(
        "/machines",
        &[("driver", driver), ("version", version.unwrap_or_default())],
    )
}

/// What the list is made from.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListFacts {
    pub(crate) machines: Vec<MachineSummary>,
    pub(crate) query: Query,
    /// How many machines fit the filters, if there are any.
    pub(crate) count: Option<u64>,
    /// A filter that could not be understood, in a sentence.
    pub(crate) problem: Option<String>,
    /// The cursor of this page, if it is not the first.
    pub(crate) cursor: Option<String>,
    pub(crate) next_cursor: Option<String>,
    pub(crate) address: String,
}

/// The list of machines.
#[derive(Template)]
#[template(path = "machines.html")]
pub(crate) struct ListPage {
    layout: Layout,
    query: Query,
    filtered: bool,
    /// What is asked for, and how many there are of it.
    lead: Option<String>,
    problem: Option<String>,
    csv_href: String,
    rows: Vec<ListRow>,
    first_href: Option<String>,
    next_href: Option<String>,
    csv_href: String,
    address: String,
}

struct ListRow {
    name: String,
    href: String,
    host_name: Option<String>,
    hardware: String,
    os_build: String,
    place: String,
    crashes: String,
    crashed: bool,
    last_crash: Option<When>,
    last_seen: When,
}

impl ListPage {
    /// Lays the facts out.
    pub(crate) fn new(facts: &ListFacts, viewer: Option<&Viewer>) -> ListPage {
        let query = &facts.query;
        let count = |count| format!("{} {}", show::counted(count, "machine"), query.words());
        ListPage {
            layout: Layout::new("Machines", Section::Machines, viewer),
            filtered: query.is_filtered(),
            lead: facts.count.map(count),
            problem: facts.problem.clone(),
            csv_href: query.href(
                "/api/v1/machines.csv",
                facts.cursor.as_deref().unwrap_or_default(),
            ),
            rows: facts.machines.iter().map(list_row).collect(),
            first_href: facts.cursor.as_ref().map(|_| query.href("/machines", "")),
            next_href: facts
                .next_cursor
                .as_deref()
                .map(|cursor| query.href("/machines", cursor)),
            query: query.clone(),
            address: facts.address.clone(),
        }
    }
}

fn list_row(machine: &MachineSummary) -> ListRow {
    let attributes = &machine.attributes;
    ListRow {
        name: machine.machine.clone(),
        href: format!("/machines/{}", show::encode(&machine.machine)),
        host_name: other_name(machine),
        hardware: hardware(attributes),
        os_build: attributes
            .os_build
            .map(|build| build.to_string())
            .unwrap_or_default(),
        place: place(attributes),
        crashes: show::count(machine.crashes),
        crashed: machine.crashes > 0,
        last_crash: machine.last_crash_at.map(When),
        last_seen: When(machine.last_seen_at),
    }
}

/// The host name, unless it is the machine's id anyway.
fn other_name(machine: &MachineSummary) -> Option<String> {
    machine
        .attributes
        .host_name
        .clone()
        .filter(|name| !name.eq_ignore_ascii_case(&machine.machine))
}

/// Maker and model, the maker left out where the model repeats it.
fn hardware(attributes: &MachineAttributes) -> String {
    match (&attributes.manufacturer, &attributes.model) {
        (Some(maker), Some(model)) if !model.starts_with(maker.as_str()) => format!("{maker} {model}"),
        (_, Some(model)) => model.clone(),
        (Some(maker), None) => maker.clone(),
        (None, None) => String::new(),
    }
}

fn place(attributes: &MachineAttributes) -> String {
    let parts: Vec<&str> = [attributes.site.as_deref(), attributes.ring.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    parts.join(" · ")
}

/// One machine.
#[derive(Template)]
#[template(path = "machine.html")]
pub(crate) struct DetailPage {
    layout: Layout,
    name: String,
    host_name: Option<String>,
    crashes: String,
    crashes_href: String,
    api_href: String,
    last_seen: When,
    facts: Vec<(&'static str, String)>,
    agent: Option<AgentPanel>,
    cannot_write_dumps: Option<String>,
    experiment_href: Option<String>,
    timeline: Vec<Entry>,
    drivers: Vec<DriverRow>,
}

/// What the machine's agent told last.
struct AgentPanel {
    version: String,
    checked_in: When,
    started: Option<When>,
    tracking: &'static str,
    in_force_since: Option<When>,
    trouble: Option<String>,
}

enum Entry {
    Crash {
        at: When,
        href: String,
        code: Option<String>,
        signature: String,
    },
    Change {
        at: When,
        summary: String,
        shown: Vec<Change>,
        folded: Vec<Change>,
    },
}

/// One driver that came, went or moved to another version.
#[derive(Debug, PartialEq, Eq)]
struct Change {
    kind: &'static str,
    name: String,
    href: String,
    text: String,
}

struct DriverRow {
    name: String,
    href: String,
    version: String,
    company: String,
}

impl DetailPage {
    /// Lays the facts out.
    pub(crate) fn new(machine: &MachineDetail, viewer: Option<&Viewer>) -> DetailPage {
        let summary = &machine.summary;
        DetailPage {
            layout: Layout::new(summary.machine.clone(), Section::Machines, viewer),
            name: summary.machine.clone(),
            host_name: other_name(summary),
            crashes: show::counted(summary.crashes, "crash"),
            crashes_href: format!("/crashes?machine={}", show::encode(&summary.machine)),
            api_href: format!("/api/v1/machines/{}", show::encode(&summary.machine)),
            last_seen: When(summary.last_seen_at),
            facts: attributes(&summary.attributes),
            agent: machine.agent.as_ref().map(agent_panel),
            cannot_write_dumps: machine.cannot_write_dumps.clone(),
            experiment_href: machine.experiment.map(|id| format!("/experiments/{id}")),
            timeline: machine.timeline.iter().map(entry).collect(),
            drivers: machine.drivers.iter().map(driver_row).collect(),
        }
    }
}

fn agent_panel(agent: &Agent) -> AgentPanel {
    let pages = agent.locked_pages.as_ref();
    AgentPanel {
        version: agent.agent_version.clone(),
        checked_in: When(agent.checked_in_at),
        started: agent.started_at.map(When),
        tracking: tracking(agent.may_track_locked_pages, pages),
        in_force_since: pages.and_then(|pages| pages.in_force_since).map(When),
        trouble: pages.and_then(|pages| pages.trouble.clone()),
    }
}

/// How the tracking of locked pages stands, in words.
fn tracking(may_track: bool, pages: Option<&LockedPages>) -> &'static str {
    match pages {
        Some(LockedPages {
            set: true,
            in_force_since: Some(_),
            ..
        }) => "in force",
        Some(LockedPages { set: true, .. }) => "set, waits for a restart",
        _ if may_track => "off, allowed by the owner",
        _ => "off, not allowed by the owner",
    }
}

fn attributes(attributes: &MachineAttributes) -> Vec<(&'static str, String)> {
    let hardware = Some(hardware(attributes)).filter(|text| !text.is_empty());
    let all = [
        ("Hardware", hardware),
        ("BIOS", attributes.bios_version.clone()),
        ("OS build", attributes.os_build.map(|build| build.to_string())),
        ("Architecture", attributes.architecture.clone()),
        ("Site", attributes.site.clone()),
        ("Update ring", attributes.ring.clone()),
    ];
    all.into_iter()
        .filter_map(|(label, value)| value.map(|value| (label, value)))
        .collect()
}

fn entry(entry: &TimelineEntry) -> Entry {
    match entry {
        TimelineEntry::Crash {
            at,
            id,
            stop_code,
            signature,
        } => Entry::Crash {
            at: When(*at),
            href: format!("/crashes/{id}"),
            code: stop_code.map(|code| code.to_string()),
            signature: signature.clone(),
        },
        TimelineEntry::DriversChanged { at, added, removed } => {
            let mut shown = changes(added, removed);
            let summary = show::counted(shown.len() as u64, "driver");
            let folded = shown.split_off(shown.len().min(MOST_CHANGES));
            Entry::Change {
                at: When(*at),
                summary,
                shown,
                folded,
            }
        }
    }
}

/// Versions that came and went, told as updates where both are of one driver.
fn changes(added: &[InstalledDriver], removed: &[InstalledDriver]) -> Vec<Change> {
    let change = |kind, driver: &InstalledDriver, text| Change {
        kind,
        name: driver.name.clone(),
        href: format!("/drivers/{}", show::encode(&driver.name)),
        text,
    };
    let version = |driver: &InstalledDriver| {
        driver
            .version
            .clone()
            .unwrap_or_else(|| "version unknown".to_owned())
    };
    let mut all = Vec::new();
    for driver in added {
        match removed.iter().find(|old| old.name == driver.name) {
            Some(old) => all.push(change(
                "changed",
                driver,
                format!("{} → {}", version(old), version(driver)),
            )),
            None => all.push(change("added", driver, version(driver))),
        }
    }
    let gone = removed
        .iter()
        .filter(|old| !added.iter().any(|driver| driver.name == old.name));
    all.extend(gone.map(|driver| change("removed", driver, version(driver))));
    all
}

fn driver_row(driver: &InstalledDriver) -> DriverRow {
    DriverRow {
        name: driver.name.clone(),
        href: format!("/drivers/{}", show::encode(&driver.name)),
        version: driver.version.clone().unwrap_or_default(),
        company: driver.company.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use wire::machine::InstalledDriver;

    fn driver(name: &str, version: &str) -> InstalledDriver {
        InstalledDriver {
            name: name.to_owned(),
            version: Some(version.to_owned()),
            company: None,
        }
    }

    #[test]
    fn a_version_that_replaces_another_is_one_change() {
        let added = [driver("a.sys", "2"), driver("b.sys", "1")];
        let changes = super::changes(&added, &[driver("a.sys", "1"), driver("c.sys", "9")]);
        let told: Vec<_> = changes
            .iter()
            .map(|change| (change.kind, change.text.as_str()))
            .collect();
        assert_eq!(told, [("changed", "1 → 2"), ("added", "1"), ("removed", "9")]);
    }
}
