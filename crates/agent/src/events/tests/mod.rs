//! Logs that the tests write, read by the library that reads Windows' own.

#![expect(
    clippy::cast_possible_truncation,
    reason = "the sizes of a test's few records"
)]

mod evtx_file;

use std::fs;

use time::OffsetDateTime;
use time::macros::datetime;

use self::evtx_file::{Data, Form, Logged, write};
use super::{read, to_tell, told};
use crate::machine::TreeMachine;
use crate::state::{Crash, DumpRecord, Standing, State};

const STOPPED: OffsetDateTime = datetime!(2026-11-22 09:58 UTC);
const STARTED: OffsetDateTime = datetime!(2026-11-22 10:00 UTC);

struct Machine {
    folder: tempfile::TempDir,
    tree: TreeMachine,
}

impl Machine {
    fn with(events: &[Logged]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("Windows/System32/winevt/Logs")).unwrap();
        let machine = Self {
            tree: TreeMachine::open(folder.path()).unwrap(),
            folder,
        };
        machine.log(events, Form::Template);
        machine
    }

    fn log(&self, events: &[Logged], form: Form) {
        let path = self
            .folder
            .path()
            .join("Windows/System32/winevt/Logs/System.evtx");
        fs::write(path, write(events, form, 3)).unwrap();
    }

    fn read(&self, state: &mut State) -> usize {
        state.events.log = None; // as if the file's time had changed: the tests are faster than that
        read(&self.tree, state);
        state.events.pending.len()
    }
}

fn noise(record: u64) -> Logged {
    Logged {
        record,
        id: 7036,
        provider: "Service Control Manager",
        at: STARTED,
        data: vec![("param1", Data::Text("Print Spooler".to_owned()))],
    }
}

fn reported(record: u64, code: u32, at: OffsetDateTime) -> Logged {
    let parameters = "0x0000000000000000, 0xffffc48f0d1e0080, 0x0000000000000026, 0x0000000000000000";
    let path = r"C:\Windows\Minidump\112226-8765-01.dmp";
    Logged {
        record,
        id: 1001,
        provider: "Microsoft-Windows-WER-SystemErrorReporting",
        at,
        data: vec![
            ("param1", Data::Text(format!("{code:#010x} ({parameters})"))),
            ("param2", Data::Text(path.to_owned())),
        ],
    }
}

fn unclean(record: u64, code: u32, at: OffsetDateTime) -> Logged {
    Logged {
        record,
        id: 41,
        provider: "Microsoft-Windows-Kernel-Power",
        at,
        data: vec![
            ("BugcheckCode", Data::Number(code)),
            ("BugcheckParameter1", Data::Address(0)),
            ("BugcheckParameter2", Data::Address(0xffff_c48f_0d1e_0080)),
            ("BugcheckParameter3", Data::Address(0x26)),
            ("BugcheckParameter4", Data::Address(0)),
        ],
    }
}

fn dump(path: &str, standing: Standing) -> DumpRecord {
    DumpRecord {
        path: path.to_owned(),
        size_bytes: 1,
        modified: 0,
        kind: "triage".to_owned(),
        crash: Some(Crash {
            raw_code: 0x76,
            parameters: [0, 0xffff_c48f_0d1e_0080, 0x26, 0],
            at: Some(STOPPED.unix_timestamp()),
        }),
        standing,
        failures: 0,
        not_before: None,
    }
}

#[test]
fn both_traces_of_one_stop_are_told_once() {
    let machine = Machine::with(&[
        noise(1),
        unclean(2, 0x76, STARTED),
        noise(3),
        reported(4, 0x76, STARTED + time::Duration::seconds(40)),
        noise(5),
    ]);
    let mut state = State::default();
    assert_eq!(machine.read(&mut state), 1);
    assert_eq!(state.events.record, 5);
    let events = to_tell(&mut state, STARTED);
    assert_eq!(
        (events[0].stop_code.get(), events[0].parameters[2].0),
        (0x76, 0x26)
    );
    told(&mut state, events);
    assert_eq!(machine.read(&mut state), 0, "what was read is not read again");
}

