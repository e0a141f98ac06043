//! What `status` prints: what waits, what was sent, what is in the way. Read from the state file; asks nobody.

use std::fmt;

use anyhow::{Context, Result};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::config::Config;
use crate::state::{Standing, State, read};

/// How the agent stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// Dumps that the server has.
    pub dumps_sent: usize,
    /// Dumps that wait, by path.
    pub dumps_pending: Vec<String>,
    /// Dumps that are not sent, by path, and why.
    pub dumps_refused: Vec<(String, String)>,
    /// Full dumps of which only the head was told, by path.
    pub dumps_withheld: Vec<String>,
    /// Bug checks of the event log that wait.
    pub events_pending: usize,
    /// When the server last answered.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_contact: Option<OffsetDateTime>,
    /// When the agent last checked in.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_check_in: Option<OffsetDateTime>,
    /// What is in the way, in words.
    pub trouble: Option<String>,
    /// Since when it is.
    #[serde(with = "time::serde::rfc3339::option")]
    pub trouble_since: Option<OffsetDateTime>,
}

/// How the agent with this configuration stands.
///
/// # Errors
///
/// When its state cannot be read: it never ran, or belongs to another account.
pub fn status(config: &Config) -> Result<Status> {
    let path = config.state_dir.join("state.json");
    let about = || format!("cannot read {}", path.display());
    let state: Option<State> = read(&path).with_context(about)?;
    Ok(of(state.with_context(|| {
        format!("{}: no agent has run there yet", about())
    })?))
}

fn of(state: State) -> Status {
    let mut status = Status {
        dumps_sent: 0,
        dumps_pending: Vec::new(),
        dumps_refused: Vec::new(),
        dumps_withheld: state.withheld.keys().cloned().collect(),
        events_pending: state.events.pending.len(),
        last_contact: state.last_contact,
        last_check_in: state.check_in.map(|check_in| check_in.at),
        trouble_since: state.trouble.as_ref().map(|trouble| trouble.since),
        trouble: state.trouble.map(|trouble| trouble.what),
    };
    for dump in state.dumps.into_values() {
        match dump.standing {
            Standing::Sent => status.dumps_sent += 1,
            Standing::Pending | Standing::Unsure => status.dumps_pending.push(dump.path),
            Standing::Refused(why) => status.dumps_refused.push((dump.path, why)),
        }
    }
    status
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |time: Option<OffsetDateTime>| time.and_then(|time| time.format(&Rfc3339).ok());
        let never = || "never".to_owned();
        writeln!(formatter, "dumps sent      {}", self.dumps_sent)?;
        writeln!(formatter, "dumps pending   {}", self.dumps_pending.len())?;
        for path in &self.dumps_pending {
            writeln!(formatter, "                {path}")?;
        }
        writeln!(
            formatter,
            "dumps not sent  {}",
            self.dumps_refused.len() + self.dumps_withheld.len()
        )?;
        for (path, why) in &self.dumps_refused {
            writeln!(formatter, "                {path}: {why}")?;
        }
        for path in &self.dumps_withheld {
            writeln!(
                formatter,
                "                {path}: a full dump, which the server does not want"
            )?;
        }
        writeln!(formatter, "events pending  {}", self.events_pending)?;
        writeln!(
            formatter,
            "last contact    {}",
            time(self.last_contact).unwrap_or_else(never)
        )?;
        writeln!(
            formatter,
            "last check-in   {}",
            time(self.last_check_in).unwrap_or_else(never)
        )?;
        match (&self.trouble, time(self.trouble_since)) {
            (Some(trouble), Some(since)) => write!(formatter, "trouble         {trouble} (since {since})"),
            _ => write!(formatter, "trouble         none"),
        }
    }
}
