//! One attempt to sign in, from the first click until the browser comes back.
//!
//! The server keeps nothing of it: one secret of 256 bits stays in the browser, and what the protocol needs is derived
//! from it. So a browser can only come back with its own attempt, and nobody fills a table by starting thousands.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Error;

/// One attempt to sign in.
#[derive(Clone)]
pub struct Attempt([u8; 32]);

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Attempt(…)")
    }
}

impl Attempt {
    /// A new one.
    ///
    /// # Errors
    ///
    /// [`Error::NoRandomness`].
    pub fn new() -> Result<Attempt, Error> {
        let mut secret = [0; 32];
        let filled = SystemRandom::new().fill(&mut secret);
        filled.map_err(|_| Error::NoRandomness)?;
        Ok(Attempt(secret))
    }

    /// The one whose secret a browser has kept, 64 hex digits; `None` for anything else.
    pub fn read(secret: &str) -> Option<Attempt> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(secret, &mut bytes).ok()?;
        Some(Attempt(bytes))
    }

    /// The secret, for the browser alone.
    pub fn expose(&self) -> String {
        hex::encode(self.0)
    }

    /// Goes to the provider and back by the browser: shows that the answer belongs to this attempt.
    pub(crate) fn state(&self) -> String {
        self.derive("state")
    }

    /// Whether this is the attempt's [`state`](Attempt::state).
    pub(crate) fn has_state(&self, state: &str) -> bool {
        self.state().as_bytes().ct_eq(state.as_bytes()).into()
    }

    /// Comes back inside the ID token: shows that it was made for this attempt.
    pub(crate) fn nonce(&self) -> String {
        self.derive("nonce")
    }

    /// PKCE's secret, which only this server shows to the provider. 43 characters, as RFC 7636 asks for.
    pub(crate) fn verifier(&self) -> String {
        self.derive("verifier")
    }

    /// PKCE's challenge: the hash of the verifier.
    pub(crate) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier()))
    }

    fn derive(&self, what: &str) -> String {
        let key = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        URL_SAFE_NO_PAD.encode(key.chain_update(what).finalize().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::Attempt;

    #[test]
    fn an_attempt_comes_back_from_its_secret_alone() {
        let attempt = Attempt::new().unwrap();
        let kept = Attempt::read(&attempt.expose()).unwrap();
        assert_eq!(kept.state(), attempt.state());
        assert!(kept.has_state(&attempt.state()));
        let other = Attempt::new().unwrap();
        assert!(!other.has_state(&attempt.state()));
    }

    #[test]
    fn what_is_shown_to_others_tells_nothing_of_the_rest() {
        let attempt = Attempt([7; 32]);
        let shown = [
            attempt.state(),
            attempt.nonce(),
            attempt.verifier(),
            attempt.challenge(),
        ];
        let different: std::collections::BTreeSet<_> = shown.iter().collect();
        assert_eq!(different.len(), shown.len());
        assert!(shown.iter().all(|text| text.len() == 43));
    }

    #[test]
    fn what_is_no_secret_is_no_attempt() {
        for wrong in ["", "00", &"g".repeat(64), &"0".repeat(66)] {
            assert!(Attempt::read(wrong).is_none(), "{wrong:?}");
        }
    }
}
