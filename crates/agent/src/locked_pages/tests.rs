use super::{Asked, KEY, NAME, Tracking, WITHOUT_END};
use crate::machine::{Boot, Machine, TreeMachine, Value};
use std::fs;
use time::OffsetDateTime;
use time::macros::datetime;
use wire::policy::{LockedPages, Policy};

const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
const UNTIL: OffsetDateTime = datetime!(2026-12-01 00:00 UTC);

struct Scenario {
    folder: tempfile::TempDir,
    machine: TreeMachine,
    policy: Policy,
    now: OffsetDateTime,
    boot: Boot,
    is_allowed: bool,
}

impl Scenario {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            machine: TreeMachine::open(folder.path()).unwrap(),
            folder,
            policy: Policy {
                upload_interval_seconds: 900,
                check_in_seconds: 86_400,
                wants_full_dumps: false,
                track_locked_pages: true,
                track_locked_pages_until: Some(UNTIL),
                experiment: None,
            },
            now: NOW,
            boot: boot(1),
            is_allowed: true,
        }
    }

    /// What a new process does and tells.
    fn apply(&self) -> Option<LockedPages> {
        let asked = Asked {
            policy: Some((&self.policy, NOW)),
            now: self.now,
            boot: self.boot,
        };
        Tracking::new(self.folder.path(), self.is_allowed).apply(&self.machine, asked)
    }

    fn value(&self) -> Option<Value> {
        self.machine.value(KEY, NAME).unwrap()
    }
}

fn boot(id: u32) -> Boot {
    Boot {
        id: Some(id),
        started_at: Some(datetime!(2026-11-22 08:00 UTC) + time::Duration::days(id.into())),
    }
}

#[test]
fn the_value_is_set_when_asked_and_allowed_and_is_in_force_from_the_next_start() {
    let mut scenario = Scenario::new();
    let told = scenario.apply().unwrap();
    assert!(told.set && told.in_force_since.is_none() && told.trouble.is_none());
    assert_eq!(scenario.value(), Some(Value::Number(1)));
    assert_eq!(
        scenario.apply().unwrap().in_force_since,
        None,
        "still the same run"
    );
    scenario.boot = boot(2);
    assert_eq!(scenario.apply().unwrap().in_force_since, boot(2).started_at);
    scenario.boot = boot(3);
    assert_eq!(
        scenario.apply().unwrap().in_force_since,
        boot(2).started_at,
        "since the first start"
    );
}

#[test]
fn nothing_is_set_unless_the_owner_allows_it() {
    let mut scenario = Scenario::new();
    scenario.is_allowed = false;
    assert_eq!(scenario.apply(), None);
    assert_eq!(scenario.value(), None);
}

#[test]
fn the_value_is_removed_when_the_time_is_up_without_a_word_from_the_server() {
    let mut scenario = Scenario::new();
    scenario.apply();
    scenario.now = UNTIL;
    assert!(!scenario.apply().unwrap().set);
    assert_eq!(scenario.value(), None);
    assert_eq!(scenario.apply(), None, "then there is nothing left to tell");
}

#[test]
fn the_value_is_removed_when_the_owner_changes_their_mind() {
    let mut scenario = Scenario::new();
    scenario.apply();
    scenario.is_allowed = false;
    assert!(!scenario.apply().unwrap().set);
    assert_eq!(scenario.value(), None);
}

#[test]
fn a_request_without_an_end_ends_some_time_after_the_last_contact() {
    let mut scenario = Scenario::new();
    scenario.policy.track_locked_pages_until = None;
    scenario.apply();
    scenario.now = NOW + WITHOUT_END;
    scenario.apply();
    assert_eq!(scenario.value(), None);
}

#[test]
fn a_value_of_somebody_else_is_neither_changed_nor_removed() {
    let mut scenario = Scenario::new();
    scenario.machine.set_number(KEY, NAME, 1).unwrap();
    let told = scenario.apply().unwrap();
    assert!(told.set && told.trouble.unwrap().contains("somebody else"));
    scenario.now = UNTIL;
    scenario.apply();
    assert_eq!(scenario.value(), Some(Value::Number(1)));
}

#[test]
fn a_value_that_somebody_else_changed_meanwhile_stays() {
    let mut scenario = Scenario::new();
    scenario.apply();
    scenario.machine.set_number(KEY, NAME, 0).unwrap();
    scenario.now = UNTIL;
    scenario.apply();
    assert_eq!(scenario.value(), Some(Value::Number(0)));
}

#[test]
fn a_value_that_cannot_be_noted_is_not_set() {
    let scenario = Scenario::new();
    fs::create_dir(scenario.folder.path().join("locked-pages.new")).unwrap();
    let told = scenario.apply().unwrap();
    assert!(!told.set && told.trouble.is_some());
    assert_eq!(scenario.value(), None);
}

#[test]
fn an_agent_that_was_stopped_between_note_and_value_sets_it_later() {
    let scenario = Scenario::new();
    scenario.apply();
    scenario.machine.remove_value(KEY, NAME).unwrap();
    assert!(scenario.apply().unwrap().set);
    assert_eq!(scenario.value(), Some(Value::Number(1)));
}

#[test]
fn a_damaged_note_does_not_leave_the_value_behind() {
    let mut scenario = Scenario::new();
    scenario.apply();
    fs::write(scenario.folder.path().join("locked-pages.json"), "{").unwrap();
    scenario.now = UNTIL;
    scenario.apply();
    assert_eq!(scenario.value(), None);
}

#[test]
fn an_agent_that_leaves_takes_its_value_with_it() {
    let scenario = Scenario::new();
    scenario.apply();
    Tracking::new(scenario.folder.path(), false).give_up(&scenario.machine);
    assert_eq!(scenario.value(), None);
}