#[test]
fn two_stops_with_one_code_are_told_twice() {
    let later = STARTED + time::Duration::hours(2);
    let machine = Machine::with(&[unclean(1, 0x76, STARTED), unclean(2, 0x76, later)]);
    assert_eq!(machine.read(&mut State::default()), 2);
}

#[test]
fn a_power_cut_is_no_bug_check() {
    let machine = Machine::with(&[unclean(1, 0, STARTED)]);
    assert_eq!(machine.read(&mut State::default()), 0);
}

#[test]
fn an_event_whose_dump_was_sent_is_not_told() {
    let machine = Machine::with(&[reported(1, 0x76, STARTED)]);
    for path in ["/x/112226-8765-01.dmp", "/x/other.dmp"] {
        let mut state = State::default();
        state.dumps.insert("a".to_owned(), dump(path, Standing::Sent));
        machine.read(&mut state);
        assert!(to_tell(&mut state, STARTED).is_empty(), "{path}");
        assert!(state.events.pending.is_empty());
    }
}

#[test]
fn an_event_waits_for_its_dump_but_not_for_ever() {
    let machine = Machine::with(&[reported(1, 0x76, STARTED)]);
    let mut state = State::default();
    state
        .dumps
        .insert("a".to_owned(), dump("/x/112226-8765-01.dmp", Standing::Pending));
    machine.read(&mut state);
    assert!(to_tell(&mut state, STARTED).is_empty());
    assert_eq!(state.events.pending.len(), 1);
    assert_eq!(to_tell(&mut state, STARTED + time::Duration::days(4)).len(), 1);
}

#[test]
fn an_event_whose_dump_was_refused_is_told() {
    let machine = Machine::with(&[reported(1, 0x76, STARTED)]);
    let mut state = State::default();
    state.dumps.insert(
        "a".to_owned(),
        dump("/x/112226-8765-01.dmp", Standing::Refused("zeroes".to_owned())),
    );
    machine.read(&mut state);
    assert_eq!(to_tell(&mut state, STARTED).len(), 1);
}

#[test]
fn a_log_that_was_cleared_is_read_from_its_start_and_tells_nothing_twice() {
    let machine = Machine::with(&[noise(99), reported(100, 0x76, STARTED)]);
    let mut state = State::default();
    machine.read(&mut state);
    let events = to_tell(&mut state, STARTED);
    told(&mut state, events);
    let later = STARTED + time::Duration::days(1);
    machine.log(
        &[reported(1, 0x76, STARTED), reported(2, 0xD1, later)],
        Form::Template,
    );
    assert_eq!(machine.read(&mut state), 1);
    assert_eq!(state.events.pending[0].stop_code.get(), 0xD1);
}

#[test]
fn a_log_is_read_on_over_chunks() {
    let mut events: Vec<_> = (1..=10).map(noise).collect();
    events.push(reported(11, 0x76, STARTED));
    let machine = Machine::with(&events);
    let mut state = State::default();
    assert_eq!(machine.read(&mut state), 1);
    events.push(reported(12, 0xD1, STARTED));
    machine.log(&events, Form::Template);
    assert_eq!(machine.read(&mut state), 2);
}

#[test]
fn a_damaged_log_is_trouble_and_never_more() {
    let machine = Machine::with(&[reported(1, 0x76, STARTED)]);
    let path = machine
        .folder
        .path()
        .join("Windows/System32/winevt/Logs/System.evtx");
    let whole = fs::read(&path).unwrap();
    for at in (0..0x1600).step_by(13) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xFF;
        damaged.truncate(if at % 2 == 0 { whole.len() } else { at });
        fs::write(&path, damaged).unwrap();
        machine.read(&mut State::default());
    }
}

#[test]
fn records_with_and_without_a_template_are_read_alike() {
    let later = STARTED + time::Duration::hours(2);
    let events = [reported(1, 0x76, STARTED), unclean(2, 0xD1, later)];
    let machine = Machine::with(&events);
    let (mut templates, mut plain) = (State::default(), State::default());
    machine.read(&mut templates);
    machine.log(&events, Form::Plain);
    machine.read(&mut plain);
    assert_eq!(templates.events.pending.len(), 2);
    assert_eq!(templates.events.pending, plain.events.pending);
}
