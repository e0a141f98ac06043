//! Tokens that were found good a moment ago.
//!
//! Agents and crash reporters show the same token again and again; asking the database each time cost a tenth of the
//! uploads that the server takes. What a token may do is remembered for a second. A revocation makes this server forget
//! all of it at once, also what is just being asked for; where several serve one database, a token that another has
//! revoked is good for that second more.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::future::Cache;
use store::Sha256;
use store::tokens::Grant;

/// How long it is remembered.
const FOR: Duration = Duration::from_secs(1);

/// The most tokens that are.
const MOST: u64 = 10_000;

/// What tokens may do, by their hash.
pub(crate) struct Remembered {
    grants: Cache<Sha256, (Era, Grant)>,
    era: AtomicU64,
}

/// The time between two revocations. What was asked for in one is not believed in the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Era(u64);

impl Remembered {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Remembered {
            grants: Cache::builder().max_capacity(MOST).time_to_live(FOR).build(),
            era: AtomicU64::new(0),
        }
    }

    /// What time it is, to be looked up before the database is asked.
    pub(super) fn era(&self) -> Era {
        Era(self.era.load(Ordering::SeqCst))
    }

    /// What the token with this hash may do, if it was asked for within the last second.
    pub(super) async fn get(&self, token: Sha256) -> Option<Grant> {
        let (asked_in, grant) = self.grants.get(&token).await?;
        (asked_in == self.era()).then_some(grant)
    }

    /// Remembers what the database said when it was asked in that era.
    pub(super) async fn note(&self, token: Sha256, asked_in: Era, grant: Grant) {
        self.grants.insert(token, (asked_in, grant)).await;
    }

    /// Forgets everything: a token has been revoked, or another one made in its place.
    pub(crate) fn forget(&self) {
        self.era.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use store::Sha256;
    use store::tokens::Grant;

    use super::Remembered;

    #[tokio::test]
    async fn what_was_asked_for_before_a_revocation_is_not_believed_after_it() {
        let remembered = Remembered::new();
        let token = Sha256::of(b"token");
        let grant = Grant {
            token: None,
            scopes: vec!["read".to_owned()],
            machine: None,
            actor: None,
        };
        remembered.note(token, remembered.era(), grant.clone()).await;
        assert_eq!(remembered.get(token).await.as_ref(), Some(&grant));

        // The database was asked, then the token was revoked, then its answer came.
        let asked_in = remembered.era();
        remembered.forget();
        assert_eq!(remembered.get(token).await, None);
        remembered.note(token, asked_in, grant).await;
        assert_eq!(remembered.get(token).await, None);
    }
}
