//! How many requests a token may make, and how many wrong tokens an address may show.
//!
//! Each valid token has two shares a minute, one for reading and one for sending, kept by the generic cell rate
//! algorithm: what is used up comes back evenly, not at the full minute. A token is known here only after it was found
//! valid, so made-up ones fill no memory: they count against the address that shows them. When an address has shown too
//! many, tokens that are not known yet are refused from there without asking the database, until some of its share has
//! come back; those known go on, behind the same proxy too.
//!
//! Shares are kept by each process for itself. What was not used for ten minutes is forgotten, and by then whole again.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::Method;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use moka::future::Cache;
use store::Sha256;

use crate::Settings;
use crate::error::ApiError;

/// Most tokens, and most addresses, that are kept in mind.
const MOST_KEPT: u64 = 100_000;

/// How long one is kept in mind without being seen.
const KEPT: Duration = Duration::from_mins(10);

/// Seconds in which a share comes back.
pub(crate) const WINDOW_SECONDS: u32 = 60;

type Limiter = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

/// What a request does with its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// It asks for something, or takes something away.
    Read,
    /// It brings something, or asks whether it should: what agents do all day.
    Send,
}

impl Use {
    /// What a request with this method does.
    pub(crate) fn of(method: &Method) -> Use {
        match *method {
            Method::POST | Method::PUT | Method::HEAD => Use::Send,
            _ => Use::Read,
        }
    }

    /// Its name in headers.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Use::Read => "read",
            Use::Send => "send",
        }
    }
}

/// How a token's share stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    /// Which share it is.
    pub(crate) of: Use,
    /// Requests in the whole of it.
    pub(crate) whole: u32,
    /// Requests that are left.
    pub(crate) left: u32,
    /// Seconds until it is whole again.
    pub(crate) whole_in_seconds: u64,
}

/// The shares of all tokens, and what addresses have done.
#[derive(Debug)]
pub(crate) struct Limits {
    reads: Option<Quota>,
    sends: Option<Quota>,
    guesses: Option<Quota>,
    tokens: Cache<Sha256, Arc<Shares>>,
    addresses: Cache<IpAddr, Arc<Guesser>>,
}

/// The shares of one token; `None` where there is no limit.
#[derive(Debug)]
struct Shares {
    reads: Option<Limiter>,
    sends: Option<Limiter>,
}

/// An address that has shown wrong tokens.
#[derive(Debug)]
struct Guesser {
    guesses: Limiter,
    refused_until: Mutex<Option<Instant>>,
}

impl Limits {
    /// Limits as set; where 0 is set, there is none.
    pub(crate) fn new(settings: &Settings) -> Limits {
        let quota = |per_minute| NonZeroU32::new(per_minute).map(Quota::per_minute);
        Limits {
            reads: quota(settings.reads_per_minute),
            sends: quota(settings.sends_per_minute),
            guesses: quota(settings.guesses_per_minute),
            tokens: Cache::builder()
                .max_capacity(MOST_KEPT)
                .time_to_idle(KEPT)
                .build(),
            addresses: Cache::builder()
                .max_capacity(MOST_KEPT)
                .time_to_idle(KEPT)
                .build(),
        }
    }

    /// Takes one request from a token's share; `None` if the token was not found valid before.
    ///
    /// # Errors
    ///
    /// [`ApiError::RateLimited`] if nothing is left.
    pub(crate) async fn take(&self, token: Sha256, what: Use) -> Result<Option<Share>, ApiError> {
        match self.tokens.get(&token).await {
            Some(shares) => shares.take(what).map(Some),
            None => Ok(None),
        }
    }

    /// The same for a token that was just found valid.
    ///
    /// # Errors
    ///
    /// [`ApiError::RateLimited`] if nothing is left.
    pub(crate) async fn take_of_new(&self, token: Sha256, what: Use) -> Result<Share, ApiError> {
        let new = async {
            Arc::new(Shares {
                reads: self.reads.map(limiter),
                sends: self.sends.map(limiter),
            })
        };
        self.tokens.get_with(token, new).await.take(what)
    }

    /// Whether a token that is not known may be tried from this address.
    ///
    /// # Errors
    ///
    /// [`ApiError::RateLimited`] if the address has shown too many wrong ones.
    pub(crate) async fn may_try(&self, address: Option<IpAddr>) -> Result<(), ApiError> {
        let Some(address) = address else {
            return Ok(());
        };
        let Some(guesser) = self.addresses.get(&network(address)).await else {
            return Ok(());
        };
        let until = *guesser
            .refused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match until.map(|until| until.saturating_duration_since(Instant::now())) {
            Some(wait) if !wait.is_zero() => Err(ApiError::RateLimited {
                of_what: "wrong tokens from this address",
                wait,
            }),
            _ => Ok(()),
        }
    }

