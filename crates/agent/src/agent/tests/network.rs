//! What a network and a server can do to an agent.

use std::time::Duration;

use super::Scenario;
use super::server::Misbehaviour;

const DUMPS: &str = "POST /api/v1/dumps";

#[test]
fn a_connection_that_is_cut_half_way_costs_a_retry_and_no_dump() {
    let scenario = Scenario::new();
    let sha256 = scenario.dump("1.dmp", 1);
    scenario.server.misbehave(DUMPS, Misbehaviour::CutRequest(5000));
    let outcome = scenario.once();
    assert_eq!((outcome.dumps_sent, outcome.dumps_pending), (1, 0));
    assert!(scenario.server.inner().dumps.contains(&sha256));
    assert_eq!(
        scenario.server.count("HEAD"),
        1,
        "the server is asked before it is sent again"
    );
}

#[test]
fn a_dump_whose_answer_was_lost_is_not_sent_twice() {
    let scenario = Scenario::new();
    scenario.dump("1.dmp", 1);
    scenario.server.misbehave(DUMPS, Misbehaviour::SwallowAnswer);
    assert_eq!(scenario.once().dumps_sent, 1);
    assert_eq!(
        (scenario.server.count(DUMPS), scenario.server.count("HEAD")),
        (1, 1)
    );
}

#[test]
fn an_agent_that_is_killed_while_it_sends_asks_first_when_it_is_back() {
    let scenario = Scenario::new();
    scenario.dump("1.dmp", 1);
    scenario.server.misbehave(DUMPS, Misbehaviour::SwallowAnswer);
    drop(scenario.agent().round()); // and nothing more of this process
    scenario.clock.set(super::NOW + time::Duration::hours(1));
    assert_eq!(scenario.once().dumps_sent, 1);
    assert_eq!(scenario.server.count(DUMPS), 1);
}

#[test]
fn a_server_that_asks_for_time_gets_it() {
    for status in [429, 503] {
        let scenario = Scenario::new();
        scenario.dump("1.dmp", 1);
        let busy = Misbehaviour::Answer(status, Some("120"), String::new());
        scenario.server.misbehave(DUMPS, busy);
        assert_eq!(scenario.once().dumps_sent, 1);
        let slept = scenario.clock.slept();
        let longest = slept.iter().max().unwrap();
        assert!((120..=150).contains(&longest.as_secs()), "{slept:?}");
    }
}

#[test]
fn nonsense_is_never_taken_for_an_answer() {
    for nonsense in [
        Misbehaviour::Answer(200, None, "<html>Please sign in</html>".to_owned()),
        Misbehaviour::Answer(201, None, "{\"dumps\":[".to_owned()),
        Misbehaviour::Answer(302, None, String::new()),
        Misbehaviour::Answer(400, None, "<html>Bad Request</html>".to_owned()),
        Misbehaviour::Answer(413, None, "<html>nginx</html>".to_owned()),
        Misbehaviour::Answer(502, None, "<html>Bad Gateway</html>".to_owned()),
        Misbehaviour::CutAnswer,
        Misbehaviour::EndlessAnswer,
    ] {
        let scenario = Scenario::new();
        scenario.dump("1.dmp", 1);
        scenario.server.misbehave(DUMPS, nonsense.clone());
        let outcome = scenario.once();
        assert_eq!(
            (outcome.dumps_sent, outcome.dumps_pending),
            (1, 0),
            "{nonsense:?}"
        );
        assert_eq!(scenario.server.count(DUMPS), 2, "{nonsense:?}");
    }
}

#[test]
fn a_slow_answer_is_waited_for() {
    let scenario = Scenario::new();
    scenario.dump("1.dmp", 1);
    scenario
        .server
        .misbehave(DUMPS, Misbehaviour::Slow(Duration::from_millis(300)));
    assert_eq!(scenario.once().dumps_sent, 1);
}

