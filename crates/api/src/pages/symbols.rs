//! `/symbols`: which symbol files would help most, what was uploaded, and sending more.

use askama::Template;
use wire::symbols::{MissingSymbolFile, SymbolFile, SymbolState, UploadedSymbols};

use super::layout::{Layout, Section, Viewer};
use super::show::{self, When};

/// Refused members that are named.
const REFUSED_SHOWN: usize = 10;

/// What the page is made from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// The files that would help most.
    pub(crate) missing: Vec<MissingSymbolFile>,
    /// Where the ranking goes on.
    pub(crate) next_missing: Option<String>,
    /// Uploaded files, latest first.
    pub(crate) files: Vec<SymbolFile>,
    /// Where they go on.
    pub(crate) next_files: Option<String>,
    /// Only files in this state.
    pub(crate) state: Option<SymbolState>,
    /// Days of the ranking's window.
    pub(crate) window_days: u16,
    /// Whether files may be sent.
    pub(crate) may_send: bool,
    /// What became of an archive that was just sent.
    pub(crate) sent: Option<UploadedSymbols>,
}

/// The page.
#[derive(Template)]
#[template(path = "symbols.html")]
pub(crate) struct Page {
    layout: Layout,
    window_days: u16,
    may_send: bool,
    sent: Option<Sent>,
    missing: Vec<MissingRow>,
    next_missing: Option<String>,
    filters: Vec<Filter>,
    files: Vec<FileRow>,
    next_files: Option<String>,
    files_csv_href: String,
}

struct Sent {
    sentence: String,
    refused: Vec<(String, String)>,
    more_refused: usize,
}

struct MissingRow {
    name: String,
    key: String,
    kind: &'static str,
    crashes: String,
    machines: String,
    crashes_ever: String,
    stop_codes: Vec<(String, String)>,
    uploaded: Option<&'static str>,
}

struct Filter {
    label: &'static str,
    href: String,
    current: bool,
}

struct FileRow {
    name: String,
    id: String,
    sent_as: Option<String>,
    kind: &'static str,
    state: &'static str,
    tone: &'static str,
    reason: Option<String>,
    size: String,
    uploaded: When,
}

impl Page {
    /// Lays the facts out.
    pub(crate) fn new(facts: &Facts, viewer: Option<&Viewer>) -> Page {
        let base = match facts.state {
            Some(state) => format!("/symbols?state={}&", state.as_str()),
            None => "/symbols?".to_owned(),
        };
        let next = |name: &str, cursor: &Option<String>| {
            let cursor = cursor.as_ref()?;
            Some(format!("{base}{name}={}", show::encode(cursor)))
        };
        Page {
            layout: Layout::new("Symbols", Section::Symbols, viewer),
            window_days: facts.window_days,
            may_send: facts.may_send,
            sent: facts.sent.as_ref().map(sent),
            missing: facts.missing.iter().map(missing_row).collect(),
            next_missing: next("missing", &facts.next_missing),
            filters: filters(facts.state),
            files: facts.files.iter().map(file_row).collect(),
            next_files: next("files", &facts.next_files),
            files_csv_href: show::address(
                "/api/v1/symbols.csv",
                &[("state", facts.state.map(SymbolState::as_str).unwrap_or_default())],
            ),
        }
    }
}

fn sent(uploaded: &UploadedSymbols) -> Sent {
    let known = uploaded.files.iter().filter(|file| file.duplicate).count();
    let new = uploaded.files.len() - known;
    let count = |number: usize| show::counted(number as u64, "file");
    let refused = uploaded.refused.iter();
    let shown = refused
        .take(REFUSED_SHOWN)
        .map(|refused| (refused.path.clone(), refused.reason.clone()));
    Sent {
        sentence: format!(
            "{} taken, {} known already, {} not taken.",
            count(new),
            count(known),
            count(uploaded.refused.len())
        ),
        refused: shown.collect(),
        more_refused: uploaded.refused.len().saturating_sub(REFUSED_SHOWN),
    }
}

fn missing_row(missing: &MissingSymbolFile) -> MissingRow {
    let stop_codes = missing.stop_codes.iter().map(|helped| {
        let code = helped.code.to_string();
        let title = show::counted(helped.crashes, "crash");
        (code, title)
    });
    MissingRow {
        name: missing.name.clone(),
        key: missing.key.clone(),
        kind: missing.kind.as_str(),
        crashes: show::count(missing.crashes),
        machines: show::count(missing.machines),
        crashes_ever: show::count(missing.crashes_ever),
        stop_codes: stop_codes.collect(),
        uploaded: missing.uploaded.map(|state| match state {
            SymbolState::Queued => "uploaded, waits to be read",
            SymbolState::Failed => "uploaded, could not be read",
            SymbolState::Ready => "uploaded",
        }),
    }
}

fn filters(current: Option<SymbolState>) -> Vec<Filter> {
    let all = [
        ("All", None),
        ("Ready", Some(SymbolState::Ready)),
        ("Waiting", Some(SymbolState::Queued)),
        ("Failed", Some(SymbolState::Failed)),
    ];
    let filters = all.into_iter().map(|(label, state)| Filter {
        label,
        href: match state {
            Some(state) => format!("/symbols?state={}#files", state.as_str()),
            None => "/symbols#files".to_owned(),
        },
        current: state == current,
    });
    filters.collect()
}

fn file_row(file: &SymbolFile) -> FileRow {
    let (name, id) = file.key.split_once('/').unwrap_or((&file.key, ""));
    let id = id.split_once('/').map_or(id, |(id, _)| id);
    let (state, tone) = match file.state {
        SymbolState::Queued => ("waiting", "muted"),
        SymbolState::Ready => ("ready", ""),
        SymbolState::Failed => ("failed", "worse"),
    };
    FileRow {
        name: name.to_owned(),
        id: id.to_owned(),
        sent_as: (file.file_name != name).then(|| file.file_name.clone()),
        kind: file.kind.as_str(),
        state,
        tone,
        reason: file.reason.clone(),
        size: show::bytes(file.size_bytes),
        uploaded: When(file.uploaded_at),
    }
}
