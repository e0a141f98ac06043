//! `/tokens`: who may come in, with which rights, and who is in.

use askama::Template;
use time::OffsetDateTime;
use uuid::Uuid;
use wire::token::Scope;

use super::layout::{Layout, Section, Viewer};
use super::show::{self, When};

/// For how many days a new token may be good, as the form offers it; 0 is for ever.
pub(crate) const LIVES: [(u16, &str); 5] = [
    (7, "a week"),
    (30, "30 days"),
    (90, "90 days"),
    (365, "a year"),
    (0, "until it is revoked"),
];

/// What the page is made from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) tokens: Vec<Token>,
    pub(crate) next_cursor: Option<String>,
    /// Whether the list is that of the agents' own tokens.
    pub(crate) of_agents: bool,
    /// Whether this is not the first page.
    pub(crate) turned: bool,
    /// The fields of the form.
    pub(crate) form: Form,
    /// What was wrong with the form.
    pub(crate) problem: Option<String>,
    /// The text of a token that was just made, for the only time.
    pub(crate) made: Option<String>,
    /// What was just done.
    pub(crate) done: Option<Done>,
    /// Who is signed in, the newest first; at most [`MOST_SESSIONS`].
    pub(crate) sessions: Vec<SignedIn>,
    pub(crate) now: Option<OffsetDateTime>,
}

/// What an administrator has just done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// A token was revoked.
    Revoked,
    /// A session was ended.
    Ended,
}

/// One token.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) machine: Option<String>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) last_used_at: Option<OffsetDateTime>,
    pub(crate) expires_at: Option<OffsetDateTime>,
    pub(crate) revoked_at: Option<OffsetDateTime>,
    /// Whether this page is looked at with it.
    pub(crate) own: bool,
}

/// One signed-in browser.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    /// What its session is known by here, 64 hex digits.
    pub(crate) hash: String,
    /// The token it was opened with.
    pub(crate) token: Option<String>,
    /// Who, where no token tells.
    pub(crate) actor: Option<String>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) since: OffsetDateTime,
    pub(crate) until: OffsetDateTime,
    /// Whether this page is looked at in it.
    pub(crate) own: bool,
}

/// The most sessions that are shown.
pub(crate) const MOST_SESSIONS: u32 = 200;

/// The fields of the form.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form {
    pub(crate) name: String,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) machine: String,
    /// Days, one of [`LIVES`].
    pub(crate) days: u16,
}

impl Form {
    /// The fields of these pairs; what is none of them is passed over.
    pub(crate) fn read(pairs: &[(String, String)]) -> Form {
        let one = |name: &str| {
            let found = pairs.iter().find(|(key, _)| key == name);
            found
                .map(|(_, value)| value.trim().to_owned())
                .unwrap_or_default()
        };
        let scopes = pairs.iter().filter(|(key, _)| key == "scope");
        let days = one("days").parse().ok();
        Form {
            name: one("name"),
            scopes: scopes.filter_map(|(_, name)| Scope::from_name(name)).collect(),
            machine: one("machine"),
            days: days
                .filter(|days| LIVES.iter().any(|(life, _)| life == days))
                .unwrap_or(90),
        }
    }
}

/// The page.
#[derive(Template)]
#[template(path = "tokens.html")]
pub(crate) struct Page {
    layout: Layout,
    made: Option<String>,
    revoked: bool,
    problem: Option<String>,
    name: String,
    machine: String,
    scopes: Vec<ScopeBox>,
    lives: Vec<Life>,
    of_agents: bool,
    rows: Vec<Row>,
    first_href: Option<String>,
    next_href: Option<String>,
    sessions: Vec<SessionRow>,
    ended: bool,
    /// The number of sessions that are shown, if there may be more.
    cut_at: Option<u32>,
}

struct SessionRow {
    hash: String,
    who: String,
    how: &'static str,
    scopes: String,
    since: When,
    until: When,
    own: bool,
}

struct ScopeBox {
    name: &'static str,
    meaning: &'static str,
    checked: bool,
}

struct Life {
    days: u16,
    label: &'static str,
    chosen: bool,
}

struct Row {
    id: Uuid,
    name: String,
    scopes: String,
    machine: Option<(String, String)>,
    created: When,
    last_used: Option<When>,
    expires: Option<When>,
    state: &'static str,
    tone: &'static str,
    revoked: Option<When>,
    usable: bool,
    own: bool,
}

