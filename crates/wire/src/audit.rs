//! What was done that needs an answer later.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// One entry of the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// The entry's id.
    pub id: Uuid,
    /// When. Sign-ins are counted within ten minutes, and this is their start.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The token used.
    pub token_id: Option<Uuid>,
    /// What that token is called.
    pub token_name: Option<String>,
    /// Who, in words, where no token tells; without both it was the program itself.
    pub actor: Option<String>,
    /// What was done, e.g. `dump.download`.
    pub action: String,
    /// To what: mostly an id.
    pub subject: String,
    /// How often: 1, but for sign-ins.
    pub times: u64,
}
