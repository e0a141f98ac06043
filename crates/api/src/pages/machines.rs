//! `/machines` and `/machines/{machine}`: the machines, and what happened to one of them.

use askama::Template;
use serde::Deserialize;
use wire::inventory::MachineAttributes;
use wire::machine::{
    Agent, DriverChange, InstalledDriver, MachineDetail, MachineSummary, Spell, TimelineEntry,
};
use wire::policy::LockedPages;

use super::layout::{Layout, Section, Viewer};
use super::models;
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
    has_changes: bool,
    /// Its hardware model and that model's page.
    model: Option<(String, String)>,
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
        /// What was seen before and after, if that is the same for all of them.
        around: Option<String>,
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
    /// What was seen before and after, if it is not told of all changes at once.
    around: Option<String>,
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
            has_changes: machine.timeline.iter().any(is_change),
            model: model(&summary.attributes),
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
    let maker = attributes.manufacturer.clone();
    let all = [
        // With a model, the maker is part of its name.
        ("Manufacturer", maker.filter(|_| attributes.model.is_none())),
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
        TimelineEntry::DriversChanged { at, changes, .. } => {
            let mut shown: Vec<Change> = changes.iter().map(change).collect();
            // What changed from one version to another tells most.
            shown.sort_by_key(|change| change.kind != "changed");
            let around = told_once(&mut shown);
            let summary = show::counted(shown.len() as u64, "driver");
            let folded = shown.split_off(shown.len().min(MOST_CHANGES));
            Entry::Change {
                at: When(*at),
                summary,
                around,
                shown,
                folded,
            }
        }
    }
}

/// Takes out of the changes what all of them say.
fn told_once(changes: &mut [Change]) -> Option<String> {
    let first = changes.first()?.around.clone()?;
    if changes
        .iter()
        .any(|change| change.around.as_ref() != Some(&first))
    {
        return None;
    }
    for change in changes {
        change.around = None;
    }
    Some(first)
}

fn is_change(entry: &TimelineEntry) -> bool {
    matches!(entry, TimelineEntry::DriversChanged { .. })
}

/// The machine's hardware model, and the address of that model's page.
fn model(attributes: &MachineAttributes) -> Option<(String, String)> {
    let model = attributes.model.as_deref().filter(|model| !model.is_empty())?;
    let manufacturer = attributes.manufacturer.as_deref().unwrap_or_default();
    Some((hardware(attributes), models::href(manufacturer, model)))
}

/// A driver that came, went, or moved to another version.
fn change(change: &DriverChange) -> Change {
    let version = |version: &str| match version {
        "?" => "version unknown".to_owned(),
        version => version.to_owned(),
    };
    let (kind, text) = match (change.from.as_deref(), change.to.as_deref()) {
        (Some(from), Some(to)) => ("changed", format!("{} → {}", version(from), version(to))),
        (None, Some(to)) => ("added", version(to)),
        (Some(from), None) => ("removed", version(from)),
        (None, None) => ("changed", String::new()),
    };
    Change {
        kind,
        name: change.driver.clone(),
        href: format!("/drivers/{}", show::encode(&change.driver)),
        text,
        around: around(change.before, change.after),
    }
}

/// How often it crashed in how many days, before and after.
fn around(before: Spell, after: Spell) -> Option<String> {
    let days = before.machine_days.saturating_add(after.machine_days);
    if days == 0 && before.crashes == 0 && after.crashes == 0 {
        return None;
    }
    let spell = |spell: Spell| {
        let crashes = match spell.crashes {
            0 => "no crash".to_owned(),
            crashes => show::counted(crashes, "crash"),
        };
        format!("{crashes} in {}", show::counted(spell.machine_days, "day"))
    };
    Some(format!("Before: {} · after: {}", spell(before), spell(after)))
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
    use wire::machine::{DriverChange, Spell};

    fn spell(machine_days: u64, crashes: u64) -> Spell {
        Spell {
            machine_days,
            crashes,
        }
    }

    fn told(from: Option<&str>, to: Option<&str>) -> (&'static str, String) {
        let change = super::change(&DriverChange {
            driver: "a.sys".to_owned(),
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
            before: Spell::default(),
            after: Spell::default(),
        });
        (change.kind, change.text)
    }

    #[test]
    fn a_version_that_replaces_another_is_one_change() {
        assert_eq!(told(Some("1"), Some("2")), ("changed", "1 → 2".to_owned()));
        assert_eq!(told(None, Some("1")), ("added", "1".to_owned()));
        assert_eq!(told(Some("?"), None), ("removed", "version unknown".to_owned()));
    }

    #[test]
    fn before_and_after_are_told_in_words_and_only_if_anything_was_seen() {
        assert_eq!(
            super::around(spell(41, 0), spell(12, 3)).unwrap(),
            "Before: no crash in 41 days · after: 3 crashes in 12 days"
        );
        assert_eq!(super::around(spell(0, 0), spell(0, 0)), None);
    }

    #[test]
    fn what_all_changes_of_a_moment_say_is_said_once() {
        let of = |after: u64| {
            super::change(&DriverChange {
                driver: "a.sys".to_owned(),
                from: None,
                to: Some("1".to_owned()),
                before: spell(41, 0),
                after: spell(after, 0),
            })
        };
        let mut same = [of(3), of(3)];
        assert!(super::told_once(&mut same).is_some() && same[1].around.is_none());
        let mut different = [of(3), of(4)];
        assert!(super::told_once(&mut different).is_none() && different[1].around.is_some());
    }
}
