//! Getting in, being put out, and getting in again.

use std::time::Duration;

use super::Scenario;
use super::server::{Misbehaviour, problem};
use crate::clock::Clock;
use crate::config::Secret;

const ENROLMENT: &str = "POST /api/v1/machines/m1/enrolment";

#[test]
fn a_machine_enrols_once_and_then_shows_its_own_token() {
    let scenario = Scenario::new();
    scenario.once();
    scenario.once();
    assert_eq!(scenario.server.count(ENROLMENT), 1);
    let inner = scenario.server.inner();
    let others = inner.seen.iter().filter(|seen| !seen.line.starts_with(ENROLMENT));
    assert!(others.clone().count() > 0);
    assert!(others.into_iter().all(|seen| seen.token == "own-1"));
}

#[test]
fn a_configured_token_that_may_not_enrol_is_shown_as_it_is() {
    let mut scenario = Scenario::new();
    scenario.server.inner().tokens.insert("mine".to_owned());
    scenario.config.token = Some(Secret::new("mine"));
    scenario.dump("1.dmp", 1);
    assert_eq!(scenario.once().dumps_sent, 1);
    assert_eq!(scenario.server.last("POST /api/v1/dumps").token, "mine");
}

#[test]
fn a_token_that_the_server_forgot_is_replaced_by_enrolling_again() {
    let scenario = Scenario::new();
    scenario.once();
    scenario.server.inner().tokens.clear();
    let sha256 = scenario.dump("1.dmp", 1);
    let outcome = scenario.once();
    assert_eq!((outcome.dumps_sent, outcome.trouble), (1, None));
    assert_eq!(scenario.server.count(ENROLMENT), 2);
    assert!(scenario.server.inner().dumps.contains(&sha256));
}

#[test]
fn a_revoked_machine_asks_once_a_day_and_keeps_its_dumps() {
    let scenario = Scenario::new();
    scenario.dump("1.dmp", 1);
    let revoked = || Misbehaviour::Answer(403, None, problem("machine-revoked", 403));
    scenario.server.misbehave(ENROLMENT, revoked());
    let trouble = scenario.once().trouble.unwrap();
    assert!(trouble.contains("revoked"), "{trouble}");
    scenario.clock.sleep(Duration::from_hours(20));
    scenario.once();
    assert_eq!(scenario.server.inner().seen.len(), 1);
    scenario.clock.sleep(Duration::from_hours(5));
    assert_eq!(scenario.once().dumps_sent, 1);
}

#[test]
fn a_revoked_machine_with_a_new_token_asks_at_once() {
    let mut scenario = Scenario::new();
    let revoked = Misbehaviour::Answer(403, None, problem("machine-revoked", 403));
    scenario.server.misbehave(ENROLMENT, revoked);
    scenario.once();
    scenario.server.inner().tokens.insert("new".to_owned());
    scenario.config.token = Some(Secret::new("new"));
    assert_eq!(scenario.once().trouble, None);
}

#[test]
fn without_a_token_nothing_is_sent_and_the_trouble_says_what_to_do() {
    let mut scenario = Scenario::new();
    scenario.config.token = None;
    scenario.dump("1.dmp", 1);
    let outcome = scenario.once();
    assert_eq!(outcome.dumps_pending, 1);
    assert!(outcome.trouble.unwrap().contains("STOPCODE_TOKEN"));
    assert!(scenario.server.inner().seen.is_empty());
}

#[test]
fn two_agents_do_not_share_a_state() {
    let scenario = Scenario::new();
    let _first = scenario.agent();
    let machine = crate::TreeMachine::open(&scenario.root("")).unwrap();
    let clock = std::sync::Arc::clone(&scenario.clock) as _;
    let second = super::Agent::new(scenario.config.clone(), Box::new(machine), clock);
    assert!(second.err().unwrap().to_string().contains("another agent"));
}
