//! Whole rounds of an agent on a Windows tree, against a real HTTP server that may misbehave.

mod admission;
mod network;
mod reports;
mod sending;
mod server;

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use synth::scenarios::{self, Scene};
use time::OffsetDateTime;
use time::macros::datetime;

use self::server::Server;
use super::{Agent, Outcome};
use crate::clock::testing::ManualClock;
use crate::config::{Config, Secret, Settings};
use crate::digest;
use crate::machine::TreeMachine;

const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

/// A machine in a folder, a server, and a clock that only moves when the agent sleeps.
struct Scenario {
    folder: tempfile::TempDir,
    server: Server,
    clock: Arc<ManualClock>,
    config: Config,
}

impl Scenario {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("root/Windows/Minidump")).unwrap();
        fs::create_dir_all(folder.path().join("root/Windows/System32/drivers")).unwrap();
        fs::write(folder.path().join("root/started-at.txt"), "2026-11-22T08:00:00Z").unwrap();
        let server = Server::start();
        let settings = Settings {
            server: Some(server.address.clone()),
            token: Some(Secret::new("enrol-me")),
            machine: Some("m1".to_owned()),
            state_dir: Some(folder.path().join("state")),
            ..Settings::default()
        };
        Self {
            clock: Arc::new(ManualClock::at(NOW)),
            config: settings.complete().unwrap(),
            folder,
            server,
        }
    }

    fn root(&self, path: &str) -> PathBuf {
        self.folder.path().join("root").join(path)
    }

    fn state(&self, path: &str) -> PathBuf {
        self.folder.path().join("state").join(path)
    }

    /// A new process on the same machine.
    fn agent(&self) -> Agent {
        let machine = TreeMachine::open(&self.root("")).unwrap();
        Agent::new(
            self.config.clone(),
            Box::new(machine),
            Arc::clone(&self.clock) as _,
        )
        .unwrap()
    }

    fn once(&self) -> Outcome {
        self.agent().once()
    }

    /// Writes an hour-old small dump and gives its SHA-256.
    fn dump(&self, name: &str, seed: u64) -> String {
        let bytes = scenarios::locked_pages_at_exit(&Scene::sample(seed)).to_bytes();
        self.file(&format!("Windows/Minidump/{name}"), &bytes, 3600)
    }

    /// Writes a file that was changed so many seconds ago.
    fn file(&self, path: &str, bytes: &[u8], age_seconds: u64) -> String {
        let path = self.root(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        let now = Duration::from_secs(NOW.unix_timestamp().unsigned_abs());
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(UNIX_EPOCH + now - Duration::from_secs(age_seconds))
            .unwrap();
        digest::of_bytes(bytes)
    }
}
