//! Dumps: each is sent once, none is lost, none is removed.

use std::fs;
use std::time::Duration;

use serde_json::json;
use synth::scenarios::{self, Scene};

use super::Scenario;
use super::server::{Misbehaviour, problem};
use crate::clock::Clock;

const DUMPS: &str = "POST /api/v1/dumps";

#[test]
fn a_dump_is_sent_once_and_stays_where_it_is() {
    let scenario = Scenario::new();
    let sha256 = scenario.dump("112226-1.dmp", 1);
    let outcome = scenario.once();
    assert_eq!(
        (outcome.dumps_sent, outcome.dumps_pending, outcome.trouble),
        (1, 0, None)
    );
    assert!(scenario.server.inner().dumps.contains(&sha256));
    assert_eq!(scenario.once().dumps_sent, 0);
    assert_eq!(scenario.server.count(DUMPS), 1);
    assert_eq!(
        scenario.server.count("HEAD"),
        0,
        "nothing is asked for what is remembered"
    );
    assert!(scenario.root("Windows/Minidump/112226-1.dmp").exists());
}

#[test]
fn a_dump_that_is_being_written_is_waited_for() {
    let scenario = Scenario::new();
    let bytes = scenarios::power_failure(&Scene::sample(3)).to_bytes();
    scenario.file("Windows/Minidump/a.dmp", &bytes[..bytes.len() / 2], 0);
    let mut agent = scenario.agent();
    assert_eq!(agent.round().unsettled, 1);
    assert_eq!(agent.round().unsettled, 1);
    assert_eq!(scenario.server.count(DUMPS), 0);
    let whole = scenario.file("Windows/Minidump/a.dmp", &bytes, 0);
    scenario.clock.sleep(Duration::from_secs(10));
    assert_eq!(agent.round().unsettled, 1, "it has just changed");
    scenario.clock.sleep(Duration::from_secs(10));
    assert_eq!(agent.round().dumps_sent, 1);
    assert!(scenario.server.inner().dumps.contains(&whole));
}

#[test]
fn a_dump_that_stays_cut_short_is_sent_as_it_is() {
    let scenario = Scenario::new();
    let bytes = scenarios::power_failure(&Scene::sample(3)).to_bytes();
    let half = scenario.file("Windows/Minidump/a.dmp", &bytes[..bytes.len() / 2], 0);
    assert_eq!(scenario.once().dumps_sent, 1);
    assert!(scenario.server.inner().dumps.contains(&half));
    let slept: Duration = scenario.clock.slept().iter().sum();
    assert!(slept >= Duration::from_mins(2), "{slept:?}");
}

#[test]
fn what_is_no_dump_stays_on_the_machine() {
    let scenario = Scenario::new();
    scenario.file(
        "Windows/Minidump/letter.dmp",
        b"Dear Sir or Madam, this is no dump at all",
        3600,
    );
    scenario.file("Windows/Minidump/zero.dmp", &[0; 9000], 3600);
    let outcome = scenario.once();
    assert_eq!((outcome.dumps_pending, outcome.trouble), (0, None));
    assert_eq!(scenario.server.count(DUMPS), 0);
}

#[test]
fn a_dump_that_the_server_refuses_does_not_hold_up_the_others() {
    let scenario = Scenario::new();
    scenario.dump("1.dmp", 1);
    scenario.dump("2.dmp", 2);
    let refusal = Misbehaviour::Answer(400, None, problem("unsupported-format", 400));
    scenario.server.misbehave(DUMPS, refusal);
    let outcome = scenario.once();
    assert_eq!(
        (outcome.dumps_sent, outcome.dumps_pending, outcome.trouble),
        (1, 0, None)
    );
    assert_eq!(scenario.once().dumps_sent, 0);
    assert_eq!(
        scenario.server.count(DUMPS),
        2,
        "a refused dump is not sent again"
    );
    assert_eq!(crate::status(&scenario.config).unwrap().dumps_refused.len(), 1);
}

#[test]
fn a_dump_on_which_the_server_fails_does_not_hold_up_the_others() {
    let scenario = Scenario::new();
    scenario.dump("1.dmp", 1);
    scenario.dump("2.dmp", 2);
    scenario
        .server
        .misbehave(DUMPS, Misbehaviour::Answer(500, None, String::new()));
    let mut agent = scenario.agent();
    let round = agent.round();
    assert_eq!(round.dumps_sent, 1);
    assert!(round.trouble.is_some());
    assert_eq!(agent.once().dumps_sent, 1);
}

#[test]
fn a_lost_state_is_rebuilt_by_asking() {
    let scenario = Scenario::new();
    scenario.dump("1.dmp", 1);
    scenario.once();
    let new = scenario.dump("2.dmp", 2);
    fs::write(scenario.state("state.json"), "{\"dumps\": {\"").unwrap();
    assert_eq!(scenario.once().dumps_sent, 2);
    assert_eq!(scenario.server.count("HEAD"), 2);
    assert_eq!(scenario.server.count(DUMPS), 2, "only the new one was sent again");
    assert!(scenario.server.inner().dumps.contains(&new));
    assert!(scenario.state("state.json.damaged").exists());
}

#[test]
fn a_dump_that_windows_removes_while_the_server_is_away_is_sent_from_the_spool() {
    let mut scenario = Scenario::new();
    let sha256 = scenario.dump("1.dmp", 1);
    let address = scenario.config.server.replace("http://127.0.0.1:1".to_owned());
    let outcome = scenario.once();
    assert_eq!(outcome.dumps_pending, 1);
    assert!(outcome.trouble.unwrap().contains("cannot be reached"));
    fs::remove_file(scenario.root("Windows/Minidump/1.dmp")).unwrap();
    scenario.config.server = address;
    scenario.clock.sleep(Duration::from_hours(24 * 30));
    assert_eq!(scenario.once().dumps_sent, 1);
    assert!(scenario.server.inner().dumps.contains(&sha256));
    assert_eq!(
        fs::read_dir(scenario.state("spool")).unwrap().count(),
        0,
        "the copy is gone"
    );
}

