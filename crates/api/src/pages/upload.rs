//! `/upload`: a form for dumps, and what became of those that were sent by it.
//!
//! The form works by itself. The script on top of it takes files that are dragged onto the page, sends them one by
//! one and shows how far each is; both ways end on this page with the ids of the dumps in its address, so that the
//! outcome can be looked at again.

use askama::Template;
use uuid::Uuid;

use super::layout::{Layout, Section, Viewer};
use super::show;

/// Dumps whose outcome is shown at once.
pub(crate) const MOST_SHOWN: usize = 200;

/// What the page is made from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// Largest upload.
    pub(crate) limit_bytes: u64,
    /// Whether the viewer may send dumps.
    pub(crate) may_send: bool,
    /// The machine that was named last.
    pub(crate) machine: String,
    /// Why nothing could be taken of what was just sent.
    pub(crate) problem: Option<String>,
    /// What was taken.
    pub(crate) sent: Vec<Sent>,
    /// How many more there are than are shown.
    pub(crate) more: usize,
    /// What was not taken: the file's name and the reason.
    pub(crate) refused: Vec<(Option<String>, String)>,
}

/// One dump that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) id: Uuid,
    pub(crate) file_name: Option<String>,
    pub(crate) size_bytes: u64,
    pub(crate) machine: Option<String>,
    /// Whether the server had these bytes before; `None` when that is no longer known.
    pub(crate) duplicate: Option<bool>,
    pub(crate) stands: Stands,
}

/// What became of a dump.
#[derive(Debug, Clone)]
pub(crate) enum Stands {
    /// It waits for a worker.
    Waiting,
    /// A worker has it.
    Reading,
    /// It became this crash.
    Crash {
        id: Uuid,
        stop_code: Option<String>,
        signature: String,
    },
    /// It was read, and its crash is gone since.
    Gone,
    /// It could not be read.
    Failed(String),
}

/// The page.
#[derive(Template)]
#[template(path = "upload.html")]
pub(crate) struct Page {
    layout: Layout,
    limit: String,
    may_send: bool,
    machine: String,
    problem: Option<String>,
    summary: Option<String>,
    rows: Vec<Row>,
    more: usize,
    refused: Vec<Refused>,
    /// Where the same dumps are shown anew, while some are not read yet.
    again: Option<String>,
}

struct Row {
    name: String,
    size: String,
    machine: Option<(String, String)>,
    known: Option<&'static str>,
    state: &'static str,
    tone: &'static str,
    crash: Option<CrashLink>,
    error: Option<String>,
}

struct CrashLink {
    href: String,
    stop_code: Option<String>,
    signature: String,
}

struct Refused {
    name: String,
    reason: String,
}

impl Page {
    /// Lays the facts out.
    pub(crate) fn new(facts: &Facts, viewer: Option<&Viewer>) -> Page {
        let dumps = facts.sent.iter().map(|sent| (sent.id, sent.duplicate));
        let unread = facts.sent.iter().any(Sent::is_unread);
        let any = !facts.sent.is_empty() || !facts.refused.is_empty();
        Page {
            layout: Layout::new("Upload dumps", Section::Upload, viewer),
            limit: show::bytes(facts.limit_bytes),
            may_send: facts.may_send,
            machine: facts.machine.clone(),
            problem: facts.problem.clone(),
            summary: any.then(|| summary(facts)),
            rows: facts.sent.iter().map(row).collect(),
            more: facts.more,
            refused: facts.refused.iter().map(refused).collect(),
            again: unread.then(|| address(dumps)),
        }
    }
}

impl Sent {
    fn is_unread(&self) -> bool {
        matches!(self.stands, Stands::Waiting | Stands::Reading)
    }
}

/// The address that shows the outcome of these dumps: their ids, and whether they were known before.
pub(crate) fn address(dumps: impl Iterator<Item = (Uuid, Option<bool>)>) -> String {
    let (mut ids, mut known) = (Vec::new(), Vec::new());
    for (id, duplicate) in dumps.take(MOST_SHOWN) {
        ids.push(id.to_string());
        if duplicate == Some(true) {
            known.push(id.to_string());
        }
    }
    format!("/upload?dumps={}&known={}", ids.join(","), known.join(","))
}

/// The ids of such an address; what is none is passed over.
pub(crate) fn ids(text: &str) -> Vec<Uuid> {
    let ids = text.split(',').filter_map(|id| id.trim().parse().ok());
    ids.take(MOST_SHOWN).collect()
}

/// `2 dumps taken, 1 of them known already, 1 file not taken.`
fn summary(facts: &Facts) -> String {
    let taken = facts.sent.len().saturating_add(facts.more) as u64;
    let known = facts
        .sent
        .iter()
        .filter(|sent| sent.duplicate == Some(true))
        .count() as u64;
    let refused = facts.refused.len() as u64;
    let mut text = format!("{} taken", show::counted(taken, "dump"));
    if known > 0 {
        text = format!("{text}, {} of them known already", show::count(known));
    }
    if refused > 0 {
        text = format!("{text}, {} not taken", show::counted(refused, "file"));
    }
    text + "."
}

fn row(sent: &Sent) -> Row {
    let (state, tone) = match &sent.stands {
        Stands::Waiting => ("waiting", "muted"),
        Stands::Reading => ("being read", "muted"),
        Stands::Crash { .. } => ("read", "better"),
        Stands::Gone => ("read; its crash has been removed since", "muted"),
        Stands::Failed(_) => ("could not be read", "worse"),
    };
    let crash = match &sent.stands {
        Stands::Crash {
            id,
            stop_code,
            signature,
        } => Some(CrashLink {
            href: format!("/crashes/{id}"),
            stop_code: stop_code.clone(),
            signature: signature.clone(),
        }),
        _ => None,
    };
    let machine = sent.machine.as_ref();
    Row {
        name: sent.file_name.clone().unwrap_or_else(|| sent.id.to_string()),
        size: show::bytes(sent.size_bytes),
        machine: machine.map(|name| (format!("/machines/{}", show::encode(name)), name.clone())),
        known: sent
            .duplicate
            .map(|known| if known { "known already" } else { "new" }),
        state,
        tone,
        crash,
        error: match &sent.stands {
            Stands::Failed(reason) => Some(reason.clone()),
            _ => None,
        },
    }
}

fn refused((name, reason): &(Option<String>, String)) -> Refused {
    Refused {
        name: name.clone().unwrap_or_else(|| "a file without a name".to_owned()),
        reason: reason.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_SHOWN, address, ids};
    use uuid::Uuid;

    #[test]
    fn an_address_holds_its_dumps_and_rubbish_is_passed_over() {
        let dumps = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let address = address([(dumps[0], Some(false)), (dumps[1], Some(true))].into_iter());
        let (taken, known) = address.split_once("&known=").unwrap();
        assert_eq!(ids(taken.split_once("dumps=").unwrap().1), dumps);
        assert_eq!(ids(known), [dumps[1]]);
        assert_eq!(ids("x,,<script>, ,1"), Vec::<Uuid>::new());
        let many = vec![Uuid::nil().to_string(); MOST_SHOWN + 5].join(",");
        assert_eq!(ids(&many).len(), MOST_SHOWN);
    }
}
