//! Who calls, and what they may do.
//!
//! A request proves who it is by `Authorization: Bearer`, by the session cookie, or (uploads by crash reporters
//! that cannot set headers) by `?key=`. Each is a 256-bit random text of which the server only keeps the SHA-256,
//! so looking the hash up tells an attacker nothing through its timing. Take [`Reader`] in an API handler that only
//! shows something, [`Caller`] in any other, [`Session`] in a page handler, [`Uploader`] in an upload handler; ask the
//! last three with [`Caller::require`].

#[cfg(feature = "oidc")]
mod attempt;
mod cookie;
mod extractor;
mod origin;
mod peer;
mod remembered;

use store::Sha256;
use uuid::Uuid;
use wire::token::Scope;

pub use cookie::{SESSION_COOKIE, clear_cookie, session_cookie};
pub use extractor::{Reader, Session, Uploader};
pub use peer::{Network, NotANetwork};

#[cfg(feature = "oidc")]
pub(crate) use attempt::{attempt_cookie, clear_attempt_cookie, kept_attempt};
pub(crate) use cookie::session_secret;
pub(crate) use extractor::{Visitor, by_session};
pub(crate) use origin::is_same_site;
pub(crate) use remembered::Remembered;

use crate::error::ApiError;

/// Somebody with a valid token or session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token that was shown, or that the session was opened with. `None` for a session that came from the
    /// one-time link.
    pub token_id: Option<Uuid>,
    /// Who, in words, where no token tells.
    pub actor: Option<String>,
    /// What they may do.
    pub scopes: Vec<Scope>,
    /// The only machine they may write for.
    pub machine: Option<String>,
    /// The session that proved who they are, by its hash; `None` for a token.
    pub session: Option<Sha256>,
}

impl Caller {
    /// Whether they may do what `scope` allows; `admin` allows everything.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|&has| has == scope || has == Scope::Admin)
    }

    /// Refuses the request unless they may do what `scope` allows.
    ///
    /// # Errors
    ///
    /// [`ApiError::Forbidden`] if they may not.
    pub fn require(&self, scope: Scope) -> Result<(), ApiError> {
        if self.may(scope) {
            Ok(())
        } else {
            Err(ApiError::Forbidden { needs: scope })
        }
    }

    /// The machine an upload is for: `named`, or the one the token is bound to when none is named.
    ///
    /// # Errors
    ///
    /// [`ApiError::ForeignMachine`] if the token is bound to another machine; [`ApiError::Forbidden`] if it may
    /// not send anything.
    pub fn write_for<'a>(&'a self, named: Option<&'a str>) -> Result<Option<&'a str>, ApiError> {
        if self.may(Scope::Upload) {
            return Ok(named);
        }
        let Some(own) = self.machine.as_deref().filter(|_| self.may(Scope::Agent)) else {
            return Err(ApiError::Forbidden { needs: Scope::Upload });
        };
        match named {
            Some(machine) if machine != own => Err(ApiError::ForeignMachine),
            _ => Ok(Some(own)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Caller;
    use wire::token::Scope;

    fn caller(scopes: &[Scope], machine: Option<&str>) -> Caller {
        Caller {
            token_id: None,
            actor: None,
            scopes: scopes.to_vec(),
            machine: machine.map(str::to_owned),
            session: None,
        }
    }

    #[test]
    fn an_admin_may_do_everything() {
        assert!(
            Scope::ALL
                .iter()
                .all(|&scope| caller(&[Scope::Admin], None).may(scope))
        );
    }

    #[test]
    fn reading_does_not_include_downloading() {
        assert!(caller(&[Scope::Read], None).require(Scope::Download).is_err());
    }

    #[test]
    fn an_agent_writes_for_its_own_machine_only() {
        let agent = caller(&[Scope::Agent], Some("m1"));
        assert_eq!(agent.write_for(Some("m1")).unwrap(), Some("m1"));
        assert_eq!(agent.write_for(None).unwrap(), Some("m1"));
        assert!(agent.write_for(Some("m2")).is_err());
    }

    #[test]
    fn an_agent_token_without_a_machine_writes_nothing() {
        assert!(caller(&[Scope::Agent], None).write_for(Some("m1")).is_err());
    }

    #[test]
    fn an_enrolment_key_writes_for_any_machine_or_none() {
        let key = caller(&[Scope::Upload], None);
        assert_eq!(key.write_for(Some("m2")).unwrap(), Some("m2"));
        assert_eq!(key.write_for(None).unwrap(), None);
    }
}
