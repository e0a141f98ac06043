//! Getting in: enrolment, and what follows when the server does not know the token or shuts the machine out.

use time::OffsetDateTime;
use wire::policy::{Enrolled, Enrolment};

use super::{Agent, SHUT_OUT};
use crate::config::Secret;
use crate::digest;
use crate::server::{Answer, Trouble, escaped};

/// The version that is told.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Agent {
    /// Sees to it that there is a token to show.
    pub(super) fn enrol(&mut self) -> Result<(), Trouble> {
        let now = self.now();
        if self.is_shut_out() {
            return Err(Trouble::Revoked {
                detail: "it is tried again once a day".to_owned(),
            });
        }
        if self.credentials.token().is_some() {
            return Ok(());
        }
        let token = self.credentials.enrolment_token().ok_or(Trouble::NoToken)?;
        let body = Enrolment {
            agent_version: VERSION.to_owned(),
        };
        let answer = self.client.json("POST", &self.path("enrolment"), &token, &body)?;
        let enrolled: Result<Enrolled, Trouble> = answer.json(now);
        match enrolled {
            Ok(enrolled) => self.keep_token(enrolled),
            // A token that may not enrol may be the machine's own; a server without enrolment takes any.
            Err(Trouble::Refused {
                status: 403..=405, ..
            }) => self.credentials.use_configured(),
            Err(_) if answer.status == 404 => self.credentials.use_configured(),
            Err(trouble) => return Err(self.admit(trouble)),
        }
        Ok(())
    }

    fn keep_token(&mut self, enrolled: Enrolled) {
        tracing::info!(machine = %self.name, "the machine is enrolled");
        self.state.shut_out_until = None;
        if let Err(error) = self.credentials.keep(Secret::new(enrolled.token)) {
            tracing::warn!(%error, "the machine's token cannot be kept; it will enrol again after a restart");
        }
    }

    /// Draws the conclusions from trouble that is about the machine itself.
    pub(super) fn admit(&mut self, trouble: Trouble) -> Trouble {
        match trouble {
            Trouble::Unauthorized => self.credentials.forget(),
            Trouble::Revoked { .. } => {
                self.state.shut_out_until = Some(self.now() + SHUT_OUT);
                self.state.shut_out_token = self.configured_token();
                self.credentials.forget();
            }
            _ => {}
        }
        trouble
    }

    /// Whether a day has not passed since the machine was shut out. A clock that was set back does not make it longer.
    fn is_shut_out(&self) -> bool {
        let now = self.now();
        let is_early = |until: OffsetDateTime| now < until && until - now <= SHUT_OUT;
        self.state.shut_out_until.is_some_and(is_early)
            && self.state.shut_out_token == self.configured_token()
    }

    fn configured_token(&self) -> Option<String> {
        let token = self.credentials.enrolment_token()?;
        Some(digest::of_bytes(token.reveal().as_bytes()))
    }

    /// The token to show; [`Agent::enrol`] has seen to it that there is one.
    pub(super) fn token(&self) -> Result<Secret, Trouble> {
        self.credentials.token().ok_or(Trouble::NoToken)
    }

    /// The path of something of this machine.
    pub(super) fn path(&self, what: &str) -> String {
        format!("/api/v1/machines/{}/{what}", escaped(&self.name))
    }

    /// Notes that the server answered, and what an answer that is not the wanted one means.
    pub(super) fn heard<T>(&mut self, answer: Result<T, Trouble>) -> Result<T, Trouble> {
        if !matches!(
            answer,
            Err(Trouble::Unreachable { .. } | Trouble::Nonsense { .. })
        ) {
            self.state.last_contact = Some(self.now());
        }
        answer.map_err(|trouble| self.admit(trouble))
    }

    /// Sends JSON about this machine.
    pub(super) fn tell(
        &mut self,
        method: &str,
        what: &str,
        body: &impl serde::Serialize,
    ) -> Result<Answer, Trouble> {
        let token = self.token()?;
        let answer = self.client.json(method, &self.path(what), &token, body);
        self.heard(answer)
    }
}
