//! `/drivers`: the drivers of the fleet.

use askama::Template;
use wire::driver::DriverSummary;

use super::layout::{Layout, Section, Viewer};
use super::show;

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
