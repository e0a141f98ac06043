//! `/crashes`: all crashes, newest first, filtered by a form that works without scripts.

use askama::Template;
use serde::Deserialize;
use wire::crash::CrashSummary;
use wire::report::{CrashKind, CrashSource};

use super::layout::{Layout, Section, Viewer};
use super::show::{self, When};
use super::words;

/// The form's fields as they stand in the address; empty ones mean "any".
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Query {
    pub(crate) stop_code: String,
    pub(crate) driver: String,
    pub(crate) version: String,
    pub(crate) machine: String,
    pub(crate) process: String,
    pub(crate) signature: String,
    pub(crate) model: String,
    pub(crate) os_build: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) limit: String,
    pub(crate) cursor: String,
}

impl Query {
    /// The filters that are set, as names and values.
    fn set(&self) -> Vec<(&'static str, &'static str, &str)> {
        let all: [(&'static str, &'static str, &str); 10] = [
            ("stop_code", "Stop code", &self.stop_code),
            ("driver", "Probable driver", &self.driver),
            ("version", "Its version", &self.version),
            ("machine", "Machine", &self.machine),
            ("process", "Process", &self.process),
            ("signature", "Signature", &self.signature),
            ("model", "Hardware model", &self.model),
            ("os_build", "OS build", &self.os_build),
            ("from", "From", &self.from),
            ("to", "To", &self.to),
        ];
        all.into_iter()
            .filter(|(_, _, value)| !value.trim().is_empty())
            .collect()
    }

    /// The address at `path` of the page at a cursor, or of the first one.
    fn href(&self, path: &str, cursor: &str) -> String {
        let mut parameters: Vec<_> = self
            .set()
            .into_iter()
            .map(|(name, _, value)| (name, value))
            .collect();
        parameters.extend([("limit", self.limit.as_str()), ("cursor", cursor)]);
        show::address(path, &parameters)
    }
}

/// What the list is made from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) query: Query,
    pub(crate) items: Vec<CrashSummary>,
    pub(crate) next_cursor: Option<String>,
    /// A filter that could not be understood, in a sentence.
    pub(crate) problem: Option<String>,
    pub(crate) address: String,
}

/// The page.
#[derive(Template)]
#[template(path = "crashes.html")]
pub(crate) struct Page {
    layout: Layout,
    query: Query,
    filters: Vec<SetFilter>,
    problem: Option<String>,
    rows: Vec<Row>,
    first_href: Option<String>,
    next_href: Option<String>,
    csv_href: String,
    address: String,
}

struct SetFilter {
    label: &'static str,
    value: String,
}

struct Row {
    href: String,
    at: When,
    machine: Option<(String, String)>,
    code: Option<String>,
    name: String,
    /// Why no driver is named.
    no_driver: &'static str,
    /// Whether it is a crash at all.
    counts: bool,
    signature: String,
    process: String,
    os_build: String,
    driver: Option<RowDriver>,
}

struct RowDriver {
    name: String,
    version: String,
    confidence: &'static str,
}

impl Page {
    /// Lays the facts out.
    pub(crate) fn new(facts: &Facts, viewer: Option<&Viewer>) -> Page {
        let query = &facts.query;
        let set = query.set();
        let turned = !query.cursor.is_empty();
        Page {
            layout: Layout::new("Crashes", Section::Crashes, viewer),
            filters: set
                .iter()
                .map(|(_, label, value)| SetFilter {
                    label,
                    value: (*value).to_owned(),
                })
                .collect(),
            problem: facts.problem.clone(),
            rows: facts.items.iter().map(row).collect(),
            first_href: turned.then(|| query.href("/crashes", "")),
            next_href: facts
                .next_cursor
                .as_deref()
                .map(|cursor| query.href("/crashes", cursor)),
            csv_href: query.href("/api/v1/crashes.csv", &query.cursor),
            address: facts.address.clone(),
            query: query.clone(),
        }
    }
}

fn row(item: &CrashSummary) -> Row {
    let stop_code = item.stop_code.as_ref();
    Row {
        href: format!("/crashes/{}", item.id),
        at: When(item.crashed_at),
        machine: item
            .machine
            .as_ref()
            .map(|machine| (machine.clone(), format!("/machines/{}", show::encode(machine)))),
        code: stop_code.map(|stop_code| stop_code.code.to_string()),
        name: stop_code.map_or_else(|| "Process ended".to_owned(), |stop_code| stop_code.name.clone()),
        no_driver: match (item.kind, item.source) {
            (CrashKind::User, _) => "a process, no driver",
            (CrashKind::Kernel, CrashSource::Dump) => "dump cannot tell",
            (CrashKind::Kernel, _) => "no dump",
        },
        counts: item.counts,
        signature: item.signature.clone(),
        process: item.process.clone().unwrap_or_default(),
        os_build: item.os_build.map(|build| build.to_string()).unwrap_or_default(),
        driver: item.probable_driver.as_ref().map(|driver| RowDriver {
            name: driver.name.clone(),
            version: driver.version.clone().unwrap_or_default(),
            confidence: words::confidence(driver.confidence),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::Query;

    #[test]
    fn a_filter_survives_paging_and_cannot_add_another() {
        let query = Query {
            driver: "a&b=c.sys".to_owned(),
            process: "  ".to_owned(),
            limit: "20".to_owned(),
            ..Query::default()
        };
        assert_eq!(
            query.href("/crashes", "x/1"),
            "/crashes?driver=a%26b%3Dc.sys&limit=20&cursor=x%2F1"
        );
        assert_eq!(Query::default().href("/crashes", ""), "/crashes");
    }
}
