//! Bug checks without a dump, out of Windows' System event log, each told once.
//!
//! One stop leaves up to three traces: a dump, event 1001 once Windows is up again (stop code, parameters, where the
//! dump is) and event 41 (stop code and parameters, or zero after a power cut). A trace is not told when a dump of
//! the same stop was sent, waits while one is on its way, and events 1001 and 41 of one start count once.

mod log;
mod record;

use std::path::Path;

use time::{Duration, OffsetDateTime};
use wire::StopCodeNumber;
use wire::inventory::Event;

use crate::machine::Machine;
use crate::state::{Crash, DumpRecord, Standing, State};

/// How long after a crash its events may come: the machine may stay off over a holiday.
const EVENT_AFTER_CRASH: Duration = Duration::days(30);

/// Events of one start lie within this time.
const SAME_START: Duration = Duration::minutes(30);

/// How long an event waits for its dump to be sent.
const WAIT_FOR_DUMP: Duration = Duration::days(3);

/// The most events of one report; the server takes 500.
const AT_ONCE_MOST: usize = 250;

/// The most events that are remembered as told.
const TOLD_MOST: usize = 256;

/// Where the log is.
const LOG: &str = r"%SystemRoot%\System32\winevt\Logs\System.evtx";

/// Reads what is new in the log into the state. Trouble with the log is logged and is never more than that.
pub(crate) fn read(machine: &dyn Machine, state: &mut State) {
    let path = machine.file(LOG);
    let Ok(metadata) = std::fs::metadata(&path) else {
        return;
    };
    let stamp = (metadata.len(), crate::dumps::folders::modified(&metadata));
    if state.events.log == Some(stamp) {
        return;
    }
    if let Err(error) = read_log(&path, state) {
        tracing::warn!(path = %path.display(), %error, "the event log cannot be read");
    }
    state.events.log = Some(stamp);
}

fn read_log(path: &Path, state: &mut State) -> Result<(), evtx::err::EvtxError> {
    let after = state.events.record;
    let read = log::read(path, after)?;
    state.events.record = read.last_record;
    for event in read.events {
        let is_known = state
            .events
            .pending
            .iter()
            .chain(&state.events.told)
            .any(|known| is_same(known, &event));
        if !is_known {
            state.events.pending.push(event);
        }
    }
    Ok(())
}

/// The events to tell now. Those with a dump that was sent are dropped from the state, those whose dump is on its way
/// stay in it.
pub(crate) fn to_tell(state: &mut State, now: OffsetDateTime) -> Vec<Event> {
    let mut tell = Vec::new();
    let mut wait = Vec::new();
    for event in std::mem::take(&mut state.events.pending) {
        match dump_of(&event, state.dumps.values()) {
            Some(Standing::Sent) => remember(state, event),
            Some(Standing::Pending | Standing::Unsure) if (now - event.at).abs() < WAIT_FOR_DUMP => {
                wait.push(event);
            }
            _ => tell.push(event),
        }
    }
    wait.extend(tell.iter().cloned());
    state.events.pending = wait;
    tell.truncate(AT_ONCE_MOST);
    tell
}

/// Moves events that the server has from those that wait to those that are told.
pub(crate) fn told(state: &mut State, events: Vec<Event>) {
    state.events.pending.retain(|waiting| !events.contains(waiting));
    for event in events {
        remember(state, event);
    }
}

fn remember(state: &mut State, event: Event) {
    state.events.told.push_back(event);
    while state.events.told.len() > TOLD_MOST {
        state.events.told.pop_front();
    }
}

/// Where the dump of an event stands, if there is one; one that was sent wins.
fn dump_of<'a>(event: &Event, dumps: impl Iterator<Item = &'a DumpRecord>) -> Option<Standing> {
    let standings = dumps
        .filter(|dump| is_of(event, dump))
        .map(|dump| dump.standing.clone());
    standings.reduce(|one, other| if one == Standing::Sent { one } else { other })
}

fn is_of(event: &Event, dump: &DumpRecord) -> bool {
    let name = |path: &str| {
        path.rsplit(['\\', '/'])
            .next()
            .unwrap_or(path)
            .to_ascii_lowercase()
    };
    let is_named = event.dump_path.as_deref().is_some_and(|path| {
        let path = name(path);
        // Every full dump has the same name, so that name tells nothing.
        path != "memory.dmp" && path == name(&dump.path)
    });
    is_named || dump.crash.as_ref().is_some_and(|crash| is_crash(event, crash))
}

fn is_crash(event: &Event, crash: &Crash) -> bool {
    let is_code = event.stop_code == StopCodeNumber::from_raw(crash.raw_code);
    let is_parameters = event
        .parameters
        .iter()
        .zip(crash.parameters)
        .all(|(one, other)| one.0 == other);
    let is_time = crash.at.is_some_and(|at| {
        let after = event.at - OffsetDateTime::from_unix_timestamp(at).unwrap_or(event.at);
        (-SAME_START..EVENT_AFTER_CRASH).contains(&after)
    });
    is_code && is_parameters && is_time
}

/// Whether two events tell of one stop: the same one twice, or 1001 and 41 of one start.
fn is_same(one: &Event, other: &Event) -> bool {
    let is_near = (one.at - other.at).abs() < SAME_START;
    let is_other_kind = one.source != other.source || one.at == other.at;
    is_near && is_other_kind && one.stop_code == other.stop_code && one.parameters == other.parameters
}

#[cfg(test)]
mod tests;
