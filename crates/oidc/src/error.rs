//! Why somebody was not signed in.

/// Why somebody was not signed in. The texts are for the operator's log; what a visitor is told is the page's business.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    NoRandomness,
    /// The answer belongs to no attempt of this browser.
    #[error("the answer does not belong to the attempt that this browser has begun")]
    NotBegunHere,
    /// The provider let nobody in: the person declined, or may not use this server.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// The provider did not answer.
    #[error("{what}: {why}")]
    Unreachable {
        /// What was asked for.
        what: &'static str,
        /// Why there was no answer.
        why: String,
    },
    /// What the provider answered cannot be used.
    #[error("{what}: {why}")]
    Unusable {
        /// What was asked for.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The ID token proves nothing.
    #[error("the ID token: {0}")]
    IdToken(String),
}
