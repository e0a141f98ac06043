//! `/health`: is the server keeping up, which dumps could not be read, and which machines cannot tell.

use askama::Template;
use time::OffsetDateTime;
use uuid::Uuid;
use wire::dump::DumpFormat;

use super::layout::{Layout, Section, Viewer};
use super::show::{self, When};
use super::words;

/// What the page is made from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// Jobs that wait.
    pub(crate) queued: u64,
    /// Jobs that a worker has.
    pub(crate) running: u64,
    /// Jobs that were given up.
    pub(crate) failed: u64,
    /// Seconds the oldest waiting job has waited.
    pub(crate) oldest_seconds: Option<u64>,
    pub(crate) failed_dumps: Vec<FailedDump>,
    pub(crate) dead_letters: Vec<DeadLetter>,
    /// Machines known.
    pub(crate) machines: u64,
    /// Machines that never said on which days they were on: their crashes enter no rate.
    pub(crate) machines_without_presence: u64,
    /// Machines whose agent was not heard in three days, or that have none.
    pub(crate) machines_without_agent: u64,
    /// Crashes whose upload named no machine.
    pub(crate) crashes_without_machine: u64,
    /// Whether a retry was just asked for.
    pub(crate) notice: Option<Notice>,
}

/// What was just done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A dump will be analysed again.
    Requeued,
}

/// A dump that could not be read.
#[derive(Debug, Clone)]
pub(crate) struct FailedDump {
    pub(crate) id: Uuid,
    pub(crate) file_name: Option<String>,
    pub(crate) format: Option<DumpFormat>,
    pub(crate) machine: Option<String>,
    pub(crate) size_bytes: u64,
    pub(crate) attempts: u32,
    pub(crate) error: Option<String>,
    pub(crate) received_at: OffsetDateTime,
}

/// A job that was given up.
#[derive(Debug, Clone)]
pub(crate) struct DeadLetter {
    pub(crate) id: i64,
    pub(crate) kind: String,
    pub(crate) key: String,
    pub(crate) attempts: u32,
    pub(crate) last_error: Option<String>,
    pub(crate) created_at: OffsetDateTime,
}

/// The page.
#[derive(Template)]
#[template(path = "health.html")]
pub(crate) struct Page {
    layout: Layout,
    notice: Option<&'static str>,
    queue: Queue,
    coverage: Vec<Coverage>,
    dumps: Vec<DumpRow>,
    letters: Vec<LetterRow>,
    may_retry: bool,
}

struct Queue {
    waiting: String,
    running: String,
    failed: String,
    oldest: String,
    sentence: &'static str,
    tone: &'static str,
}

struct Coverage {
    value: String,
    label: &'static str,
    advice: &'static str,
    good: bool,
}

struct DumpRow {
    id: String,
    name: String,
    format: &'static str,
    size: String,
    machine: Option<(String, String)>,
    attempts: u32,
    error: String,
    received: When,
}

struct LetterRow {
    id: i64,
    what: String,
    attempts: u32,
    error: String,
    created: When,
}

impl Page {
    /// Lays the facts out.
    pub(crate) fn new(facts: &Facts, viewer: Option<&Viewer>) -> Page {
        Page {
            layout: Layout::new("Health", Section::Health, viewer),
            notice: facts
                .notice
                .map(|Notice::Requeued| "It was put back into the queue."),
            queue: queue(facts),
            coverage: coverage(facts),
            dumps: facts.failed_dumps.iter().map(dump_row).collect(),
            letters: facts.dead_letters.iter().map(letter_row).collect(),
            may_retry: viewer.is_some_and(|viewer| viewer.may_admin),
        }
    }
}

fn queue(facts: &Facts) -> Queue {
    // A dump takes a fraction of a second: minutes of waiting mean that no worker runs or that it is swamped.
    let (sentence, tone) = match facts.oldest_seconds {
        Some(seconds) if seconds > 300 => ("The queue is not keeping up. Is a worker running?", "warn"),
        Some(_) => ("The workers are busy.", ""),
        None => ("Nothing is waiting: the workers keep up.", "better"),
    };
    Queue {
        waiting: show::count(facts.queued),
        running: show::count(facts.running),
        failed: show::count(facts.failed),
        oldest: facts
            .oldest_seconds
            .map_or_else(|| "–".to_owned(), show::duration),
        sentence,
        tone,
    }
}

fn coverage(facts: &Facts) -> Vec<Coverage> {
    vec![
        Coverage {
            value: show::count(facts.machines),
            label: "machines known",
            advice: "Machines become known by an inventory, a presence report or a dump.",
            good: facts.machines > 0,
        },
        Coverage {
            value: show::count(facts.machines_without_presence),
            label: "machines that never reported presence",
            advice: "Their crashes are shown but enter no rate. Let their agent send the days they were on.",
            good: facts.machines_without_presence == 0,
        },
        Coverage {
            value: show::count(facts.machines_without_agent),
            label: "machines without an agent that checked in within three days",
            advice: "Roll the agent out to them, or see why it is silent. Machines that send by script count here too.",
            good: facts.machines_without_agent == 0,
        },
        Coverage {
            value: show::count(facts.crashes_without_machine),
            label: "crashes without a machine",
            advice: "Upload with ?machine=ID, so that the crash can be joined with the machine's drivers.",
            good: facts.crashes_without_machine == 0,
        },
    ]
}

fn dump_row(dump: &FailedDump) -> DumpRow {
    DumpRow {
        id: dump.id.to_string(),
        name: dump.file_name.clone().unwrap_or_else(|| dump.id.to_string()),
        format: dump.format.map_or("Unknown format", words::format),
        size: show::bytes(dump.size_bytes),
        machine: dump
            .machine
            .as_ref()
            .map(|name| (name.clone(), format!("/machines/{}", show::encode(name)))),
        attempts: dump.attempts,
        error: dump
            .error
            .clone()
            .unwrap_or_else(|| "no reason was recorded".to_owned()),
        received: When(dump.received_at),
    }
}

fn letter_row(letter: &DeadLetter) -> LetterRow {
    LetterRow {
        id: letter.id,
        what: format!("{} {}", letter.kind, letter.key),
        attempts: letter.attempts,
        error: letter
            .last_error
            .clone()
            .unwrap_or_else(|| "no reason was recorded".to_owned()),
        created: When(letter.created_at),
    }
}
