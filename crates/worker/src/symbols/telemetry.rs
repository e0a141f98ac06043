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
    const ALL: [Origin; 3] = [Origin::Upload, Origin::Tree, Origin::Server];

    fn as_str(self) -> &'static str {
        match self {
            Origin::Upload => "upload",
            Origin::Tree => "tree",
            Origin::Server => "server",
        }
    }
}

/// What a look-up can come to.
const OUTCOMES: [&str; 3] = ["found", "absent", "unusable"];

/// Says what the figures are; counters start at 0.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(
        "stopcode_symbol_lookups_total",
        "Look-ups of symbol files that were not in the cache, by place and outcome."
    );
    for origin in Origin::ALL {
        for outcome in OUTCOMES {
            lookups_total(origin, outcome).increment(0);
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
    lookups_total(origin, outcome).increment(1);
}

fn lookups_total(origin: Origin, outcome: &'static str) -> metrics::Counter {
    metrics::counter!("stopcode_symbol_lookups_total", "from" => origin.as_str(), "outcome" => outcome)
}
