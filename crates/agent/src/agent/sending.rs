//! Sending dumps, one at a time, and putting by those that cannot be sent now.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wire::dump::UploadedDumps;

use super::outlook::GONE;
use super::{Agent, Round};
use crate::server::upload::UploadBody;
use crate::server::{Answer, Trouble, escaped};
use crate::state::{DumpRecord, Standing};

/// After so many dumps in a row on which the server failed, it is not the dumps.
const FAILURES_MOST: u32 = 3;

/// The longest wait between two dumps while catching up.
const CATCH_UP_PAUSE: Duration = Duration::from_secs(4);

/// What became of one dump.
enum Sent {
    /// The server has it.
    There,
    /// It is not to be sent, for this reason.
    Refused(String),
    /// The server failed on it; others may go better.
    Failed(Trouble),
    /// The file is not what was hashed any more; the next look hashes it again.
    Changed,
}

/// Why an upload brought no answer.
enum Upload {
    /// The file could not be read to its end.
    File(io::Error),
    /// The connection failed.
    Connection(Trouble),
}

impl Agent {
    /// Sends what waits, oldest first.
    pub(super) fn send_dumps(&mut self, round: &mut Round) -> Result<(), Trouble> {
        let mut failures = 0;
        let mut last_trouble = None;
        for sha256 in self.due() {
            match self.send_dump(&sha256)? {
                Sent::There => {
                    failures = 0;
                    round.dumps_sent += 1;
                    self.settle(&sha256, Standing::Sent);
                    self.spool.remove(&sha256);
                    if !self.pause_in_catching_up() {
                        return Ok(());
                    }
                }
                Sent::Refused(why) => {
                    tracing::warn!(dump.sha256 = sha256, why, "a dump is not sent");
                    self.settle(&sha256, Standing::Refused(why));
                }
                Sent::Failed(trouble) => {
                    failures += 1;
                    self.put_off(&sha256);
                    if failures >= FAILURES_MOST {
                        return Err(trouble);
                    }
                    last_trouble = Some(trouble);
                }
                Sent::Changed => {
                    tracing::warn!(
                        dump.sha256 = sha256,
                        "a dump changed while it was sent; it is looked at again"
                    );
                    self.state.dumps.remove(&sha256);
                }
            }
        }
        last_trouble.map_or(Ok(()), Err)
    }

    /// A short wait after a dump while the server has only just come back; `false` if the agent is to stop.
    ///
    /// Each machine of a fleet has a backlog then, and the server has all of them at once.
    fn pause_in_catching_up(&mut self) -> bool {
        self.state.trouble.is_none() || self.clock.sleep(self.chance.up_to(CATCH_UP_PAUSE))
    }

    /// The dumps whose time has come, oldest first.
    fn due(&self) -> Vec<String> {
        let now = self.now();
        let most = time::Duration::days(1);
        // A time that is further away than any wait comes from a clock that was set back.
        let is_due = |dump: &DumpRecord| {
            dump.not_before
                .is_none_or(|time| time <= now || time - now > most)
        };
        let due = self
            .state
            .dumps
            .iter()
            .filter(|(_, dump)| dump.is_pending() && is_due(dump));
        let mut due: Vec<_> = due
            .map(|(sha256, dump)| (dump.modified, sha256.clone()))
            .collect();
        due.sort();
        due.into_iter().map(|(_, sha256)| sha256).collect()
    }

    fn send_dump(&mut self, sha256: &str) -> Result<Sent, Trouble> {
        let Some(path) = self.where_is(sha256) else {
            return Ok(Sent::Refused(GONE.to_owned()));
        };
        let is_unsure = self
            .state
            .dumps
            .get(sha256)
            .is_some_and(|dump| dump.standing == Standing::Unsure);
        if is_unsure && self.is_there(sha256)? {
            return Ok(Sent::There);
        }
        // From here on the server may have it without our hearing of it.
        self.settle(sha256, Standing::Unsure);
        let answer = match self.upload(&path) {
            Ok(answer) => answer,
            Err(Upload::File(error)) => {
                self.settle(sha256, Standing::Pending);
                let reason = format!("{}: {error}", path.display());
                return Ok(Sent::Failed(Trouble::Unreadable { reason }));
            }
            Err(Upload::Connection(trouble)) => {
                // One that is cut off every time must not keep the others from being sent.
                self.put_off(sha256);
                return Err(trouble);
            }
        };
        self.judge(sha256, &answer)
    }

