//! `/drivers` and `/drivers/{name}`: drivers of the fleet, and the versions of one side by side.

use askama::Template;
use wire::driver::{DriverDetail, DriverSummary, DriverVersion};

use super::layout::{Layout, Section, Viewer};
use super::show::{self, Day};

/// What the list is made from.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListFacts {
    pub(crate) drivers: Vec<DriverSummary>,
    pub(crate) search: String,
    pub(crate) limit: Option<u32>,
    /// The cursor of this page, if it is not the first.
    pub(crate) cursor: Option<String>,
    pub(crate) next_cursor: Option<String>,
}

/// The list of drivers.
#[derive(Template)]
#[template(path = "drivers.html")]
pub(crate) struct ListPage {
    layout: Layout,
    search: String,
    rows: Vec<ListRow>,
    first_href: Option<String>,
    next_href: Option<String>,
    csv_href: String,
}

struct ListRow {
    name: String,
    href: String,
    company: String,
    class: String,
    versions: String,
    machines: String,
    crashes: String,
    crashes_href: Option<String>,
}

impl ListPage {
    /// Lays the facts out.
    pub(crate) fn new(facts: &ListFacts, viewer: Option<&Viewer>) -> ListPage {
        let limit = facts.limit.map(|limit| limit.to_string()).unwrap_or_default();
        let href = |path: &str, cursor: &str| {
            let parameters = [
                ("search", facts.search.as_str()),
                ("limit", &limit),
                ("cursor", cursor),
            ];
            show::address(path, &parameters)
        };
        ListPage {
            layout: Layout::new("Drivers", Section::Drivers, viewer),
            search: facts.search.clone(),
            rows: facts.drivers.iter().map(list_row).collect(),
            first_href: facts.cursor.as_ref().map(|_| href("/drivers", "")),
            next_href: facts.next_cursor.as_ref().map(|cursor| href("/drivers", cursor)),
            csv_href: href("/api/v1/drivers.csv", facts.cursor.as_deref().unwrap_or_default()),
        }
    }
}

fn list_row(driver: &DriverSummary) -> ListRow {
    let name = show::encode(&driver.name);
    ListRow {
        name: driver.name.clone(),
        href: format!("/drivers/{name}"),
        company: driver.company.clone().unwrap_or_default(),
        class: driver.class.clone().unwrap_or_default(),
        versions: show::count(driver.versions),
        machines: show::count(driver.machines),
        crashes: show::count(driver.crashes),
        crashes_href: (driver.crashes > 0).then(|| format!("/crashes?driver={name}")),
    }
}

/// One driver.
#[derive(Template)]
#[template(path = "driver.html")]
pub(crate) struct DetailPage {
    layout: Layout,
    name: String,
    description: Option<String>,
    origin: String,
    safe: Option<Safe>,
    versions: Vec<VersionRow>,
    crashes_href: String,
    csv_href: String,
}

/// The version that nobody was seen crashing with.
struct Safe {
    version: String,
    machine_days: String,
    rate: Option<String>,
}

struct VersionRow {
    version: String,
    known: bool,
    code_ids: Vec<String>,
    machines: String,
    machines_width: String,
    machine_days: String,
    first_seen: Option<Day>,
    crashes: Vec<CodeChip>,
    crashing: u64,
    rate: Option<String>,
    bound: Option<String>,
    safe: bool,
}

struct CodeChip {
    code: String,
    name: String,
    machines: String,
}

impl DetailPage {
    /// Lays the facts out.
    pub(crate) fn new(driver: &DriverDetail, viewer: Option<&Viewer>) -> DetailPage {
        let most = driver
            .versions
            .iter()
            .map(|version| version.machines)
            .max()
            .unwrap_or(0);
        let safe = driver.safe_version.as_deref();
        let origin: Vec<&str> = [driver.company.as_deref(), driver.class.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        DetailPage {
            layout: Layout::new(driver.name.clone(), Section::Drivers, viewer),
            name: driver.name.clone(),
            description: driver.description.clone(),
            origin: origin.join(" · "),
            safe: driver
                .versions
                .iter()
                .find(|one| safe.is_some() && one.version.as_deref() == safe)
                .map(safe_version),
            versions: driver
                .versions
                .iter()
                .map(|version| version_row(version, most, safe))
                .collect(),
            crashes_href: format!("/crashes?driver={}", show::encode(&driver.name)),
            csv_href: format!("/api/v1/drivers/{}.csv", show::encode(&driver.name)),
        }
    }
}

fn safe_version(version: &DriverVersion) -> Safe {
    Safe {
        version: version.version.clone().unwrap_or_default(),
        machine_days: show::count(version.machine_days),
        rate: version.rate_upper_bound.map(show::ratio),
    }
}

fn version_row(version: &DriverVersion, most: u64, safe: Option<&str>) -> VersionRow {
    let crashing = version
        .crashes
        .iter()
        .fold(0_u64, |sum, crash| sum.saturating_add(crash.machines));
    let rate = (version.machine_days > 0)
        .then(|| show::float(crashing) * 1000.0 / show::float(version.machine_days));
    VersionRow {
        known: version.version.is_some(),
        safe: safe.is_some() && version.version.as_deref() == safe,
        version: version
            .version
            .clone()
            .unwrap_or_else(|| "version unknown".to_owned()),
        code_ids: version.code_ids.clone(),
        machines: show::count(version.machines),
        machines_width: show::width(version.machines, most),
        machine_days: show::count(version.machine_days),
        first_seen: version.first_seen.map(Day),
        crashes: version
            .crashes
            .iter()
            .map(|crash| CodeChip {
                code: crash.stop_code.to_string(),
                name: crash.stop_code_name.clone(),
                machines: show::counted(crash.machines, "machine"),
            })
            .collect(),
        crashing,
        rate: rate.map(show::ratio),
        bound: version.rate_upper_bound.map(show::ratio),
    }
}
