//! How a pool works.

use std::time::Duration;

use store::Clock;
use uuid::Uuid;

use crate::ChildCommand;

/// How a pool works. [`Config::new`] has what suits a small server; change single fields.
#[derive(Debug, Clone)]
pub struct Config {
    /// The pool's name in the job table. No two pools that run at once may share one.
    pub name: String,
    /// How many dumps are analysed at once, each in a child process of its own.
    pub analysers: usize,
    /// What starts a child.
    pub child: ChildCommand,
    /// After so many dumps a child is replaced by a new one, for what it may have leaked.
    pub dumps_per_child: u32,
    /// A child that takes longer over one dump is killed.
    pub analysis_timeout: Duration,
    /// A claimed job goes back into the queue if the pool has not renewed its lease for so long.
    pub lease: Duration,
    /// How often an idle pool looks for jobs, if nobody wakes it.
    pub poll: Duration,
    /// Lengths of the windows that verdicts are kept for.
    pub window_days: Vec<u16>,
    /// How long a verdict waits for more crashes of its stop code.
    pub verdict_delay: Duration,
    /// A verdict older than this is computed anew, if its stop code has crashes in the window.
    pub verdict_age: Duration,
    /// How long the record of who did what is kept.
    pub audit_kept: Duration,
    /// Where the time comes from.
    pub clock: Clock,
}

impl Config {
    /// A pool of two analysers with a name of its own.
    pub fn new(child: ChildCommand) -> Config {
        Config {
            name: format!("{}-{}", std::process::id(), Uuid::now_v7().simple()),
            analysers: 2,
            child,
            dumps_per_child: 300,
            analysis_timeout: Duration::from_secs(30),
            lease: Duration::from_secs(30),
            poll: Duration::from_millis(500),
            window_days: vec![91],
            verdict_delay: Duration::from_secs(2),
            verdict_age: Duration::from_mins(15),
            audit_kept: Duration::from_hours(24 * 730),
            clock: Clock::System,
        }
    }
}