    fn judge(&mut self, sha256: &str, answer: &Answer) -> Result<Sent, Trouble> {
        let now = self.now();
        let uploaded: Result<UploadedDumps, Trouble> = answer.json(now);
        match self.heard(uploaded) {
            Ok(uploaded)
                if uploaded
                    .dumps
                    .iter()
                    .any(|dump| dump.sha256.eq_ignore_ascii_case(sha256)) =>
            {
                tracing::info!(
                    dump.sha256 = sha256,
                    duplicate = answer.status == 200,
                    "a dump is sent"
                );
                Ok(Sent::There)
            }
            Ok(_) => Ok(Sent::Changed),
            Err(Trouble::Refused {
                status: status @ (400 | 413 | 415 | 422),
                detail,
                kind,
            }) => Ok(Sent::Refused(format!(
                "the server refuses it ({kind}, status {status}): {detail}"
            ))),
            Err(trouble @ (Trouble::Broken { .. } | Trouble::Nonsense { .. })) => Ok(Sent::Failed(trouble)),
            Err(trouble) => {
                if matches!(
                    trouble,
                    Trouble::Busy { .. }
                        | Trouble::Unauthorized
                        | Trouble::Revoked { .. }
                        | Trouble::Refused { .. }
                ) {
                    self.settle(sha256, Standing::Pending); // the server said that it did not take it
                }
                Err(trouble)
            }
        }
    }

    /// Sends the file.
    fn upload(&mut self, path: &Path) -> Result<Answer, Upload> {
        let token = self.token().map_err(Upload::Connection)?;
        let limit = self.config.bandwidth_bytes_per_second;
        let clock = Arc::clone(&self.clock);
        let mut body = UploadBody::open(path, clock.as_ref(), limit).map_err(Upload::File)?;
        let to = format!("/api/v1/dumps?machine={}", escaped(&self.name));
        let answer = self.client.stream(&to, &token, &mut body);
        if let Some(error) = body.failure() {
            return Err(Upload::File(error));
        }
        self.heard(answer).map_err(Upload::Connection)
    }

    /// Whether the server has a dump of this machine.
    fn is_there(&mut self, sha256: &str) -> Result<bool, Trouble> {
        let token = self.token()?;
        let answer = self.client.head(&self.path(&format!("dumps/{sha256}")), &token);
        let answer = self.heard(answer)?;
        match answer.status {
            200..300 => Ok(true),
            // Also where nothing is known of the question: then the bytes themselves tell.
            404 | 405 | 501 => Ok(false),
            _ => {
                let done = answer.done(self.now());
                self.heard(done).map(|()| false)
            }
        }
    }

    /// Where the dump can be read: in the spool, or where it was found if it is still the same.
    fn where_is(&self, sha256: &str) -> Option<PathBuf> {
        if let Some(copy) = self.spool.copy_of(sha256) {
            return Some(copy);
        }
        let dump = self.state.dumps.get(sha256)?;
        let path = PathBuf::from(&dump.path);
        let metadata = std::fs::symlink_metadata(&path).ok()?;
        (metadata.is_file() && metadata.len() == dump.size_bytes).then_some(path)
    }

    /// Copies dumps that wait into the spool.
    pub(super) fn put_by(&self) {
        for (sha256, dump) in self.state.dumps.iter().filter(|(_, dump)| dump.is_pending()) {
            let path = Path::new(&dump.path);
            if !path.is_file() {
                continue;
            }
            if let Err(error) = self.spool.keep(sha256, path, dump.size_bytes) {
                tracing::warn!(path = %path.display(), %error, "a dump cannot be put by; it stays where it is");
            }
        }
    }

    /// How long until the next dump is due that was put off; `None` if none was.
    pub(super) fn wait_until_due(&self) -> Option<Duration> {
        let now = self.now();
        let pending = self.state.dumps.values().filter(|dump| dump.is_pending());
        let wait = pending
            .map(|dump| dump.not_before.map_or(time::Duration::ZERO, |time| time - now))
            .min()?;
        Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
    }

    fn settle(&mut self, sha256: &str, standing: Standing) {
        if let Some(dump) = self.state.dumps.get_mut(sha256)
            && dump.standing != standing
        {
            dump.standing = standing;
            self.save();
        }
    }

    fn put_off(&mut self, sha256: &str) {
        let now = self.now();
        let Some(dump) = self.state.dumps.get_mut(sha256) else {
            return;
        };
        dump.failures = dump.failures.saturating_add(1);
        dump.not_before = Some(now + self.chance.backoff(dump.failures));
        self.save();
    }
}
