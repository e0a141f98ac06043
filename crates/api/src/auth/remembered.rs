//! Tokens that were found good a moment ago.
//!
//! Agents and crash reporters show the same token again and again; asking the database each time cost a tenth of the
//! uploads that the server takes. What a token may do is remembered for a second. A revocation makes this server forget
//! all of it at once; where several serve one database, a token that another has revoked is good for that second more.

use std::time::Duration;

use moka::future::Cache;
use store::Sha256;
use store::tokens::Grant;

/// How long it is remembered.
const FOR: Duration = Duration::from_secs(1);

/// The most tokens that are.
const MOST: u64 = 10_000;

/// What tokens may do, by their hash.
pub(crate) struct Remembered(Cache<Sha256, Grant>);

impl Remembered {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Remembered(Cache::builder().max_capacity(MOST).time_to_live(FOR).build())
    }

    /// What the token with this hash may do, if it was asked for within the last second.
    pub(super) async fn get(&self, token: Sha256) -> Option<Grant> {
        self.0.get(&token).await
    }

    /// Remembers what the database said.
    pub(super) async fn note(&self, token: Sha256, grant: Grant) {
        self.0.insert(token, grant).await;
    }

    /// Forgets everything: a token has been revoked, or another one made in its place.
    pub(crate) fn forget(&self) {
        self.0.invalidate_all();
    }
}
