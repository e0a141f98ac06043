//! The record of what was done that needs an answer later.
//!
//! Most entries are written one by one, in the transaction that does what they tell. Sign-ins are counted instead: all
//! of one kind by one caller within ten minutes are one entry. So a flood of guesses leaves a few rows an hour, which
//! still tell when it was and how large.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{Error, Page, TokenId, text};

/// What is counted within such a span is one entry.
const COUNTED_WITHIN: Duration = Duration::minutes(10);

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: OffsetDateTime,
    /// The token used; `None` for a session that none opened, and for the program itself.
    pub token: Option<TokenId>,
    /// Who, in words, where no token tells.
    pub actor: Option<String>,
    /// What, e.g. `dump.download`.
    pub action: String,
    /// To what: an id.
    pub subject: String,
}

/// A sign-in, or an attempt at one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn {
    /// It was let in.
    Accepted,
    /// It was not.
    Refused,
}

impl SignIn {
    fn action(self) -> &'static str {
        match self {
            SignIn::Accepted => "sign-in",
            SignIn::Refused => "sign-in.refused",
        }
    }
}

/// Who signs in, as far as that is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Who<'a> {
    /// The token shown.
    pub token: Option<TokenId>,
    /// Who, in words, where no token tells.
    pub actor: Option<&'a str>,
}

/// An entry as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its id.
    pub id: Uuid,
    /// When; the start of its ten minutes if it counts.
    pub at: OffsetDateTime,
    /// The token used.
    pub token: Option<TokenId>,
    /// What that token is called.
    pub token_name: Option<String>,
    /// Who, in words, where no token tells; without both it was the program itself.
    pub actor: Option<String>,
    /// What.
    pub action: String,
    /// To what.
    pub subject: String,
    /// How often.
    pub times: u64,
}

/// Which entries; what is `None` is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// This action, or all that start with this word and a dot: `token` finds `token.create`.
    pub action: Option<String>,
    /// From this moment on.
    pub from: Option<OffsetDateTime>,
    /// Before this moment.
    pub to: Option<OffsetDateTime>,
}

/// The place after an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Its time.
    pub at: OffsetDateTime,
    /// Its id.
    pub id: Uuid,
}

/// Records one thing that was done.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.audit.record", skip_all, fields(action = entry.action))]
pub async fn record(conn: &mut PgConnection, entry: &Entry) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO audit (id, at, token_id, actor, action, subject) VALUES ($1, $2, $3, $4, $5, $6)",
        Uuid::now_v7(),
        entry.at,
        entry.token.map(|token| token.0),
        entry.actor.as_deref().map(text::without_nul),
        entry.action,
        text::without_nul(&entry.subject),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts a sign-in at `now` by `who`; `subject` is the way it took, or why it was refused: one of few
/// words, never what somebody typed.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.audit.sign_in", skip_all)]
pub async fn sign_in(
    conn: &mut PgConnection,
    sign_in: SignIn,
    who: Who<'_>,
    subject: &'static str,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let into_span = now.unix_timestamp().rem_euclid(COUNTED_WITHIN.whole_seconds());
    let start = now.replace_nanosecond(0).unwrap_or(now) - Duration::seconds(into_span);
    sqlx::query!(
        r#"
            INSERT INTO audit AS known (id, at, token_id, actor, action, subject)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (action, subject, actor, token_id, at) WHERE action IN ('sign-in', 'sign-in.refused')
            DO UPDATE SET times = known.times + 1
        "#,
        Uuid::now_v7(),
        start,
        who.token.map(|token| token.0),
        who.actor.map(text::without_nul),
        sign_in.action(),
        subject,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Entries, newest first, at most `limit`, after the one at `after`.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.audit.list", skip_all)]
pub async fn list(
    conn: &mut PgConnection,
    filter: &Filter,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Page<Recorded, Cursor>, Error> {
    let rows = sqlx::query!(
        r#"
            SELECT
                audit.id, at, token_id AS "token: TokenId", token.name AS "token_name?", actor, action, subject, times
            FROM audit
            LEFT JOIN token ON token.id = audit.token_id
            WHERE ($1::text IS NULL OR action = $1 OR starts_with(action, $1 || '.'))
              AND ($2::timestamptz IS NULL OR at >= $2)
              AND ($3::timestamptz IS NULL OR at < $3)
              AND ($4::timestamptz IS NULL OR (at, audit.id) < ($4, $5))
            ORDER BY at DESC, audit.id DESC
            LIMIT $6
        "#,
        filter.action,
        filter.from,
        filter.to,
        after.map(|after| after.at),
        after.map(|after| after.id),
        i64::from(limit) + 1,
    )
    .fetch_all(conn)
    .await?;
    let entries = rows.into_iter().map(|row| Recorded {
        id: row.id,
        at: row.at,
        token: row.token,
        token_name: row.token_name,
        actor: row.actor,
        action: row.action,
        subject: row.subject,
        times: row.times.unsigned_abs(),
    });
    Ok(Page::cut(entries.collect(), limit, |entry| Cursor {
        at: entry.at,
        id: entry.id,
    }))
}

/// Deletes entries from before that time; the number deleted.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.audit.prune", skip_all)]
pub async fn prune(conn: &mut PgConnection, before: OffsetDateTime) -> Result<u64, Error> {
    let done = sqlx::query!("DELETE FROM audit WHERE at < $1", before)
        .execute(conn)
        .await?;
    Ok(done.rows_affected())
}
