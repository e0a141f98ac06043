//! The record of what was done, as the API shows it.

use wire::audit::AuditEntry;

use crate::list::{Cell, Table, time};

/// One entry.
pub(crate) fn entry(entry: store::audit::Recorded) -> AuditEntry {
    AuditEntry {
        id: entry.id,
        at: entry.at,
        token_id: entry.token.map(|id| id.0),
        token_name: entry.token_name,
        actor: entry.actor,
        action: entry.action,
        subject: entry.subject,
        times: entry.times,
    }
}

impl Table for AuditEntry {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "at",
        "token_id",
        "token_name",
        "actor",
        "action",
        "subject",
        "times",
    ];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::plain(self.id),
            time(self.at),
            Cell::maybe(self.token_id),
            Cell::maybe_text(self.token_name.as_deref()),
            Cell::maybe_text(self.actor.as_deref()),
            Cell::text(&self.action),
            Cell::text(&self.subject),
            Cell::plain(self.times),
        ]
    }
}
