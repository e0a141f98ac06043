//! The figures of symbol files at `/metrics`, and what is logged of those that cannot be used.

use analysis::symbols::Wanted;

/// Where a file was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Among the uploads.
    Upload,
    /// In a local tree.
    Tree,
    /// At a server.
    Server,
}

impl Origin {
    fn as_str(self) -> &'static str {
        match self {
            Origin::Upload => "upload",
            Origin::Tree => "tree",
            Origin::Server => "server",
        }
    }
}

/// A file was found there and compiled.
pub(super) fn found(origin: Origin) {
    count(origin, "found");
}

/// There was none.
pub(super) fn absent(origin: Origin) {
    count(origin, "absent");
}

/// There was one, or an answer, that cannot be used.
pub(super) fn unusable(origin: Origin, wanted: &Wanted, error: &(dyn std::error::Error + 'static)) {
    count(origin, "unusable");
    tracing::warn!(
        symbols.origin = origin.as_str(),
        symbols.key = %wanted.key,
        error,
        "a symbol file cannot be used"
    );
}

fn count(origin: Origin, outcome: &'static str) {
    metrics::counter!("stopcode_symbol_lookups_total", "from" => origin.as_str(), "outcome" => outcome)
        .increment(1);
}
