//! Webhooks: who is told of alerts, and what is told.
//!
//! An alert is posted as the JSON of [`Alert`] with the headers
//!
//! ```text
//! Stopcode-Alert: 0193…                 its id; a repeated delivery has the same
//! Stopcode-Signature: t=1763812800,v1=5f3a…
//! ```
//!
//! where `v1` is the HMAC-SHA-256, in hex, of the number after `t=`, a full stop and the body, keyed with the webhook's
//! secret. Any 2xx status takes the alert; everything else, and silence for ten seconds, is tried again for three days.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StopCodeNumber;
use crate::suspects::{SuspectDriver, VerdictWord};

/// What can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AlertKind {
    /// A stop code's verdict newly reached `suspect-set`, `likely-cause` or `confirmed`.
    Verdict,
    /// A stop code's own rate per 1,000 machine-days rose and stayed up.
    RateJump,
}

impl AlertKind {
    /// All kinds.
    pub const ALL: [AlertKind; 2] = [AlertKind::Verdict, AlertKind::RateJump];

    /// The name as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            AlertKind::Verdict => "verdict",
            AlertKind::RateJump => "rate-jump",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<AlertKind> {
        AlertKind::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A wish for a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewWebhook {
    /// Where alerts are posted to: `https://` or `http://`.
    pub url: String,
    /// What to tell; everything unless given.
    #[serde(default)]
    pub kinds: Option<Vec<AlertKind>>,
}

/// A new webhook; its secret is never shown again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedWebhook {
    /// The webhook's id.
    pub id: Uuid,
    /// The key of the signatures.
    pub secret: String,
}

/// A webhook as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Webhook {
    /// The webhook's id.
    pub id: Uuid,
    /// Where alerts are posted to.
    pub url: String,
    /// What it is told.
    pub kinds: Vec<AlertKind>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was switched off; it is told nothing from then on.
    #[serde(with = "time::serde::rfc3339::option")]
    pub disabled_at: Option<OffsetDateTime>,
}

/// An alert and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SentAlert {
    /// What was told.
    pub alert: Alert,
    /// Webhooks that took it.
    pub delivered: u64,
    /// Webhooks that are still tried.
    pub waiting: u64,
    /// Webhooks that did not take it in three days.
    pub given_up: u64,
    /// Why the latest delivery that failed did.
    pub last_error: Option<String>,
}

/// What is posted to a webhook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Alert {
    /// The alert's id; a repeated delivery has the same.
    pub id: Uuid,
    /// When it was found.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// What it is.
    #[serde(flatten)]
    pub news: News,
}

/// What an alert tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum News {
    /// A verdict newly reached a word.
    Verdict {
        /// The stop code.
        stop_code: StopCodeNumber,
        /// The word.
        verdict: VerdictWord,
        /// The same for people.
        text: String,
        /// Probability that no driver version explains the crashes.
        none_probability: Option<f64>,
        /// The suspects that hold the culprit with 95 % probability, most suspicious first.
        suspects: Vec<AccusedSuspect>,
        /// Machines that crashed in the window.
        crashing_machines: u64,
        /// The page, below the server's address.
        path: String,
    },
    /// A rate rose.
    RateJump {
        /// The stop code.
        stop_code: StopCodeNumber,
        /// The same for people.
        text: String,
        /// Crashing machines per 1,000 machine-days before.
        rate_before: f64,
        /// The same since.
        rate_since: f64,
        /// The first day of the higher rate.
        #[serde(with = "crate::day")]
        since: time::Date,
        /// The page, below the server's address.
        path: String,
    },
}

/// A suspect as an alert names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccusedSuspect {
    /// More than one entry means that the data cannot tell them apart, or a run of versions.
    pub drivers: Vec<SuspectDriver>,
    /// The build of Windows that it is.
    pub os_build: Option<u32>,
    /// Posterior probability.
    pub probability: Option<f64>,
}