impl Page {
    /// Lays the facts out.
    pub(crate) fn new(facts: &Facts, viewer: Option<&Viewer>) -> Page {
        let base = if facts.of_agents { "agents" } else { "" };
        let href = |cursor: &str| show::address("/tokens", &[("of", base), ("cursor", cursor)]);
        let now = facts.now.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Page {
            layout: Layout::new("Tokens", Section::Tokens, viewer),
            made: facts.made.clone(),
            revoked: facts.done == Some(Done::Revoked),
            problem: facts.problem.clone(),
            name: facts.form.name.clone(),
            machine: facts.form.machine.clone(),
            scopes: Scope::ALL
                .into_iter()
                .map(|scope| scope_box(scope, &facts.form))
                .collect(),
            lives: LIVES
                .into_iter()
                .map(|(days, label)| life(days, label, &facts.form))
                .collect(),
            of_agents: facts.of_agents,
            rows: facts.tokens.iter().map(|token| row(token, now)).collect(),
            first_href: facts.turned.then(|| href("")),
            next_href: facts.next_cursor.as_deref().map(href),
            sessions: facts.sessions.iter().map(session_row).collect(),
            ended: facts.done == Some(Done::Ended),
            cut_at: u32::try_from(facts.sessions.len())
                .ok()
                .filter(|&shown| shown >= MOST_SESSIONS),
        }
    }
}

fn scope_box(scope: Scope, form: &Form) -> ScopeBox {
    ScopeBox {
        name: scope.as_str(),
        meaning: match scope {
            Scope::Upload => "send dumps and reports for any machine, and enrol agents",
            Scope::Agent => "the same for one machine, which must be named",
            Scope::Read => "read everything but raw dumps",
            Scope::Download => "download raw dumps, which hold personal data",
            Scope::Symbols => "send symbol files",
            Scope::Admin => "everything, and manage tokens",
        },
        checked: form.scopes.contains(&scope),
    }
}

fn life(days: u16, label: &'static str, form: &Form) -> Life {
    Life {
        days,
        label,
        chosen: days == form.days,
    }
}

fn session_row(session: &SignedIn) -> SessionRow {
    let (who, how) = match (&session.token, &session.actor) {
        (Some(token), _) => (token.clone(), "with a token"),
        (None, Some(actor)) => (actor.clone(), "without a token"),
        (None, None) => ("somebody".to_owned(), "by a link"),
    };
    SessionRow {
        hash: session.hash.clone(),
        who,
        how,
        scopes: names(&session.scopes),
        since: When(session.since),
        until: When(session.until),
        own: session.own,
    }
}

fn names(scopes: &[Scope]) -> String {
    let names: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    names.join(", ")
}

fn row(token: &Token, now: OffsetDateTime) -> Row {
    let expired = token.expires_at.is_some_and(|at| at <= now);
    let (state, tone) = match (token.revoked_at, expired) {
        (Some(_), _) => ("revoked", "quiet"),
        (None, true) => ("expired", "quiet"),
        (None, false) => ("works", "calm"),
    };
    let machine = token.machine.as_ref();
    Row {
        id: token.id,
        name: token.name.clone(),
        scopes: names(&token.scopes),
        machine: machine.map(|name| (format!("/machines/{}", show::encode(name)), name.clone())),
        created: When(token.created_at),
        last_used: token.last_used_at.map(When),
        expires: token.expires_at.map(When),
        state,
        tone,
        revoked: token.revoked_at.map(When),
        usable: token.revoked_at.is_none() && !expired,
        own: token.own,
    }
}

#[cfg(test)]
mod tests {
    use super::Form;
    use wire::token::Scope;

    #[test]
    fn what_the_form_does_not_offer_is_not_read_from_it() {
        let pairs = [
            ("name", " ring 1 "),
            ("scope", "read"),
            ("scope", "root"),
            ("scope", "symbols"),
            ("days", "36500"),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let form = Form::read(&pairs);
        assert_eq!(form.name, "ring 1");
        assert_eq!(form.scopes, [Scope::Read, Scope::Symbols]);
        assert_eq!(form.days, 90);
    }
}