#[test]
fn a_spool_without_a_state_is_sent() {
    let mut scenario = Scenario::new();
    scenario.dump("1.dmp", 1);
    let address = scenario.config.server.replace("http://127.0.0.1:1".to_owned());
    scenario.once();
    fs::remove_file(scenario.root("Windows/Minidump/1.dmp")).unwrap();
    fs::remove_file(scenario.state("state.json")).unwrap();
    scenario.config.server = address;
    assert_eq!(scenario.once().dumps_sent, 1);
}

#[test]
fn a_full_dump_is_told_of_and_sent_only_on_request() {
    let scenario = Scenario::new();
    let bytes = scenarios::kernel_memory(&Scene::sample(5)).to_bytes();
    let sha256 = scenario.file("Windows/MEMORY.DMP", &bytes, 3600);
    assert_eq!(scenario.once().dumps_sent, 0);
    let told = scenario.server.last("PUT").json();
    let full = &told["crash_control"]["full_dumps"][0];
    assert_eq!(full["kind"], json!("bitmap"));
    assert!(full["stop_code"].as_str().unwrap().starts_with("0x"));
    scenario.server.inner().policy["wants_full_dumps"] = json!(true);
    scenario.clock.sleep(Duration::from_hours(25));
    assert_eq!(scenario.once().dumps_sent, 1);
    assert!(scenario.server.inner().dumps.contains(&sha256));
}

#[test]
fn other_folders_are_collected_only_when_the_owner_says_so() {
    let mut scenario = Scenario::new();
    let live = scenarios::live_video_timeout(&Scene::sample(8)).to_bytes();
    scenario.file("Windows/LiveKernelReports/WATCHDOG/w.dmp", &live, 3600);
    let mut user = b"MDMP\x93\xa7\0\0\0\0\0\0\x20\0\0\0".to_vec();
    user.resize(64, 0);
    scenario.file("Users/jane/AppData/Local/CrashDumps/x.exe.dmp", &user, 3600);
    assert_eq!(scenario.once().dumps_sent, 0);
    scenario.config.live_kernel_reports = true;
    scenario.config.user_dumps = true;
    assert_eq!(scenario.once().dumps_sent, 2);
}

#[cfg(unix)]
#[test]
fn a_link_in_a_dump_folder_is_not_followed() {
    let scenario = Scenario::new();
    let bytes = scenarios::power_failure(&Scene::sample(3)).to_bytes();
    scenario.file("secret.bin", &bytes, 3600);
    let link = scenario.root("Windows/Minidump/link.dmp");
    std::os::unix::fs::symlink(scenario.root("secret.bin"), link).unwrap();
    assert_eq!(scenario.once().dumps_sent, 0);
}

#[test]
fn a_dump_with_the_same_bytes_under_another_name_is_not_sent_again() {
    let scenario = Scenario::new();
    scenario.dump("1.dmp", 1);
    scenario.once();
    scenario.dump("copy.dmp", 1);
    assert_eq!(scenario.once().dumps_sent, 0);
    assert_eq!(scenario.server.count(DUMPS), 1);
}

#[test]
fn a_dump_that_is_gone_before_it_was_sent_is_told_and_taken_up_when_it_comes_back() {
    let mut scenario = Scenario::new();
    scenario.config.spool_bytes = 10;
    scenario.dump("1.dmp", 1);
    let address = scenario.config.server.replace("http://127.0.0.1:1".to_owned());
    scenario.once();
    fs::remove_file(scenario.root("Windows/Minidump/1.dmp")).unwrap();
    scenario.config.server = address;
    scenario.clock.sleep(Duration::from_hours(2));
    assert_eq!(scenario.once().dumps_pending, 0);
    let status = crate::status(&scenario.config).unwrap();
    assert!(status.dumps_refused[0].1.contains("removed before"), "{status}");
    scenario.dump("again.dmp", 1);
    assert_eq!(scenario.once().dumps_sent, 1);
}

#[test]
fn a_folder_that_cannot_be_read_does_not_hold_up_the_others() {
    let mut scenario = Scenario::new();
    fs::remove_dir(scenario.root("Windows/Minidump")).unwrap();
    fs::write(scenario.root("Windows/Minidump"), "not a folder").unwrap();
    let bytes = scenarios::power_failure(&Scene::sample(3)).to_bytes();
    scenario.file("Dumps/a.dmp", &bytes, 3600);
    scenario.config.folders = vec![r"C:\dumps".to_owned()];
    let outcome = scenario.once();
    assert_eq!((outcome.dumps_sent, outcome.trouble), (1, None));
}

#[test]
fn a_file_that_never_stands_still_is_not_looked_at_all_the_time() {
    let scenario = Scenario::new();
    let bytes = scenarios::power_failure(&Scene::sample(3)).to_bytes();
    // From the future and cut short, with a patience that does not end.
    let mut config = scenario.config.clone();
    config.patience = Duration::from_hours(10_000);
    let scenario = Scenario { config, ..scenario };
    scenario.file("Windows/Minidump/a.dmp", &bytes[..bytes.len() / 2], 0);
    scenario.clock.stop_after(100);
    scenario.agent().run();
    let slept: Duration = scenario.clock.slept().iter().sum();
    assert!(slept > Duration::from_hours(5), "{slept:?}");
}