    /// Notes that an address has shown a wrong token.
    pub(crate) async fn was_wrong(&self, token: Sha256, address: Option<IpAddr>) {
        // It was valid a moment ago if it is known.
        self.tokens.invalidate(&token).await;
        let (Some(address), Some(quota)) = (address, self.guesses) else {
            return;
        };
        let new = async {
            Arc::new(Guesser {
                guesses: limiter(quota),
                refused_until: Mutex::new(None),
            })
        };
        let guesser = self.addresses.get_with(network(address), new).await;
        let left = guesser
            .guesses
            .check()
            .map(|state| state.remaining_burst_capacity());
        let wait = match left {
            Ok(0) => quota.replenish_interval(),
            Ok(_) => return,
            Err(until) => until.wait_time_from(DefaultClock::default().now()),
        };
        let mut until = guesser
            .refused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *until = Instant::now().checked_add(wait);
    }
}

impl Shares {
    fn take(&self, what: Use) -> Result<Share, ApiError> {
        let limiter = match what {
            Use::Read => &self.reads,
            Use::Send => &self.sends,
        };
        let Some(limiter) = limiter else {
            return Ok(Share {
                of: what,
                whole: 0,
                left: 0,
                whole_in_seconds: 0,
            });
        };
        let state = limiter.check().map_err(|until| ApiError::RateLimited {
            of_what: "requests with this token",
            wait: until.wait_time_from(DefaultClock::default().now()),
        })?;
        let (whole, left) = (state.quota().burst_size().get(), state.remaining_burst_capacity());
        let used = whole.saturating_sub(left);
        let back = state.quota().replenish_interval().saturating_mul(used);
        Ok(Share {
            of: what,
            whole,
            left,
            whole_in_seconds: back.as_secs() + u64::from(back.subsec_nanos() > 0),
        })
    }
}

fn limiter(quota: Quota) -> Limiter {
    RateLimiter::direct(quota).with_middleware()
}

/// What is one address for us: with IPv6, the network that one customer has.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use store::Sha256;

    use super::{Limits, Use};
    use crate::Settings;

    fn limits() -> Limits {
        Limits::new(&Settings {
            reads_per_minute: 3,
            sends_per_minute: 0,
            guesses_per_minute: 2,
            ..Settings::default()
        })
    }

    #[tokio::test]
    async fn a_token_has_its_share_and_no_more() {
        let limits = limits();
        let token = Sha256::of(b"a");
        assert_eq!(limits.take(token, Use::Read).await.unwrap(), None);
        let left: Vec<u32> = [
            limits.take_of_new(token, Use::Read).await.unwrap().left,
            limits.take(token, Use::Read).await.unwrap().unwrap().left,
            limits.take(token, Use::Read).await.unwrap().unwrap().left,
        ]
        .into();
        assert_eq!(left, [2, 1, 0]);
        assert!(limits.take(token, Use::Read).await.is_err());
        // Another token, and what has no limit, go on.
        assert!(limits.take_of_new(Sha256::of(b"b"), Use::Read).await.is_ok());
        assert!(limits.take(token, Use::Send).await.is_ok());
    }

    #[tokio::test]
    async fn an_address_that_guesses_is_refused_and_its_neighbours_are_not() {
        let limits = limits();
        let guesser: IpAddr = "2001:db8:1:2::3".parse().unwrap();
        for _ in 0..2 {
            limits.may_try(Some(guesser)).await.unwrap();
            limits.was_wrong(Sha256::of(b"x"), Some(guesser)).await;
        }
        assert!(limits.may_try(Some(guesser)).await.is_err());
        assert!(limits.may_try("2001:db8:1:2:9::".parse().ok()).await.is_err());
        assert!(limits.may_try("2001:db8:1:3::3".parse().ok()).await.is_ok());
    }

    #[tokio::test]
    async fn a_token_that_was_revoked_is_no_longer_known() {
        let limits = limits();
        let token = Sha256::of(b"a");
        limits.take_of_new(token, Use::Read).await.unwrap();
        limits.was_wrong(token, None).await;
        assert_eq!(limits.take(token, Use::Read).await.unwrap(), None);
    }
}
