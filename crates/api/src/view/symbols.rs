//! Symbol files as the API shows them.

use store::signatures;
use store::symbols::{self, FileState, Ranked};
use wire::StopCodeNumber;
use wire::symbols::{HelpedStopCode, MissingSymbolFile, SignatureRules, SymbolFile, SymbolKind, SymbolState};

use crate::list::{Cell, Table, time};

/// What a file is.
pub(crate) fn kind(kind: symbols::SymbolKind) -> SymbolKind {
    match kind {
        symbols::SymbolKind::Image => SymbolKind::Image,
        symbols::SymbolKind::Debug => SymbolKind::Debug,
    }
}

fn state(state: FileState) -> SymbolState {
    match state {
        FileState::Queued => SymbolState::Queued,
        FileState::Ready => SymbolState::Ready,
        FileState::Failed => SymbolState::Failed,
    }
}

/// An uploaded file.
pub(crate) fn file(file: symbols::SymbolFile) -> SymbolFile {
    SymbolFile {
        id: file.id.0,
        kind: kind(file.kind),
        key: file.key.path(),
        file_name: file.file_name,
        sha256: file.sha256.to_string(),
        size_bytes: file.size_bytes,
        state: state(file.state),
        reason: file.reason,
        debug_key: file.debug_key,
        uploaded_at: file.uploaded_at,
    }
}

/// A missing file in the ranking.
pub(crate) fn missing(ranked: Ranked) -> MissingSymbolFile {
    let stop_codes = ranked.stop_codes.into_iter().map(|helped| HelpedStopCode {
        code: StopCodeNumber::from_raw(helped.code),
        crashes: helped.crashes,
    });
    MissingSymbolFile {
        name: ranked.name,
        key: ranked.path,
        kind: kind(ranked.kind),
        crashes: ranked.crashes,
        machines: ranked.machines,
        crashes_ever: ranked.crashes_ever,
        machines_ever: ranked.machines_ever,
        stop_codes: stop_codes.collect(),
        uploaded: ranked.uploaded.map(state),
    }
}

/// The rules in force.
pub(crate) fn rules(rules: Option<signatures::SignatureRules>) -> SignatureRules {
    match rules {
        Some(rules) => SignatureRules {
            version: rules.version.unsigned_abs(),
            rules: Some(rules.rules),
            changed_at: Some(rules.changed_at),
        },
        None => SignatureRules {
            version: 0,
            rules: None,
            changed_at: None,
        },
    }
}

impl Table for SymbolFile {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "kind",
        "key",
        "file_name",
        "sha256",
        "size_bytes",
        "state",
        "reason",
        "debug_key",
        "uploaded_at",
    ];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::plain(self.id),
            Cell::plain(self.kind.as_str()),
            Cell::text(&self.key),
            Cell::text(&self.file_name),
            Cell::plain(&self.sha256),
            Cell::plain(self.size_bytes),
            Cell::plain(self.state.as_str()),
            Cell::maybe_text(self.reason.as_deref()),
            Cell::maybe_text(self.debug_key.as_deref()),
            time(self.uploaded_at),
        ]
    }
}

impl Table for MissingSymbolFile {
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "key",
        "kind",
        "crashes",
        "machines",
        "crashes_ever",
        "machines_ever",
        "stop_codes",
        "uploaded",
    ];

    fn cells(&self) -> Vec<Cell> {
        let stop_codes: Vec<String> = self
            .stop_codes
            .iter()
            .map(|helped| format!("{} {}", helped.code, helped.crashes))
            .collect();
        vec![
            Cell::text(&self.name),
            Cell::text(&self.key),
            Cell::plain(self.kind.as_str()),
            Cell::plain(self.crashes),
            Cell::plain(self.machines),
            Cell::plain(self.crashes_ever),
            Cell::plain(self.machines_ever),
            Cell::plain(stop_codes.join("; ")),
            Cell::maybe(self.uploaded.map(SymbolState::as_str)),
        ]
    }
}
