//! What several dumps say together.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use time::OffsetDateTime;
use wire::report::{CrashKind, Report};

use super::layout::{clean, count, entry};
use crate::output::Emphasis;

/// Rows of each table.
const ROWS: usize = 12;

/// Counts over the dumps seen so far.
#[derive(Debug, Default)]
pub(super) struct Summary {
    dumps: usize,
    refused: Vec<String>,
    stop_codes: BTreeMap<String, usize>,
    drivers: BTreeMap<String, usize>,
    processes: BTreeMap<String, usize>,
    span: Option<(OffsetDateTime, OffsetDateTime)>,
}

impl Summary {
    /// Counts one report.
    pub(super) fn add(&mut self, report: &Report) {
        self.dumps += 1;
        let what = match (&report.stop_code, &report.exception) {
            (Some(code), _) => format!("{} {}", code.code, code.name),
            (None, Some(exception)) => format!("{} {}", exception.code, exception.name),
            (None, None) => "no exception".to_owned(),
        };
        let driver = match &report.probable_driver {
            Some(driver) => driver.name.clone(),
            None if report.kind == CrashKind::User => "(a program crashed, no driver)".to_owned(),
            None => "(none could be named)".to_owned(),
        };
        let process = report.process.clone().unwrap_or_else(|| "(unknown)".to_owned());
        for (table, key) in [
            (&mut self.stop_codes, what),
            (&mut self.drivers, driver),
            (&mut self.processes, process),
        ] {
            *table.entry(clean(&key)).or_default() += 1;
        }
        if let Some(at) = report.crashed_at {
            let (first, last) = self.span.unwrap_or((at, at));
            self.span = Some((first.min(at), last.max(at)));
        }
    }

    /// Counts a file that could not be read.
    pub(super) fn refuse(&mut self, sentence: String) {
        self.refused.push(sentence);
    }

    /// Whether everything could be read.
    pub(super) fn is_complete(&self) -> bool {
        self.refused.is_empty()
    }

    /// The summary for people.
    pub(super) fn render(&self, emphasis: Emphasis) -> String {
        let when = match self.span {
            None => String::new(),
            Some((first, last)) if first.date() == last.date() => format!(" of {}", first.date()),
            Some((first, last)) => format!(", {} to {}", first.date(), last.date()),
        };
        let title = format!("== Summary of {}{when} ==", count(self.dumps, "dump"));
        let mut out = format!("{}\n", emphasis.bold(&title));
        table(&mut out, "Stop codes", &self.stop_codes);
        table(&mut out, "Drivers", &self.drivers);
        table(&mut out, "Processes", &self.processes);
        for (number, sentence) in self.refused.iter().enumerate() {
            let label = if number == 0 { "Not read" } else { "" };
            out.push_str(&entry(label, sentence));
        }
        if self.dumps == 0 && self.refused.is_empty() {
            out.push_str("There is no crash dump here. If Windows crashed and C:\\Windows\\Minidump is empty, turn on small\n");
            out.push_str("memory dumps: System, Advanced system settings, Startup and Recovery, \"Small memory dump\".\n");
        }
        out
    }
}

/// The rows of one table, most first.
fn table(out: &mut String, label: &str, rows: &BTreeMap<String, usize>) {
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_by_key(|(name, number)| (Reverse(**number), (*name).clone()));
    for (index, (name, number)) in rows.iter().take(ROWS).enumerate() {
        let label = if index == 0 { label } else { "" };
        out.push_str(&entry(label, &format!("{number:>4} x {name}")));
    }
    if rows.len() > ROWS {
        out.push_str(&entry("", &format!("and {} more", rows.len() - ROWS)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(code: &str, driver: Option<&str>) -> Report {
        serde_json::from_value(serde_json::json!({
            "kind": "kernel", "crashed_at": "2021-02-21T01:38:22Z", "signature": "s",
            "stop_code": {"code": code, "raw_code": code, "name": "NAME", "class": "driver", "parameters": []},
            "probable_driver": driver.map(|name| serde_json::json!({
                "name": name, "version": null, "confidence": "high"})),
        }))
        .unwrap()
    }

    #[test]
    fn the_most_frequent_stop_code_and_driver_come_first() {
        let mut summary = Summary::default();
        summary.add(&report("0x76", None));
        summary.add(&report("0xd1", Some("x.sys")));
        summary.add(&report("0xd1", Some("x.sys")));
        let text = summary.render(Emphasis::None);
        assert!(text.contains("Summary of 3 dumps of 2021-02-21"), "{text}");
        assert!(
            text.find("2 x 0xd1").unwrap() < text.find("1 x 0x76").unwrap(),
            "{text}"
        );
        assert!(
            text.contains("2 x x.sys") && text.contains("1 x (none could be named)"),
            "{text}"
        );
    }

    #[test]
    fn an_empty_folder_says_how_to_turn_dumps_on() {
        let text = Summary::default().render(Emphasis::None);
        assert!(text.contains("Small memory dump"), "{text}");
    }
}
