//! The real agent, on a Windows tree in a folder, against the real server.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agent::{Agent, Outcome, Secret, Settings, Stop, SystemClock};
use serde_json::{Value, json};
use synth::scenarios::{Scene, locked_pages_at_exit};
use tempfile::TempDir;
use tests::{Client, Server};

const MACHINE: &str = "desk-7";

/// A machine: its drive C: and the agent's state.
struct Machine {
    folder: TempDir,
}

impl Machine {
    /// A machine that has crashed so many times.
    fn new(crashes: u64) -> Machine {
        let machine = Machine {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(machine.minidumps()).unwrap();
        let drivers = machine.folder.path().join("c/Windows/System32/drivers");
        fs::create_dir_all(&drivers).unwrap();
        fs::write(drivers.join("acme.sys"), "MZ").unwrap();
        for seed in 0..crashes {
            machine.crash(seed);
        }
        machine
    }

    fn minidumps(&self) -> PathBuf {
        self.folder.path().join("c/Windows/Minidump")
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Windows wrote a dump an hour ago.
    fn crash(&self, seed: u64) {
        let path = self.minidumps().join(format!("112326-{seed}-01.dmp"));
        fs::write(&path, dump(seed)).unwrap();
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(file.metadata().unwrap().modified().unwrap() - Duration::from_hours(1))
            .unwrap();
    }

    /// One run of a new process: everything that is not on the disk is forgotten.
    async fn run_once(&self, server: &Server, token: &str) -> Outcome {
        self.run_with(server, token, 3).await
    }

    /// The same with so many attempts while something is in the way.
    async fn run_with(&self, server: &Server, token: &str, attempts: u32) -> Outcome {
        let settings = Settings {
            server: Some(server.base()),
            token: Some(Secret::new(token)),
            machine: Some(MACHINE.to_owned()),
            root: Some(self.folder.path().join("c")),
            state_dir: Some(self.state()),
            attempts: Some(attempts),
            ..Settings::default()
        };
        let config = settings.complete().unwrap();
        let run = move || {
            let machine = agent::machine_of(&config).unwrap();
            let clock = Arc::new(SystemClock::new(Stop::default()));
            Agent::new(config, machine, clock).unwrap().once()
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    }
}

fn dump(seed: u64) -> Vec<u8> {
    locked_pages_at_exit(&Scene::sample(seed)).to_bytes()
}

/// Dumps that the server has of the machine, waiting until all of them are analysed.
async fn crashes(admin: &Client, count: usize) -> Vec<Value> {
    let begun = std::time::Instant::now();
    loop {
        let crashes = admin.json(&format!("/api/v1/crashes?machine={MACHINE}")).await;
        let items = crashes["items"].as_array().unwrap().clone();
        if items.len() >= count || begun.elapsed() > Duration::from_mins(1) {
            return items;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_machine_enrols_sends_everything_once_and_then_nothing() {
    let server = Server::start().await;
    let admin = server.admin();
    let enrolment = admin.token("upload").await;
    let machine = Machine::new(3);

    let first = machine.run_once(&server, &enrolment).await;
    assert_eq!((first.dumps_sent, first.dumps_pending), (3, 0), "{first:?}");
    assert_eq!(first.trouble, None);
    let crashes = crashes(&admin, 3).await;
    assert_eq!(crashes.len(), 3);
    assert!(
        crashes.iter().all(|crash| crash["stop_code"]["code"] == "0x76"),
        "{crashes:?}"
    );
    let detail = admin.json(&format!("/api/v1/machines/{MACHINE}")).await;
    let drivers = detail["drivers"].as_array().unwrap();
    assert!(
        drivers.iter().any(|driver| driver["name"] == "acme.sys"),
        "{detail}"
    );

    // Its own token is all it needs from now on, and the dumps stay where Windows put them.
    let second = machine
        .run_once(&server, "an enrolment token that has expired")
        .await;
    assert_eq!((second.dumps_sent, second.trouble), (0, None));
    assert_eq!(fs::read_dir(machine.minidumps()).unwrap().count(), 3);
}

#[tokio::test]
async fn an_agent_that_lost_its_state_sends_nothing_twice() {
    let server = Server::start().await;
    let admin = server.admin();
    let enrolment = admin.token("upload").await;
    let machine = Machine::new(2);
    machine.run_once(&server, &enrolment).await;
    assert_eq!(crashes(&admin, 2).await.len(), 2);

    fs::write(machine.state().join("state.json"), "{\"cut o").unwrap();
    machine.crash(7);
    let again = machine.run_once(&server, &enrolment).await;
    assert_eq!((again.dumps_pending, again.trouble), (0, None));
    let crashes = crashes(&admin, 3).await;
    assert_eq!(crashes.len(), 3, "{crashes:?}");
}

#[tokio::test]
async fn a_dump_that_windows_removed_while_the_server_was_down_arrives_all_the_same() {
    let mut server = Server::start().await;
    let admin = server.admin();
    let enrolment = admin.token("upload").await;
    let machine = Machine::new(0);
    machine.run_once(&server, &enrolment).await;

    server.kill().await;
    machine.crash(1);
    let offline = machine.run_with(&server, &enrolment, 1).await;
    assert_eq!(offline.dumps_pending, 1, "{offline:?}");
    assert!(offline.trouble.is_some());
    fs::remove_file(machine.minidumps().join("112326-1-01.dmp")).unwrap();

    let server = server.restart_after_kill().await;
    let back = machine.run_once(&server, &enrolment).await;
    assert_eq!((back.dumps_sent, back.dumps_pending), (1, 0), "{back:?}");
    assert_eq!(crashes(&server.admin(), 1).await.len(), 1);
}

#[tokio::test]
async fn a_revoked_machine_says_so_and_sends_nothing() {
    let server = Server::start().await;
    let admin = server.admin();
    let enrolment = admin.token("upload").await;
    let machine = Machine::new(0);
    machine.run_once(&server, &enrolment).await;
    let tokens = admin.json("/api/v1/tokens").await;
    let own = tokens["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|token| token["machine"] == MACHINE)
        .unwrap_or_else(|| panic!("the machine has no token: {tokens}"));
    let revoked = admin
        .request(
            reqwest::Method::DELETE,
            &format!("/api/v1/tokens/{}", own["id"].as_str().unwrap()),
        )
        .send()
        .await
        .unwrap();
    assert!(revoked.status().is_success());

    machine.crash(1);
    let refused = machine.run_once(&server, &enrolment).await;
    assert_eq!((refused.dumps_sent, refused.dumps_pending), (0, 1));
    assert!(refused.trouble.unwrap().contains("revoked"));
    let crashes = admin.json(&format!("/api/v1/crashes?machine={MACHINE}")).await;
    assert_eq!(crashes["items"], json!([]));
}
