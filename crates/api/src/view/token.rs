//! Tokens as the API shows them.

use wire::token::{Scope, Token};

use crate::list::{Cell, Table, time};

/// The scopes of these names; names that a later version wrote are left out.
pub(crate) fn scopes(names: &[String]) -> Vec<Scope> {
    names.iter().filter_map(|name| Scope::from_name(name)).collect()
}

/// The names of scopes.
pub(crate) fn scope_names(scopes: &[Scope]) -> Vec<String> {
    scopes.iter().map(|scope| scope.as_str().to_owned()).collect()
}

/// One token.
pub(crate) fn token(token: store::tokens::Token) -> Token {
    Token {
        id: token.id.0,
        name: token.name,
        scopes: scopes(&token.scopes),
        machine: token.machine,
        enrolled_by: token.enrolled_by.map(|id| id.0),
        created_at: token.created_at,
        expires_at: token.expires_at,
        revoked_at: token.revoked_at,
    }
}

impl Table for Token {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "name",
        "scopes",
        "machine",
        "enrolled_by",
        "created_at",
        "expires_at",
        "revoked_at",
    ];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::plain(self.id),
            Cell::text(&self.name),
            Cell::plain(scope_names(&self.scopes).join(" ")),
            Cell::maybe_text(self.machine.as_deref()),
            Cell::maybe(self.enrolled_by),
            time(self.created_at),
            self.expires_at.map_or(Cell::Empty, time),
            self.revoked_at.map_or(Cell::Empty, time),
        ]
    }
}
