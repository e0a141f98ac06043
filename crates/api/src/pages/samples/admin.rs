//! Tokens and the audit: usual, empty, hostile.

use time::Duration;
use uuid::Uuid;
use wire::audit::AuditEntry;
use wire::token::Scope;

use super::{NOW, hostile};
use crate::pages::{audit, tokens};

fn token(name: &str) -> tokens::Token {
    tokens::Token {
        id: Uuid::from_u128(1),
        name: name.to_owned(),
        scopes: vec![Scope::Upload],
        machine: None,
        created_at: NOW - Duration::days(40),
        last_used_at: None,
        expires_at: None,
        revoked_at: None,
        own: false,
    }
}

/// Token pages: just after one was made, usual, empty, hostile.
pub(crate) fn token_pages() -> [tokens::Facts; 4] {
    let empty = tokens::Facts {
        now: Some(NOW),
        ..tokens::Facts::default()
    };
    let usual = tokens::Facts {
        tokens: vec![
            tokens::Token {
                own: true,
                last_used_at: Some(NOW),
                scopes: vec![Scope::Admin],
                ..token("first start")
            },
            tokens::Token {
                revoked_at: Some(NOW),
                machine: Some("PC-0815".to_owned()),
                ..token("PC-0815")
            },
            tokens::Token {
                expires_at: Some(NOW - Duration::days(1)),
                ..token("ring 1")
            },
        ],
        next_cursor: Some("ab".to_owned()),
        turned: true,
        done: Some(tokens::Done::Revoked),
        sessions: vec![
            tokens::SignedIn {
                token: Some("first start".to_owned()),
                own: true,
                ..signed_in("")
            },
            signed_in("ada@example.com (248289761001)"),
        ],
        ..empty.clone()
    };
    let made = tokens::Facts {
        made: Some("stopcode_00ff".to_owned()),
        ..usual.clone()
    };
    let evil = tokens::Facts {
        tokens: vec![tokens::Token {
            machine: Some(hostile()),
            scopes: Scope::ALL.into(),
            ..token(&hostile())
        }],
        next_cursor: Some(hostile()),
        of_agents: true,
        form: tokens::Form {
            name: hostile(),
            machine: hostile(),
            scopes: Scope::ALL.into(),
            days: 7,
        },
        problem: Some(hostile()),
        done: Some(tokens::Done::Ended),
        sessions: vec![signed_in(&hostile())],
        ..empty.clone()
    };
    [made, usual, empty, evil]
}

fn signed_in(actor: &str) -> tokens::SignedIn {
    tokens::SignedIn {
        hash: "00ff".repeat(16),
        token: None,
        actor: Some(actor.to_owned()),
        scopes: vec![Scope::Read, Scope::Download],
        since: NOW - Duration::hours(3),
        until: NOW + Duration::hours(9),
        own: false,
    }
}

fn entry(action: &str, subject: &str) -> AuditEntry {
    AuditEntry {
        id: Uuid::from_u128(2),
        at: NOW,
        token_id: Some(Uuid::from_u128(1)),
        token_name: Some("first start".to_owned()),
        actor: None,
        action: action.to_owned(),
        subject: subject.to_owned(),
        times: 1,
    }
}

/// Audits: usual, empty, hostile.
pub(crate) fn audits() -> [audit::Facts; 3] {
    let nobody = AuditEntry {
        token_id: None,
        token_name: None,
        ..entry("experiment.expired", "x")
    };
    let usual = audit::Facts {
        entries: vec![
            entry("token.create", "00000000-0000-0000-0000-000000000001"),
            AuditEntry {
                action: "sign-in.refused".to_owned(),
                subject: "unknown, revoked or expired token".to_owned(),
                times: 12_000,
                ..nobody.clone()
            },
            AuditEntry {
                actor: Some("one-time link".to_owned()),
                ..nobody.clone()
            },
            AuditEntry {
                token_name: None,
                ..entry("dump.download", "y")
            },
            nobody,
        ],
        next_cursor: Some("ab".to_owned()),
        ..audit::Facts::default()
    };
    let evil = audit::Facts {
        query: audit::Query {
            action: hostile(),
            from: hostile(),
            to: hostile(),
            cursor: hostile(),
        },
        entries: vec![AuditEntry {
            token_name: Some(hostile()),
            actor: Some(hostile()),
            times: u64::MAX,
            ..entry(&hostile(), &hostile())
        }],
        next_cursor: Some(hostile()),
        problem: Some(hostile()),
    };
    [usual, audit::Facts::default(), evil]
}
