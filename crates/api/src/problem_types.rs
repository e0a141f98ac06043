//! The kinds of problems that requests end in: what stands in a problem's `type`, and what it means.
//!
//! The words stay: clients act on them. [`ApiError`](crate::ApiError) says which one an error is; the OpenAPI document
//! lists all of them.

use axum::http::StatusCode;

/// One kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProblemType {
    /// What stands in `type`.
    pub word: &'static str,
    /// The status that it is answered with.
    pub status: StatusCode,
    /// What stands in `title`.
    pub title: &'static str,
    /// What it means and what to do, for the document.
    pub meaning: &'static str,
    /// A `detail` as it may be told.
    pub example: &'static str,
}

macro_rules! problem_types {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $status:ident, $title:literal, $meaning:literal, $example:literal;)*) => {
        $($(#[$doc])* pub(crate) const $name: ProblemType = ProblemType {
            word: $word,
            status: StatusCode::$status,
            title: $title,
            meaning: $meaning,
            example: $example,
        };)*

        /// All kinds, by status.
        pub const ALL: &[ProblemType] = &[$($name),*];
    };
}

problem_types! {
    /// What a client sent says nothing that we understand.
    INVALID_REQUEST = "invalid-request", BAD_REQUEST, "The request cannot be understood",
        "Path, query or body break a rule, or the query has a parameter that the address does not know. Mend the request.",
        "`limit` must be a number from 1 to 500";
    /// Neither a dump nor a symbol file.
    UNSUPPORTED_FORMAT = "unsupported-format", BAD_REQUEST, "Not a file that can be read",
        "The upload is neither a dump nor a symbol file that can be read; the detail says what it looks like.",
        "this looks like a PNG image; expected a kernel dump (PAGEDU64 or PAGEDUMP) or a user-mode minidump (MDMP)";
    /// A body that breaks its own encoding or archive format.
    CORRUPT_BODY = "corrupt-body", BAD_REQUEST, "The body is damaged",
        "The body breaks the rules of its encoding, archive or form. Send it again; what is damaged on disk stays so.",
        "the gzip stream ends too early";
    /// No valid token.
    UNAUTHORIZED = "unauthorized", UNAUTHORIZED, "Not signed in",
        "No token was sent, or one that is unknown, expired or revoked.",
        "the token is unknown, expired or revoked";
    /// A valid token that may not do this.
    MISSING_SCOPE = "missing-scope", FORBIDDEN, "Not allowed",
        "The token is valid but lacks the scope that the detail names.",
        "this needs a token with the scope `admin`";
    /// A token of another machine.
    FOREIGN_MACHINE = "foreign-machine", FORBIDDEN, "Not allowed",
        "A token that is bound to one machine was used for another.",
        "this token may only write for the machine it was made for";
    /// A machine that was put out.
    MACHINE_REVOKED = "machine-revoked", FORBIDDEN, "Not allowed",
        "An administrator revoked the machine's latest token; it may enrol again when there is a newer one for it.",
        "an administrator revoked the token of this machine; it is let in again when an administrator makes a newer agent token for it";
    /// A browser sent our cookie from elsewhere.
    CROSS_SITE = "cross-site", FORBIDDEN, "Request from another site",
        "A browser sent a writing request with the session cookie from a page that is not this server's.",
        "requests with the session cookie must come from this server's own pages";
    /// Nothing has this id.
    NOT_FOUND = "not-found", NOT_FOUND, "Not found",
        "There is nothing with the id or name in the path.",
        "there is no crash \"0199a0c6-5d5f-7a51-b9a7-2e6f8a3a1c11\"";
    /// No route has this path.
    NO_SUCH_PATH = "no-such-path", NOT_FOUND, "Not found",
        "The address is none of this server's.",
        "there is nothing at this address";
    /// The path has no such method.
    METHOD_NOT_ALLOWED = "method-not-allowed", METHOD_NOT_ALLOWED, "Method not allowed",
        "The address exists but not with this method; `Allow` names those it takes.",
        "this address does not take this method";
    /// A body that came too slowly.
    SLOW_BODY = "slow-body", REQUEST_TIMEOUT, "Too slow",
        "The body did not arrive in time.",
        "the body did not arrive in time";
    /// The state of things forbids it.
    CONFLICT = "conflict", CONFLICT, "Not possible now",
        "The request does not fit the state of things; the detail says why.",
        "the experiment is over already";
    /// A driver set that we do not have.
    UNKNOWN_DRIVER_SET = "unknown-driver-set", CONFLICT, "Unknown driver set",
        "An inventory names a driver set by a hash that is not known here. Send the drivers in full.",
        "the driver set \"00ff\" is not known here; send the drivers in full";
    /// More bytes than the limit.
    TOO_LARGE = "too-large", PAYLOAD_TOO_LARGE, "Too large",
        "The body, or what it inflates to, is larger than the limit that the detail names.",
        "the inflated body is larger than the limit of 67108864 bytes";
    /// An encoding that we do not decode.
    UNSUPPORTED_ENCODING = "unsupported-encoding", UNSUPPORTED_MEDIA_TYPE, "Unknown content encoding",
        "The `Content-Encoding` is neither gzip nor zstd.",
        "cannot decode the content encoding \"br\"; send gzip, zstd or none";
    /// A body of another media type.
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "Unknown content type",
        "The address takes JSON, and the `Content-Type` says something else.",
        "send the body as `Content-Type: application/json`";
    /// Too many requests of one token, or too many wrong tokens from one address.
    RATE_LIMITED = "rate-limited", TOO_MANY_REQUESTS, "Too many requests",
        "The token used up its share of requests, or the address showed too many wrong tokens. Wait as `Retry-After` says.",
        "too many requests with this token; `Retry-After` says when to go on";
    /// Too much at once.
    BUSY = "busy", TOO_MANY_REQUESTS, "Busy",
        "The uploads under way fill the memory set aside for them. Wait as `Retry-After` says.",
        "too many uploads at this moment; try again shortly";
    /// Our fault.
    INTERNAL = "internal", INTERNAL_SERVER_ERROR, "Internal error",
        "The server is at fault; its log has the reason under the request id.",
        "the server could not do this; its log has the reason under this request id";
    /// An import that broke off.
    IMPORT_STOPPED = "import-stopped", INTERNAL_SERVER_ERROR, "The import stopped",
        "An import broke off for a reason of the server's. What came before the line in the detail is stored.",
        "the import stopped; lines before 2001 are stored, go on with ?from_line=2001";
    /// Wait for what is computed.
    NOT_READY = "not-ready", SERVICE_UNAVAILABLE, "Not ready",
        "What was asked for is still being computed. Wait as `Retry-After` says.",
        "the ranking is being computed; try again shortly";
    /// Wait for the database.
    UNAVAILABLE = "unavailable", SERVICE_UNAVAILABLE, "Storage unavailable",
        "Database or disk are away, full or overloaded. Wait as `Retry-After` says.",
        "the server cannot reach its storage at this moment; try again shortly";
    /// It took too long.
    DEADLINE = "deadline", SERVICE_UNAVAILABLE, "Took too long",
        "The server did not finish in time. Ask for less, or later.",
        "the server did not finish this in time";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        let mut words: Vec<&str> = ALL.iter().map(|kind| kind.word).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), ALL.len());
        assert!(ALL.is_sorted_by_key(|kind| kind.status.as_u16()));
    }
}
