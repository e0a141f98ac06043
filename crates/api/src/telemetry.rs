//! The server's own figures, by their names at `/metrics`: requests and uploads.
//!
//! Labels are our own words only: neither a path that no route has nor a file name may make a time series. Counters
//! start at 0 with every label they can have, so that a rate sees the first increment. What is counted in the database is
//! in [`figures`](crate::figures).

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use store::symbols::SymbolKind;
use wire::dump::DumpFormat;

use crate::figures;

const FORMATS: [DumpFormat; 5] = [
    DumpFormat::KernelTriage,
    DumpFormat::KernelBitmap,
    DumpFormat::KernelFull,
    DumpFormat::KernelLive,
    DumpFormat::UserMinidump,
];

/// Says what the server's figures are, to the recorder that is installed; before the first request.
pub fn describe_metrics() {
    metrics::describe_gauge!("stopcode_build_info", "Always 1; the label tells the version.");
    metrics::describe_counter!(
        "stopcode_http_requests_total",
        "Requests answered, by method, route and class of status."
    );
    metrics::describe_histogram!(
        "stopcode_http_request_duration_seconds",
        "How long a request took until its answer began."
    );
    metrics::describe_counter!(
        "stopcode_upload_dumps_total",
        "Dumps taken, by format, and whether they were known before."
    );
    metrics::describe_counter!(
        "stopcode_upload_dump_bytes_total",
        "Inflated size of the dumps taken."
    );
    metrics::describe_counter!(
        "stopcode_upload_refused_dumps_total",
        "Files in uploads of several that are no dump."
    );
    metrics::describe_counter!(
        "stopcode_upload_symbols_total",
        "Symbol files taken, by kind, and whether they were known before."
    );
    metrics::describe_counter!(
        "stopcode_upload_refused_symbols_total",
        "Files in archives of symbol files that are none."
    );
    metrics::describe_gauge!(
        "stopcode_upload_budget_free_bytes",
        "What uploads may still take of the memory they share."
    );
    start_at_zero();
    figures::describe_metrics();
}

fn start_at_zero() {
    for format in FORMATS {
        for outcome in ["new", "known"] {
            upload_dumps_total(format, outcome).increment(0);
        }
        upload_dump_bytes_total(format).increment(0);
    }
    for kind in [SymbolKind::Image, SymbolKind::Debug] {
        for outcome in ["new", "replaced", "known"] {
            upload_symbols_total(kind, outcome).increment(0);
        }
    }
    refused_dumps(0);
    refused_symbols(0);
}

/// The figures as Prometheus reads them, with those that are true at this moment only.
pub fn render_metrics(recorder: &PrometheusHandle) -> String {
    metrics::gauge!("stopcode_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    recorder.render()
}

/// Counts a request that was answered, and notes how long it took.
pub(crate) fn answered(method: &'static str, path: String, status: &'static str, elapsed: Duration) {
    metrics::counter!("stopcode_http_requests_total",
        "method" => method, "path" => path.clone(), "status" => status)
    .increment(1);
    metrics::histogram!("stopcode_http_request_duration_seconds", "method" => method, "path" => path)
        .record(elapsed.as_secs_f64());
}

/// Counts a dump that was taken; `outcome` is `new` or `known`.
pub(crate) fn took_dump(format: DumpFormat, outcome: &'static str, size_bytes: u64) {
    upload_dumps_total(format, outcome).increment(1);
    upload_dump_bytes_total(format).increment(size_bytes);
}

/// Counts a symbol file that was taken; `outcome` is `new`, `replaced` or `known`.
pub(crate) fn took_symbol_file(kind: SymbolKind, outcome: &'static str) {
    upload_symbols_total(kind, outcome).increment(1);
}

/// Counts files that are no dumps.
pub(crate) fn refused_dumps(files: u64) {
    metrics::counter!("stopcode_upload_refused_dumps_total").increment(files);
}

/// Counts files that are no symbol files.
pub(crate) fn refused_symbols(files: u64) {
    metrics::counter!("stopcode_upload_refused_symbols_total").increment(files);
}

/// Tells how much memory is left for uploads.
pub(crate) fn upload_budget(free_bytes: u64) {
    #[expect(clippy::cast_precision_loss, reason = "memory does not reach 2⁵³ bytes")]
    metrics::gauge!("stopcode_upload_budget_free_bytes").set(free_bytes as f64);
}

fn upload_dumps_total(format: DumpFormat, outcome: &'static str) -> metrics::Counter {
    metrics::counter!("stopcode_upload_dumps_total", "format" => format.as_str(), "outcome" => outcome)
}

fn upload_dump_bytes_total(format: DumpFormat) -> metrics::Counter {
    metrics::counter!("stopcode_upload_dump_bytes_total", "format" => format.as_str())
}

fn upload_symbols_total(kind: SymbolKind, outcome: &'static str) -> metrics::Counter {
    metrics::counter!("stopcode_upload_symbols_total", "kind" => kind.as_str(), "outcome" => outcome)
}
