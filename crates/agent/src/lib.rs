//! Collects dumps, inventory and bug checks on a Windows machine, and sends them to a Stopcode server.
//!
//! The binary `stopcode-agent` is a thin wrapper of this library. One thread, no async runtime, blocking HTTP.
//!
//! | Module | What it has |
//! |---|---|
//! | `agent` | the round: look, talk, put by; when to repeat it |
//! | `dumps` | where dumps lie, what they are, whether they are whole, the spool |
//! | `inventory` | drivers, hardware, whether the machine can write dumps |
//! | `events` | bug checks of the System event log |
//! | `locked_pages` | `TrackLockedPages`: set on request, removed in time |
//! | `machine` | what only Windows knows, behind a trait; and the same of a Windows tree in a folder |
//! | `server` | the connection, answers, uploads, the token |
//! | `state` | what must not be forgotten, in a file that survives being cut off |
//!
//! Three promises hold everywhere: a dump that the agent did not make is never changed or removed; whatever the
//! server or a file says, the agent ends neither in a crash nor in a loop; the token is in no log line.
//!
//! How to roll it out, every setting, and what was measured: `docs/agent.md`.

mod agent;
mod chance;
mod clock;
mod config;
mod digest;
mod dumps;
mod events;
mod identity;
mod inventory;
mod locked_pages;
pub mod log;
mod machine;
mod server;
pub mod service;
mod state;
mod status;

use anyhow::{Context, Result};
use wire::inventory::Inventory;

pub use agent::{Agent, Outcome, leave};
pub use clock::{Clock, Stop, SystemClock};
pub use config::{Config, Secret, Settings, default_file};
#[cfg(any(windows, stopcode_check_windows))]
pub use machine::WindowsMachine;
pub use machine::{Machine, TreeMachine, Value};
pub use status::{Status, status};

/// The machine that a configuration means: a tree if it names a root, else the Windows that this process runs on.
///
/// # Errors
///
/// When the tree cannot be read, or none is named and this is not Windows.
pub fn machine_of(config: &Config) -> Result<Box<dyn Machine + Send>> {
    if let Some(root) = &config.root {
        let tree =
            TreeMachine::open(root).with_context(|| format!("cannot read the tree {}", root.display()))?;
        return Ok(Box::new(tree));
    }
    #[cfg(any(windows, stopcode_check_windows))]
    return Ok(Box::new(WindowsMachine::default()));
    #[cfg(not(any(windows, stopcode_check_windows)))]
    anyhow::bail!("this is not Windows: name a Windows tree with --root or STOPCODE_ROOT")
}

/// The inventory of a machine as it is sent in full.
pub fn inventory_of(config: &Config, machine: &dyn Machine) -> Inventory {
    inventory::Look::take(machine, config, &state::State::default()).in_full()
}
