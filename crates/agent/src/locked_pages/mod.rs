//! `TrackLockedPages`: set when the server asks and the owner allows, removed when the time is up.
//!
//! With the value set, Windows stops at the next leak of locked pages with 0xCB, which names the driver. It is read
//! when Windows starts, so it is in force from the next start on.
//!
//! What the agent set is kept in `locked-pages.json`, beside the state and not in it: a lost state must not leave the
//! value behind. The file is written before the value is set and removed after the value is. A value that was there
//! before is somebody else's: it is neither changed nor removed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use wire::policy::{LockedPages, Policy};

use crate::machine::{Boot, Machine, number};
use crate::state::{read, write_whole};

const KEY: &str = r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management";
const NAME: &str = "TrackLockedPages";

/// How long a request without an end holds after the server was last heard.
const WITHOUT_END: Duration = Duration::days(14);

/// What the agent set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Setting {
    /// In which run of the machine it was set.
    boot: Boot,
    /// The first start after that.
    #[serde(with = "time::serde::rfc3339::option")]
    in_force_since: Option<OffsetDateTime>,
    /// Whether it is in force even though nobody knows when the machine was started.
    is_in_force: bool,
}

/// The value on one machine.
#[derive(Debug)]
pub(crate) struct Tracking {
    path: PathBuf,
    is_allowed: bool,
    told: Option<LockedPages>,
}

/// What is asked for, as the last check-in told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The policy and when it was told; `None` before the first check-in.
    pub(crate) policy: Option<(&'a Policy, OffsetDateTime)>,
    pub(crate) now: OffsetDateTime,
    pub(crate) boot: Boot,
}

impl Asked<'_> {
    /// Whether the value should be set now.
    fn is_wanted(self) -> bool {
        self.policy.is_some_and(|(policy, told_at)| {
            let until = policy.track_locked_pages_until.unwrap_or(told_at + WITHOUT_END);
            policy.track_locked_pages && self.now < until
        })
    }
}

impl Tracking {
    /// The value of a machine whose agent keeps its files in `folder`.
    pub(crate) fn new(folder: &Path, is_allowed: bool) -> Self {
        Self {
            path: folder.join("locked-pages.json"),
            is_allowed,
            told: None,
        }
    }

    /// Sets or removes the value as asked, and says how it stands; `None` if the agent never had to do with it.
    ///
    /// To be called often, online or not: it does nothing when nothing is to be done.
    pub(crate) fn apply(&mut self, machine: &dyn Machine, asked: Asked<'_>) -> Option<LockedPages> {
        let wanted = self.is_allowed && asked.is_wanted();
        let told = match (self.setting(), wanted) {
            (Ok(None), false) => None,
            (Ok(None), true) => Some(self.set(machine, asked.boot)),
            (Ok(Some(setting)), true) => Some(self.keep(machine, setting, asked.boot)),
            (Ok(Some(_)) | Err(_), false) => Some(self.remove(machine)),
            // Something was set, but the file does not say when: it counts as set in this run.
            (Err(_), true) => Some(self.note(asked.boot)),
        };
        if told != self.told {
            log(told.as_ref());
        }
        self.told.clone_from(&told);
        told
    }

    /// Removes the value if the agent set it: before the agent itself is removed.
    pub(crate) fn give_up(&mut self, machine: &dyn Machine) {
        if !matches!(self.setting(), Ok(None)) {
            log(Some(&self.remove(machine)));
        }
    }

    /// How the value stands on a machine whose agent once told of it and has nothing to do with it now.
    pub(crate) fn at_rest(machine: &dyn Machine) -> LockedPages {
        LockedPages {
            set: number(machine, KEY, NAME) == Some(1),
            in_force_since: None,
            trouble: None,
        }
    }

    fn setting(&self) -> io::Result<Option<Setting>> {
        read(&self.path)
    }

    fn set(&self, machine: &dyn Machine, boot: Boot) -> LockedPages {
        match machine.value(KEY, NAME) {
            Ok(None) => {}
            Ok(Some(_)) => {
                let set = number(machine, KEY, NAME) == Some(1);
                return troubled(set, "somebody else has set the value; it is left as it is");
            }
            Err(error) => return troubled(false, &format!("the value cannot be read: {error}")),
        }
        // Without a note of it the value would never be removed.
        let noted = self.note(boot);
        if noted.trouble.is_some() {
            return LockedPages { set: false, ..noted };
        }
        match machine.set_number(KEY, NAME, 1) {
            Ok(()) => noted,
            Err(error) => {
                let _ = fs::remove_file(&self.path); // nothing was set, so a note that stays does no harm either
                troubled(false, &format!("the value cannot be set: {error}"))
            }
        }
    }

    fn note(&self, boot: Boot) -> LockedPages {
        let setting = Setting {
            boot,
            in_force_since: None,
            is_in_force: false,
        };
        match self.write(&setting) {
            Ok(()) => told(&setting),
            Err(error) => troubled(true, &format!("what was set cannot be noted: {error}")),
        }
    }

    fn keep(&self, machine: &dyn Machine, mut setting: Setting, boot: Boot) -> LockedPages {
        match machine.value(KEY, NAME) {
            // The agent was stopped between its note and the value.
            Ok(None) => {
                if let Err(error) = machine.set_number(KEY, NAME, 1) {
                    return troubled(false, &format!("the value cannot be set: {error}"));
                }
                return self.note(boot);
            }
            Ok(Some(_)) => {}
            Err(error) => return troubled(true, &format!("the value cannot be read: {error}")),
        }
        if !setting.is_in_force && !setting.boot.is_same(boot) {
            setting.is_in_force = true;
            setting.in_force_since = boot.started_at;
            if let Err(error) = self.write(&setting) {
                tracing::warn!(%error, "since when TrackLockedPages is in force cannot be noted");
            }
        }
        told(&setting)
    }

    fn remove(&self, machine: &dyn Machine) -> LockedPages {
        let is_ours = number(machine, KEY, NAME) == Some(1);
        if is_ours && let Err(error) = machine.remove_value(KEY, NAME) {
            return troubled(true, &format!("the value cannot be removed: {error}"));
        }
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                troubled(false, &format!("the note of it cannot be removed: {error}"))
            }
            _ => LockedPages {
                set: false,
                in_force_since: None,
                trouble: None,
            },
        }
    }

    fn write(&self, setting: &Setting) -> io::Result<()> {
        write_whole(&self.path, &serde_json::to_vec(setting)?)
    }
}

fn told(setting: &Setting) -> LockedPages {
    LockedPages {
        set: true,
        in_force_since: setting.in_force_since,
        trouble: None,
    }
}

fn troubled(set: bool, what: &str) -> LockedPages {
    LockedPages {
        set,
        in_force_since: None,
        trouble: Some(what.to_owned()),
    }
}

fn log(told: Option<&LockedPages>) {
    let Some(told) = told else {
        return;
    };
    if let Some(trouble) = &told.trouble {
        return tracing::warn!(%trouble, "TrackLockedPages");
    }
    let state = match (told.set, told.in_force_since) {
        (true, Some(since)) => format!("is set and in force since {since}"),
        (true, None) => "is set; it is in force from the next start on".to_owned(),
        (false, _) => "was removed".to_owned(),
    };
    tracing::info!("TrackLockedPages {state}");
}

#[cfg(test)]
mod tests;
