//! What an error looks like: RFC 9457 `application/problem+json`.

use serde::{Deserialize, Serialize};

/// An error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// What kind of error it is: a stable word such as `unsupported-format`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time.
    pub detail: String,
    /// The id to quote when asking for help.
    pub request_id: String,
}
