//! The token that is shown: the machine's own if it has one, else the configured one.
//!
//! The machine's own comes from enrolment and is kept in `token.json`, readable only by the agent's own account. It
//! is bound to the server and the machine it was made for: when either changes, it is not shown.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::state::{read, write_whole};

/// What the agent may show the server.
#[derive(Debug)]
pub(crate) struct Credentials {
    path: PathBuf,
    server: String,
    machine: String,
    configured: Option<Secret>,
    own: Option<Secret>,
    /// Whether the server said that the configured token is not one to enrol with, so it is shown as it is.
    is_configured_own: bool,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    server: String,
    machine: String,
    token: Secret,
}

impl Credentials {
    /// The credentials of one machine with one server. A kept token that cannot be read is as none.
    pub(crate) fn open(folder: &Path, server: &str, machine: &str, configured: Option<Secret>) -> Self {
        let path = folder.join("token.json");
        let kept: Option<Kept> = read(&path).unwrap_or_else(|error| {
            tracing::warn!(%error, "the kept token cannot be read; the machine enrols again");
            None
        });
        let own = kept.filter(|kept| kept.server == server && kept.machine == machine);
        Self {
            path,
            server: server.to_owned(),
            machine: machine.to_owned(),
            configured,
            own: own.map(|kept| kept.token),
            is_configured_own: false,
        }
    }

    /// The token to show, or `None` before enrolment.
    pub(crate) fn token(&self) -> Option<Secret> {
        let configured = self.configured.as_ref().filter(|_| self.is_configured_own);
        self.own.as_ref().or(configured).cloned()
    }

    /// The token to enrol with.
    pub(crate) fn enrolment_token(&self) -> Option<Secret> {
        self.configured.clone()
    }

    /// Shows the configured token from now on: it is not one to enrol with, so it is the machine's own.
    pub(crate) fn use_configured(&mut self) {
        self.is_configured_own = true;
    }

    /// Keeps the machine's own token. It is used even if it cannot be kept.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub(crate) fn keep(&mut self, token: Secret) -> io::Result<()> {
        self.own = Some(token.clone());
        let kept = Kept {
            server: self.server.clone(),
            machine: self.machine.clone(),
            token,
        };
        write_whole(&self.path, &serde_json::to_vec(&kept)?)
    }

    /// Forgets the token that the server does not know any more.
    pub(crate) fn forget(&mut self) {
        self.is_configured_own = false;
        if self.own.take().is_some()
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, "the token that is not known any more cannot be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Credentials;
    use crate::config::Secret;

    #[test]
    fn a_kept_token_is_shown_only_to_the_server_it_is_for() {
        let folder = tempfile::tempdir().unwrap();
        let open = |server| Credentials::open(folder.path(), server, "m1", None);
        open("https://a").keep(Secret::new("own")).unwrap();
        assert_eq!(open("https://a").token(), Some(Secret::new("own")));
        assert_eq!(open("https://b").token(), None);
    }

    #[test]
    fn a_forgotten_token_does_not_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut credentials = Credentials::open(folder.path(), "https://a", "m1", None);
        credentials.keep(Secret::new("own")).unwrap();
        credentials.forget();
        assert_eq!(
            Credentials::open(folder.path(), "https://a", "m1", None).token(),
            None
        );
    }
}
