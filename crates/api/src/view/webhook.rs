//! Webhooks and alerts as the API shows them.

use serde_json::Value;
use store::alerts;
use wire::webhook::{Alert, AlertKind, News, SentAlert, Webhook};

use crate::error::ApiError;
use crate::list::{Cell, Table, time};

/// One webhook, without its secret.
pub(crate) fn webhook(webhook: alerts::Webhook) -> Webhook {
    Webhook {
        id: webhook.id.0,
        url: webhook.url,
        kinds: webhook.kinds.into_iter().map(kind).collect(),
        created_at: webhook.created_at,
        disabled_at: webhook.disabled_at,
    }
}

fn kind(kind: alerts::AlertKind) -> AlertKind {
    match kind {
        alerts::AlertKind::Verdict => AlertKind::Verdict,
        alerts::AlertKind::RateJump => AlertKind::RateJump,
    }
}

/// The kinds as they are stored.
pub(crate) fn stored_kinds(kinds: &[AlertKind]) -> Vec<alerts::AlertKind> {
    let stored = kinds.iter().map(|kind| match kind {
        AlertKind::Verdict => alerts::AlertKind::Verdict,
        AlertKind::RateJump => alerts::AlertKind::RateJump,
    });
    stored.collect()
}

/// One alert with what became of it.
pub(crate) fn sent(summary: alerts::AlertSummary) -> Result<SentAlert, ApiError> {
    Ok(SentAlert {
        alert: alert(&summary.alert)?,
        delivered: summary.delivered,
        waiting: summary.waiting,
        given_up: summary.failed,
        last_error: summary.last_error,
    })
}

/// The stored body has all but the id and the time.
fn alert(alert: &alerts::Alert) -> Result<Alert, ApiError> {
    let news: Value = alert.body.clone();
    Ok(Alert {
        id: alert.id.0,
        created_at: alert.created_at,
        news: serde_json::from_value(news).map_err(ApiError::internal)?,
    })
}

impl Table for Webhook {
    const COLUMNS: &'static [&'static str] = &["id", "url", "kinds", "created_at", "disabled_at"];

    fn cells(&self) -> Vec<Cell> {
        let kinds: Vec<&str> = self.kinds.iter().map(|kind| kind.as_str()).collect();
        vec![
            Cell::plain(self.id),
            Cell::text(&self.url),
            Cell::plain(kinds.join(" ")),
            time(self.created_at),
            self.disabled_at.map_or(Cell::Empty, time),
        ]
    }
}

impl Table for SentAlert {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "created_at",
        "kind",
        "stop_code",
        "text",
        "path",
        "delivered",
        "waiting",
        "given_up",
        "last_error",
    ];

    fn cells(&self) -> Vec<Cell> {
        let (kind, stop_code, text, path) = match &self.alert.news {
            News::Verdict {
                stop_code,
                text,
                path,
                ..
            } => (AlertKind::Verdict, stop_code, text, path),
            News::RateJump {
                stop_code,
                text,
                path,
                ..
            } => (AlertKind::RateJump, stop_code, text, path),
        };
        vec![
            Cell::plain(self.alert.id),
            time(self.alert.created_at),
            Cell::plain(kind.as_str()),
            Cell::plain(stop_code),
            Cell::text(text),
            Cell::text(path),
            Cell::plain(self.delivered),
            Cell::plain(self.waiting),
            Cell::plain(self.given_up),
            Cell::maybe_text(self.last_error.as_deref()),
        ]
    }
}
