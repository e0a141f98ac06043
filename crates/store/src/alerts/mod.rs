//! Telling other systems what is worth telling: an outbox.
//!
//! An alert is written in the transaction that makes it true, with one delivery for each webhook that wants it. Whoever
//! posts them claims deliveries for a lease and settles each one; what is not settled is claimed again. So a receiver
//! gets every alert at least once, and knows a repeated one by its id.
//!
//! ```text
//! verdict stored ──┐                   ┌──► delivered
//!                  ├─► alert ─► delivery ──fail──► waits ──claim──► …
//! rate jumped ─────┘                   └──► given up, three days after the alert
//! ```
//!
//! | Module | What it has |
//! |---|---|
//! | [`cusum`] | when a rate has jumped, pure |
//! | `news` | whether a verdict or a jump is news, so that what comes and goes is told once |
//! | `deliveries` | claiming, settling, giving up |
//! | `webhooks` | whom to tell |

pub mod cusum;
mod deliveries;
mod news;
mod outbox;
mod rates;
mod webhooks;

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

pub use deliveries::{Delivery, DeliveryFence, Failed, claim, delivered, failed};
pub use news::{Reached, ReachedWord, rate_jumped, verdict_reached};
pub use outbox::{AlertSummary, list, prune};
pub(crate) use rates::machine_days;
pub use rates::{codes_to_watch, daily, rate_jump};
pub use webhooks::{NewWebhook, Webhook, WebhookId, create_webhook, disable_webhook, webhooks};

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertKind {
    /// A stop code's verdict newly reached a word.
    Verdict,
    /// A stop code's own rate jumped.
    RateJump,
}

impl AlertKind {
    /// The word in tables and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            AlertKind::Verdict => "verdict",
            AlertKind::RateJump => "rate-jump",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<AlertKind> {
        [AlertKind::Verdict, AlertKind::RateJump]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// An alert's id: a UUID version 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct AlertId(pub Uuid);

/// Something worth telling.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// What it is about.
    pub kind: AlertKind,
    /// The stop code.
    pub stop_code: u32,
    /// What is posted, but for the id. Stored and sent, never read here.
    pub body: Value,
    /// When it was found.
    pub created_at: OffsetDateTime,
}
