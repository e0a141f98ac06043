//! Every way a request can fail, and the status, word and sentence it is answered with.
//!
//! Handlers return [`ApiError`]. Its response carries the error itself as an extension and no body; the layer in
//! `middleware::problem` writes the RFC 9457 body, because only there the request id is known, and logs what is
//! our own fault, once. A client is never told more than the sentence below.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use wire::token::Scope;

use crate::problem_types::{self, ProblemType};

/// What an error inside the server is.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// A failed request. Its `Display` is the problem's `detail`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// There is nothing of this id.
    #[error("there is no {what} {id:?}")]
    NotFound {
        /// What was looked for, e.g. `crash`.
        what: &'static str,
        /// The id as it was sent.
        id: String,
    },
    /// No route has this path.
    #[error("there is nothing at this address")]
    NoSuchPath,
    /// The path exists, but not with this method.
    #[error("this address does not take this method")]
    MethodNotAllowed,
    /// The query, the path or the JSON body does not say anything we understand.
    #[error("{detail}")]
    Invalid {
        /// What is wrong, in a sentence.
        detail: String,
    },
    /// The upload is no dump that we can read.
    #[error("{saw}; expected a kernel dump (PAGEDU64 or PAGEDUMP) or a user-mode minidump (MDMP)")]
    UnsupportedFormat {
        /// What the bytes look like.
        saw: String,
    },
    /// The upload is no symbol file that we can read.
    #[error("{saw}; expected a PE image, a PDB, a Breakpad symbol file, or a CAB archive of one of them")]
    NotSymbols {
        /// What the bytes look like.
        saw: String,
    },
    /// The body claims an encoding or an archive format and breaks its rules.
    #[error("{detail}")]
    CorruptBody {
        /// What is broken, in a sentence.
        detail: String,
    },
    /// A `Content-Encoding` that we do not decode.
    #[error("cannot decode the content encoding {encoding:?}; send gzip, zstd or none")]
    UnsupportedEncoding {
        /// The header's text.
        encoding: String,
    },
    /// A body that is not JSON where JSON is taken.
    #[error("send the body as `Content-Type: application/json`")]
    UnsupportedMediaType,
    /// More bytes than the limit.
    #[error("{what} is larger than the limit of {limit_bytes} bytes")]
    TooLarge {
        /// What is too large, e.g. `the inflated body`.
        what: &'static str,
        /// The limit.
        limit_bytes: u64,
    },
    /// The body came too slowly.
    #[error("the body did not arrive in time")]
    SlowBody,
    /// No token, or one that is not valid (any more).
    #[error("{detail}")]
    Unauthorized {
        /// What is missing.
        detail: &'static str,
    },
    /// The token is valid but lacks a scope.
    #[error("this needs a token with the scope `{}`", needs.as_str())]
    Forbidden {
        /// The scope that is missing.
        needs: Scope,
    },
    /// A token that is bound to one machine was used for another.
    #[error("this token may only write for the machine it was made for")]
    ForeignMachine,
    /// An administrator put the machine out.
    #[error(
        "an administrator revoked the token of this machine; it is let in again when an administrator makes a newer \
         agent token for it"
    )]
    MachineRevoked,
    /// A browser sent an unsafe request from another site with our cookie.
    #[error("requests with the session cookie must come from this server's own pages")]
    CrossSite,
    /// An inventory names a driver set that is not known.
    #[error("the driver set {hash:?} is not known here; send the drivers in full")]
    UnknownDriverSet {
        /// The hash as it was sent.
        hash: String,
    },
    /// The request does not fit the state of things.
    #[error("{detail}")]
    Conflict {
        /// Why not, in a sentence.
        detail: String,
    },
    /// Too many requests with one token, or too many wrong tokens from one address.
    #[error("too many {of_what}; `Retry-After` says when to go on")]
    RateLimited {
        /// What there were too many of, e.g. `requests with this token`.
        of_what: &'static str,
        /// After how long the next is taken.
        wait: Duration,
    },
    /// The uploads in flight fill the memory set aside for them.
    #[error("too many uploads at this moment; try again shortly")]
    Busy,
    /// Something the request needs is not ready.
    #[error("{what}")]
    NotReady {
        /// What is not ready, in a sentence.
        what: &'static str,
    },
    /// The database or the disk is away, full or overloaded for the moment.
    #[error("the server cannot reach its storage at this moment; try again shortly")]
    Unavailable(#[source] Cause),
    /// The server is at fault.
    #[error("the server could not do this; its log has the reason under this request id")]
    Internal(#[source] Cause),
    /// An import broke off for a reason of the server's; the lines before were kept.
    #[error("the import stopped; lines before {next_line} are stored, go on with ?from_line={next_line}")]
    ImportStopped {
        /// The first line that was not stored.
        next_line: u64,
        /// Why.
        #[source]
        cause: Cause,
    },
}

impl ApiError {
    /// The error for a query or body that cannot be used.
    pub fn invalid(detail: impl Into<String>) -> Self {
        ApiError::Invalid {
            detail: detail.into(),
        }
    }

    /// The error for something that went wrong in the server.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        ApiError::Internal(cause.into())
    }

    /// The error for a missing thing.
    pub fn not_found(what: &'static str, id: &(impl ToString + ?Sized)) -> Self {
        ApiError::NotFound {
            what,
            id: id.to_string(),
        }
    }

    /// The kind of problem that it is told as.
    pub fn problem_type(&self) -> ProblemType {
        match self {
            ApiError::NotFound { .. } => problem_types::NOT_FOUND,
            ApiError::NoSuchPath => problem_types::NO_SUCH_PATH,
            ApiError::MethodNotAllowed => problem_types::METHOD_NOT_ALLOWED,
            ApiError::Invalid { .. } => problem_types::INVALID_REQUEST,
            ApiError::UnsupportedFormat { .. } | ApiError::NotSymbols { .. } => {
                problem_types::UNSUPPORTED_FORMAT
            }
            ApiError::CorruptBody { .. } => problem_types::CORRUPT_BODY,
            ApiError::UnsupportedEncoding { .. } => problem_types::UNSUPPORTED_ENCODING,
            ApiError::UnsupportedMediaType => problem_types::UNSUPPORTED_MEDIA_TYPE,
            ApiError::TooLarge { .. } => problem_types::TOO_LARGE,
            ApiError::SlowBody => problem_types::SLOW_BODY,
            ApiError::Unauthorized { .. } => problem_types::UNAUTHORIZED,
            ApiError::Forbidden { .. } => problem_types::MISSING_SCOPE,
            ApiError::ForeignMachine => problem_types::FOREIGN_MACHINE,
            ApiError::MachineRevoked => problem_types::MACHINE_REVOKED,
            ApiError::CrossSite => problem_types::CROSS_SITE,
            ApiError::UnknownDriverSet { .. } => problem_types::UNKNOWN_DRIVER_SET,
            ApiError::Conflict { .. } => problem_types::CONFLICT,
            ApiError::RateLimited { .. } => problem_types::RATE_LIMITED,
            ApiError::Busy => problem_types::BUSY,
            ApiError::NotReady { .. } => problem_types::NOT_READY,
            ApiError::Unavailable(_) => problem_types::UNAVAILABLE,
            ApiError::Internal(_) => problem_types::INTERNAL,
            ApiError::ImportStopped { .. } => problem_types::IMPORT_STOPPED,
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.problem_type().status
    }
}

impl From<store::Error> for ApiError {
    fn from(error: store::Error) -> Self {
        if error.is_transient() {
            ApiError::Unavailable(Box::new(error))
        } else {
            ApiError::Internal(Box::new(error))
        }
    }
}

/// The error of a response, for the layer that writes its body.
#[derive(Debug, Clone)]
pub(crate) struct Failure(pub(crate) Arc<ApiError>);

/// Seconds a client should wait when the server is busy.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        match self {
            ApiError::Busy | ApiError::NotReady { .. } | ApiError::Unavailable(_) => {
                response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            ApiError::RateLimited { wait, .. } => {
                let seconds = wait.as_secs().saturating_add(1);
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            ApiError::Unauthorized { .. } => {
                let challenge = HeaderValue::from_static("Bearer realm=\"stopcode\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
            _ => {}
        }
        response.extensions_mut().insert(Failure(Arc::new(self)));
        response
    }
}

/// `error` and everything it came from, joined by colons: what a log line shows.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{ApiError, chain};

    #[test]
    fn a_client_is_not_told_why_the_server_failed() {
        let error = ApiError::internal("password authentication failed for user \"stopcode\"");
        assert!(!error.to_string().contains("password"));
        assert!(chain(&error).contains("password authentication failed"));
    }

    #[test]
    fn a_busy_server_says_when_to_come_back() {
        let response = axum::response::IntoResponse::into_response(ApiError::Busy);
        assert_eq!(response.status(), 429);
        assert!(response.headers().contains_key("retry-after"));
    }
}
