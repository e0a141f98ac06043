//! Every way a request can fail, and the status, word and sentence it is answered with.
//!
//! Handlers return [`ApiError`]. Its response carries the error itself as an extension and no body; the layer in
//! `middleware::problem` writes the RFC 9457 body, because only there the request id is known, and logs what is
//! our own fault, once. A client is never told more than the sentence below.

use std::error::Error as StdError;
use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use wire::token::Scope;

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

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            ApiError::NotFound { .. } | ApiError::NoSuchPath => StatusCode::NOT_FOUND,
            ApiError::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            ApiError::Invalid { .. }
            | ApiError::UnsupportedFormat { .. }
            | ApiError::NotSymbols { .. }
            | ApiError::CorruptBody { .. } => StatusCode::BAD_REQUEST,
            ApiError::UnsupportedEncoding { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ApiError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            ApiError::SlowBody => StatusCode::REQUEST_TIMEOUT,
            ApiError::Unauthorized { .. } => StatusCode::UNAUTHORIZED,
            ApiError::Forbidden { .. }
            | ApiError::ForeignMachine
            | ApiError::MachineRevoked
            | ApiError::CrossSite => StatusCode::FORBIDDEN,
            ApiError::UnknownDriverSet { .. } | ApiError::Conflict { .. } => StatusCode::CONFLICT,
            ApiError::Busy => StatusCode::TOO_MANY_REQUESTS,
            ApiError::NotReady { .. } | ApiError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            ApiError::Internal(_) | ApiError::ImportStopped { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The problem's `type`: a word that stays.
    pub fn kind(&self) -> &'static str {
        match self {
            ApiError::NotFound { .. } => "not-found",
            ApiError::NoSuchPath => "no-such-path",
            ApiError::MethodNotAllowed => "method-not-allowed",
            ApiError::Invalid { .. } => "invalid-request",
            ApiError::UnsupportedFormat { .. } | ApiError::NotSymbols { .. } => "unsupported-format",
            ApiError::CorruptBody { .. } => "corrupt-body",
            ApiError::UnsupportedEncoding { .. } => "unsupported-encoding",
            ApiError::TooLarge { .. } => "too-large",
            ApiError::SlowBody => "slow-body",
            ApiError::Unauthorized { .. } => "unauthorized",
            ApiError::Forbidden { .. } => "missing-scope",
            ApiError::ForeignMachine => "foreign-machine",
            ApiError::MachineRevoked => "machine-revoked",
            ApiError::CrossSite => "cross-site",
            ApiError::UnknownDriverSet { .. } => "unknown-driver-set",
            ApiError::Conflict { .. } => "conflict",
            ApiError::Busy => "busy",
            ApiError::NotReady { .. } => "not-ready",
            ApiError::Unavailable(_) => "unavailable",
            ApiError::Internal(_) => "internal",
            ApiError::ImportStopped { .. } => "import-stopped",
        }
    }

    /// The problem's `title`: the kind in words.
    pub fn title(&self) -> &'static str {
        match self {
            ApiError::NotFound { .. } | ApiError::NoSuchPath => "Not found",
            ApiError::MethodNotAllowed => "Method not allowed",
            ApiError::Invalid { .. } => "The request cannot be understood",
            ApiError::UnsupportedFormat { .. } => "Not a dump that can be read",
            ApiError::NotSymbols { .. } => "Not a symbol file that can be read",
            ApiError::CorruptBody { .. } => "The body is damaged",
            ApiError::UnsupportedEncoding { .. } => "Unknown content encoding",
            ApiError::TooLarge { .. } => "Too large",
            ApiError::SlowBody => "Too slow",
            ApiError::Unauthorized { .. } => "Not signed in",
            ApiError::Forbidden { .. } | ApiError::ForeignMachine | ApiError::MachineRevoked => "Not allowed",
            ApiError::CrossSite => "Request from another site",
            ApiError::UnknownDriverSet { .. } => "Unknown driver set",
            ApiError::Conflict { .. } => "Not possible now",
            ApiError::Busy => "Busy",
            ApiError::NotReady { .. } => "Not ready",
            ApiError::Unavailable(_) => "Storage unavailable",
            ApiError::Internal(_) => "Internal error",
            ApiError::ImportStopped { .. } => "The import stopped",
        }
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
