//! Reads an `.evtx` file from a record on, chunk by chunk: 64 KiB in memory, whatever the log's size.

use std::path::Path;
use std::sync::Arc;

use evtx::err::EvtxError;
use evtx::{EvtxParser, ParserSettings};
use wire::inventory::Event;

use super::record;

/// The most bug checks that are taken from one reading; the newest win.
const EVENTS_MOST: usize = 256;

/// What one reading gave.
#[derive(Debug)]
pub(super) struct Read {
    /// Bug checks, oldest first.
    pub(super) events: Vec<Event>,
    /// The last record of the log.
    pub(super) last_record: u64,
}

/// The bug checks after a record.
///
/// A log whose last record is before `after` was cleared, and begins at 1 again: then all of it is read. Damaged
/// chunks and records are left out.
///
/// # Errors
///
/// When the file cannot be read or is no event log.
pub(super) fn read(path: &Path, after: u64) -> Result<Read, EvtxError> {
    let first = read_after(path, after)?;
    if first.last_record < after {
        return read_after(path, 0);
    }
    Ok(first)
}

fn read_after(path: &Path, after: u64) -> Result<Read, EvtxError> {
    let settings = Arc::new(
        ParserSettings::new()
            .num_threads(1)
            .separate_json_attributes(false),
    );
    let mut parser = EvtxParser::from_path(path)?;
    let mut events = Vec::new();
    let mut last_record = 0;
    for chunk in parser.chunks() {
        let Ok(mut chunk) = chunk else {
            continue;
        };
        // The head of the chunk that is being written may be older than its records, so that one is always read.
        let head = chunk.header.last_event_record_id;
        last_record = last_record.max(head);
        if head < after {
            continue;
        }
        let Ok(mut chunk) = chunk.parse(Arc::clone(&settings)) else {
            continue;
        };
        for record in chunk.iter().filter_map(Result::ok) {
            last_record = last_record.max(record.event_record_id);
            if record.event_record_id > after
                && let Ok(record) = record.into_json_value()
                && let Some(event) = record::bug_check(&record.data)
            {
                events.push(event);
            }
        }
    }
    let surplus = events.len().saturating_sub(EVENTS_MOST);
    Ok(Read {
        events: events.split_off(surplus),
        last_record,
    })
}
