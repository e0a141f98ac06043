//! `/audit`: who did what, and when.

use askama::Template;
use serde::Deserialize;
use wire::audit::AuditEntry;

use super::layout::{Layout, Section, Viewer};
use super::show::{self, When};

/// Actions that the form offers. Any other can be typed.
const OFFERED: [&str; 12] = [
    "sign-in",
    "sign-in.refused",
    "token",
    "dump.download",
    "dump.reprocess",
    "job",
    "machine",
    "experiment",
    "symbols",
    "signature-rules",
    "webhook",
    "token.revoke",
];

/// The form's fields as they stand in the address; empty ones mean "any".
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Query {
    pub(crate) action: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) cursor: String,
}

impl Query {
    /// The address of this list with another cursor, or without one.
    fn href(&self, cursor: Option<&str>) -> String {
        let filters = [
            ("action", self.action.as_str()),
            ("from", &self.from),
            ("to", &self.to),
            ("cursor", cursor.unwrap_or_default()),
        ];
        show::address("/audit", &filters)
    }
}

/// What the page is made from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) query: Query,
    pub(crate) entries: Vec<AuditEntry>,
    pub(crate) next_cursor: Option<String>,
    /// A filter that could not be understood, in a sentence.
    pub(crate) problem: Option<String>,
}

/// The page.
#[derive(Template)]
#[template(path = "audit.html")]
pub(crate) struct Page {
    layout: Layout,
    query: Query,
    offered: [&'static str; 12],
    filtered: bool,
    problem: Option<String>,
    rows: Vec<Row>,
    first_href: Option<String>,
    next_href: Option<String>,
    csv_href: String,
}

struct Row {
    at: When,
    who: String,
    /// What the name stands for.
    who_kind: &'static str,
    what: String,
    /// The action as it is stored, to filter by.
    action: String,
    href: String,
    subject: String,
    subject_href: Option<String>,
    times: String,
}

impl Page {
    /// Lays the facts out.
    pub(crate) fn new(facts: &Facts, viewer: Option<&Viewer>) -> Page {
        let query = &facts.query;
        let next = facts.next_cursor.as_deref();
        Page {
            layout: Layout::new("Audit", Section::Audit, viewer),
            offered: OFFERED,
            filtered: query.href(None) != "/audit",
            problem: facts.problem.clone(),
            rows: facts.entries.iter().map(row).collect(),
            first_href: (!query.cursor.is_empty()).then(|| query.href(None)),
            next_href: next.map(|cursor| query.href(Some(cursor))),
            csv_href: query.href(None).replacen("/audit", "/api/v1/audit.csv", 1),
            query: query.clone(),
        }
    }
}

fn row(entry: &AuditEntry) -> Row {
    let (who, who_kind) = match (&entry.token_name, &entry.actor, entry.token_id) {
        (Some(name), ..) => (name.clone(), "token"),
        (None, Some(actor), _) => (actor.clone(), "without a token"),
        (None, None, Some(id)) => (id.to_string(), "token that is gone"),
        (None, None, None) if entry.action == "sign-in.refused" => ("somebody".to_owned(), "not known"),
        (None, None, None) => ("Stopcode".to_owned(), "the program, or a session by a link"),
    };
    Row {
        at: When(entry.at),
        who,
        who_kind,
        what: words(&entry.action),
        action: entry.action.clone(),
        href: show::address("/audit", &[("action", &entry.action)]),
        subject: match entry.action.as_str() {
            "sign-in" => format!("by {}", entry.subject),
            _ => entry.subject.clone(),
        },
        subject_href: place(entry),
        times: match entry.times {
            1 => String::new(),
            times => format!("{} times in ten minutes", show::count(times)),
        },
    }
}

/// The action as people say it; one that has no words of its own is shown as it is stored.
fn words(action: &str) -> String {
    let words = match action {
        "sign-in" => "signed in",
        "sign-in.refused" => "was refused a sign-in",
        "session.end" => "ended a session",
        "token.create" => "made a token",
        "token.revoke" => "revoked a token",
        "token.revoke-with-agents" => "revoked a token and those of its agents",
        "dump.download" => "downloaded a raw dump",
        "dump.reprocess" => "had a dump analysed again",
        "job.requeue" => "had a job run again",
        "machine.enrol" => "enrolled a machine",
        "machine.revoke" => "put a machine out",
        "symbols.upload" => "sent a symbol file",
        "symbols.delete" => "deleted a symbol file",
        "signature-rules.change" => "changed the signature rules",
        "webhook.create" => "made a webhook",
        "webhook.disable" => "disabled a webhook",
        "experiment.start" => "started an experiment",
        "experiment.cancel" => "cancelled an experiment",
        "experiment.expired" => "ended an experiment whose time was over",
        other => other,
    };
    words.to_owned()
}

/// The page of what was done something to, if it has one.
fn place(entry: &AuditEntry) -> Option<String> {
    let (kind, _) = entry.action.split_once('.')?;
    match kind {
        "experiment" => Some(format!("/experiments/{}", show::encode(&entry.subject))),
        "machine" if entry.action == "machine.revoke" => {
            Some(format!("/machines/{}", show::encode(&entry.subject)))
        }
        _ => None,
    }
}
