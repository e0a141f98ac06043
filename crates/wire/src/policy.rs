//! What an agent is asked to do.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// What the agent of one machine is asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Policy {
    /// How often it should look for something to upload.
    pub upload_interval_seconds: u64,
    /// Whether it should set `TrackLockedPages`.
    pub track_locked_pages: bool,
    /// Until when it should be set.
    #[serde(with = "time::serde::rfc3339::option")]
    pub track_locked_pages_until: Option<OffsetDateTime>,
}
