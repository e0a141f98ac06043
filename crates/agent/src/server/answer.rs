//! What an answer means: done, refused, later, or nonsense.
//!
//! Between the agent and the server there may be anything: a proxy's sign-in page with status 200, a load balancer's
//! 502 in HTML, a captive portal's redirect. Only an answer that speaks the server's own JSON decides something for
//! good; everything else means "later".

use std::time::Duration;

use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use wire::problem::Problem;

/// The longest wait that a server's `Retry-After` may ask for.
const RETRY_MOST: Duration = Duration::from_hours(24);

/// The longest text of a server that is kept or logged, in characters.
const DETAIL_MOST: usize = 300;

/// An answer, read up to a bound.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `Retry-After`, as it was sent.
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// Why a request did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    /// No answer came.
    #[error("the server cannot be reached: {reason}")]
    Unreachable { reason: String },
    /// The server asks to be left alone for a while.
    #[error("the server is busy (status {status})")]
    Busy {
        status: u16,
        retry_after: Option<Duration>,
    },
    /// Something answered that does not speak like the server.
    #[error("what answers is not a Stopcode server, or is broken (status {status}): {why}")]
    Nonsense { status: u16, why: String },
    /// The server has an error of its own.
    #[error("the server failed (status {status})")]
    Broken { status: u16 },
    /// The token is not known any more.
    #[error("the server does not know the token, or it has expired")]
    Unauthorized,
    /// An administrator has shut this machine out.
    #[error("an administrator has revoked this machine: {detail}")]
    Revoked { detail: String },
    /// The server understood and declines, for good.
    #[error("the server refuses ({kind}, status {status}): {detail}")]
    Refused {
        status: u16,
        kind: String,
        detail: String,
    },
    /// A dump cannot be read to its end. Nothing is wrong with the server.
    #[error("a dump cannot be read: {reason}")]
    Unreadable { reason: String },
    /// There is nothing to show the server.
    #[error("no token is configured: set STOPCODE_TOKEN or `token`")]
    NoToken,
}

impl Answer {
    /// The body, if the request was done.
    ///
    /// # Errors
    ///
    /// The [`Trouble`] that the status stands for, or [`Trouble::Nonsense`] if the body is not a `T`.
    pub(crate) fn json<T: DeserializeOwned>(&self, now: OffsetDateTime) -> Result<T, Trouble> {
        self.done(now)?;
        serde_json::from_slice(&self.body).map_err(|error| Trouble::Nonsense {
            status: self.status,
            why: format!("the answer is not the expected JSON ({error})"),
        })
    }

    /// Whether the request was done; the body does not matter.
    ///
    /// # Errors
    ///
    /// The [`Trouble`] that the status stands for.
    pub(crate) fn done(&self, now: OffsetDateTime) -> Result<(), Trouble> {
        if (200..300).contains(&self.status) {
            return Ok(());
        }
        Err(self.trouble(now))
    }

    fn trouble(&self, now: OffsetDateTime) -> Trouble {
        let status = self.status;
        let problem: Option<Problem> = serde_json::from_slice(&self.body).ok();
        match (status, problem) {
            (401, _) => Trouble::Unauthorized,
            (429 | 503, _) => Trouble::Busy {
                status,
                retry_after: self
                    .retry_after
                    .as_deref()
                    .and_then(|text| retry_after(text, now)),
            },
            (500.., _) => Trouble::Broken { status },
            (403, Some(problem)) if problem.kind == "machine-revoked" => Trouble::Revoked {
                detail: shortened(&problem.detail),
            },
            (400..500, Some(problem)) => Trouble::Refused {
                status,
                kind: shortened(&problem.kind),
                detail: shortened(&problem.detail),
            },
            (300..400, _) => Trouble::Nonsense {
                status,
                why: "a redirect; give the address of the server itself".to_owned(),
            },
            _ => Trouble::Nonsense {
                status,
                why: "the answer is not the server's JSON".to_owned(),
            },
        }
    }
}

/// `Retry-After` in seconds or as a date, never longer than a day.
fn retry_after(text: &str, now: OffsetDateTime) -> Option<Duration> {
    let text = text.trim();
    let wait = if let Ok(seconds) = text.parse() {
        Duration::from_secs(seconds)
    } else {
        let until = OffsetDateTime::parse(text, &Rfc2822).ok()?;
        Duration::try_from(until - now).unwrap_or(Duration::ZERO)
    };
    Some(wait.min(RETRY_MOST))
}

/// A server's text, without control characters, cut to a bearable length.
fn shortened(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .take(DETAIL_MOST)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Answer, Trouble};
    use std::time::Duration;
    use time::OffsetDateTime;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

    fn answer(status: u16, retry_after: Option<&str>, body: &str) -> Answer {
        Answer {
            status,
            retry_after: retry_after.map(str::to_owned),
            body: body.as_bytes().to_vec(),
        }
    }

    fn problem(kind: &str, status: u16) -> String {
        format!(r#"{{"type":"{kind}","title":"t","status":{status},"detail":"d","request_id":"r"}}"#)
    }

    #[test]
    fn a_wait_is_understood_in_seconds_and_as_a_date_and_is_bounded() {
        for (text, expected) in [
            ("120", Some(Duration::from_mins(2))),
            ("Sun, 22 Nov 2026 12:05:00 GMT", Some(Duration::from_mins(5))),
            ("Sun, 22 Nov 2020 12:05:00 GMT", Some(Duration::ZERO)),
            ("99999999999", Some(Duration::from_hours(24))),
            ("soon", None),
            ("-5", None),
        ] {
            let trouble = answer(429, Some(text), "").done(NOW).unwrap_err();
            let Trouble::Busy { retry_after, .. } = trouble else {
                panic!("{trouble:?}");
            };
            assert_eq!(retry_after, expected, "{text}");
        }
    }

    #[test]
    fn only_the_servers_own_json_refuses_for_good() {
        let refused = answer(400, None, &problem("unsupported-format", 400))
            .done(NOW)
            .unwrap_err();
        assert!(matches!(refused, Trouble::Refused { status: 400, .. }));
        for status in [301, 400, 403, 404, 413] {
            let trouble = answer(status, None, "<html>no</html>").done(NOW).unwrap_err();
            assert!(
                matches!(trouble, Trouble::Nonsense { .. }),
                "{status}: {trouble:?}"
            );
        }
    }

    #[test]
    fn a_revoked_machine_is_told_from_other_refusals() {
        let revoked = answer(403, None, &problem("machine-revoked", 403))
            .done(NOW)
            .unwrap_err();
        assert!(matches!(revoked, Trouble::Revoked { .. }));
        let forbidden = answer(403, None, &problem("forbidden", 403))
            .done(NOW)
            .unwrap_err();
        assert!(matches!(forbidden, Trouble::Refused { .. }));
    }

    #[test]
    fn a_sign_in_page_with_status_200_is_nonsense() {
        let trouble = answer(200, None, "<html>sign in</html>").json::<wire::policy::Policy>(NOW);
        assert!(matches!(trouble, Err(Trouble::Nonsense { status: 200, .. })));
    }
}