#[test]
fn a_server_that_only_fails_is_left_alone_after_a_few_tries() {
    let scenario = Scenario::new();
    for seed in 0..8 {
        scenario.dump(&format!("{seed}.dmp"), seed);
    }
    for _ in 0..100 {
        scenario
            .server
            .misbehave(DUMPS, Misbehaviour::Answer(500, None, String::new()));
    }
    let outcome = scenario.once();
    assert_eq!(outcome.dumps_pending, 8);
    assert!(outcome.trouble.is_some());
    assert!(
        scenario.server.count(DUMPS) <= 12,
        "{}",
        scenario.server.count(DUMPS)
    );
}

#[test]
fn a_service_goes_on_for_weeks_without_its_server_and_catches_up_when_it_is_back() {
    let mut scenario = Scenario::new();
    scenario.dump("1.dmp", 1);
    scenario.dump("2.dmp", 2);
    let address = scenario.config.server.replace("http://127.0.0.1:1".to_owned());
    scenario.clock.stop_after(200);
    scenario.agent().run();
    let slept: Duration = scenario.clock.slept().iter().sum();
    assert!(slept > Duration::from_hours(24), "{slept:?}");
    scenario.config.server = address;
    scenario.clock.stop_after(usize::MAX);
    let outcome = scenario.once();
    assert_eq!(outcome.dumps_sent, 2);
    let days = scenario
        .server
        .inner()
        .seen
        .iter()
        .find(|seen| seen.line.ends_with("check-in"))
        .unwrap()
        .json();
    assert!(
        days["days"].as_array().unwrap().len() > 1,
        "every day it was on is told"
    );
}

#[test]
fn a_silent_day_costs_one_request() {
    let scenario = Scenario::new();
    scenario.clock.stop_after(4 * 24 * 2);
    let mut agent = scenario.agent();
    agent.once();
    let before = scenario.server.inner().seen.len();
    agent.run();
    let days = scenario.clock.slept().iter().sum::<Duration>().as_secs() / 86_400;
    let requests = u64::try_from(scenario.server.inner().seen.len() - before).unwrap();
    assert!(
        (1..=days + 1).contains(&requests),
        "{requests} requests in {days} days"
    );
    let is_check_in = |seen: &super::server::Seen| seen.line.ends_with("check-in");
    assert!(scenario.server.inner().seen[before..].iter().all(is_check_in));
}

#[test]
fn an_https_address_of_a_plain_server_is_trouble_in_words() {
    let mut scenario = Scenario::new();
    scenario.config.server = scenario
        .config
        .server
        .map(|address| address.replace("http:", "https:"));
    scenario.config.attempts = 1;
    let trouble = scenario.once().trouble.unwrap();
    assert!(trouble.starts_with("the server cannot be reached: "), "{trouble}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_costs_no_dump() {
    let scenario = Scenario::new();
    scenario.dump("1.dmp", 1);
    let mut agent = scenario.agent();
    // A folder where the file should be written cannot be written over, whoever tries.
    std::fs::create_dir(scenario.state("state.new")).unwrap();
    assert_eq!(agent.once().dumps_sent, 1);
    assert!(!scenario.state("state.json").exists());
}

#[test]
fn a_backlog_is_sent_with_pauses_and_a_single_dump_without() {
    let mut scenario = Scenario::new();
    let address = scenario.config.server.replace("http://127.0.0.1:1".to_owned());
    for seed in 0..5 {
        scenario.dump(&format!("{seed}.dmp"), seed);
    }
    scenario.config.attempts = 1;
    scenario.once();
    scenario.config.server = address;
    scenario.clock.set(super::NOW + time::Duration::hours(2));
    let before = scenario.clock.slept().len();
    assert_eq!(scenario.once().dumps_sent, 5);
    assert_eq!(scenario.clock.slept().len() - before, 5);
    scenario.dump("new.dmp", 9);
    assert_eq!(scenario.once().dumps_sent, 1);
    assert_eq!(scenario.clock.slept().len() - before, 5);
}
