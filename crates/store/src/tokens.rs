//! Access tokens: 256 random bits, shown once, stored as their SHA-256.
//!
//! The bits come from the operating system (`rand`'s `SysRng`). A plain hash is enough, because nobody can guess 256
//! bits; a slow password hash would cost every request and protect nothing. Looking the hash up in an index needs no
//! constant time either: what could leak is the hash of a guess, not the secret.

use rand::TryRng;
use rand::rngs::SysRng;
use sqlx::{Connection, PgConnection};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{Error, Page, Sha256, TokenId, text};

/// Name of the token that the environment sets.
const FROM_ENVIRONMENT: &str = "STOPCODE_ADMIN_TOKEN";

/// How exact `last_used_at` is kept, to spare a write per request.
const LAST_USED_STEP: Duration = Duration::minutes(10);

/// A secret that is shown once. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A new secret: `prefix` and 64 hex digits of randomness.
    ///
    /// # Errors
    ///
    /// [`Error::NoRandomness`].
    pub fn generate(prefix: &str) -> Result<Secret, Error> {
        let mut bytes = [0_u8; 32];
        SysRng
            .try_fill_bytes(&mut bytes)
            .map_err(|_| Error::NoRandomness)?;
        Ok(Secret(format!("{prefix}{}", hex::encode(bytes))))
    }

    /// The text to show.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub fn hash(&self) -> Sha256 {
        Sha256::of(self.0.as_bytes())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// A wish for a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// What it is for, for people.
    pub name: String,
    /// What it may do, by the names of the HTTP contract.
    pub scopes: Vec<String>,
    /// The only machine it may write for.
    pub machine: Option<String>,
    /// When it stops working.
    pub expires_at: Option<OffsetDateTime>,
}

/// A token as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// The only machine it may write for.
    pub machine: Option<String>,
    /// The enrolment token that an agent got it for.
    pub enrolled_by: Option<TokenId>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it stops working.
    pub expires_at: Option<OffsetDateTime>,
    /// When it was revoked.
    pub revoked_at: Option<OffsetDateTime>,
    /// When it was used last, to within ten minutes.
    pub last_used_at: Option<OffsetDateTime>,
}

/// What somebody may do who has shown a token or a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The token; `None` for a session that a sign-in link opened.
    pub token: Option<TokenId>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// The only machine it may write for.
    pub machine: Option<String>,
    /// Who, in words, where no token tells.
    pub actor: Option<String>,
}

/// Makes a token and hands out its text, for the only time.
///
/// # Errors
///
/// [`Error::NoRandomness`], [`Error::Database`].
#[tracing::instrument(name = "db.tokens.create", skip_all)]
pub async fn create(
    conn: &mut PgConnection,
    wish: &NewToken,
    now: OffsetDateTime,
) -> Result<(TokenId, Secret), Error> {
    let secret = Secret::generate("stopcode_")?;
    let id = insert(conn, wish, secret.hash(), now).await?;
    Ok((id, secret))
}

async fn insert(
    conn: &mut PgConnection,
    wish: &NewToken,
    hash: Sha256,
    now: OffsetDateTime,
) -> Result<TokenId, Error> {
    let id = TokenId(Uuid::now_v7());
    sqlx::query!(
        r#"
            INSERT INTO token (id, name, hash, scopes, machine, created_at, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
        "#,
        id.0,
        text::without_nul(&wish.name),
        hash.as_bytes(),
        &wish.scopes,
        wish.machine.as_deref().map(text::without_nul),
        now,
        wish.expires_at,
    )
    .execute(conn)
    .await?;
    Ok(id)
}

/// What the token with this hash may do at `now`; `None` if it is unknown, expired or revoked.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.tokens.authenticate", skip_all)]
pub async fn authenticate(
    conn: &mut PgConnection,
    hash: Sha256,
    now: OffsetDateTime,
) -> Result<Option<Grant>, Error> {
    let Some(row) = sqlx::query!(
        r#"
            SELECT id AS "id: TokenId", scopes, machine, last_used_at
            FROM token
            WHERE hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
        "#,
        hash.as_bytes(),
        now,
    )
    .fetch_optional(&mut *conn)
    .await?
    else {
        return Ok(None);
    };
    if row.last_used_at.is_none_or(|at| at + LAST_USED_STEP < now) {
        sqlx::query!("UPDATE token SET last_used_at = $2 WHERE id = $1", row.id.0, now)
            .execute(conn)
            .await?;
    }
    Ok(Some(Grant {
        token: Some(row.id),
        scopes: row.scopes,
        machine: row.machine,
        actor: None,
    }))
}

/// All tokens, newest first, revoked ones included.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.tokens.list", skip_all)]
pub async fn list(conn: &mut PgConnection) -> Result<Vec<Token>, Error> {
    let tokens = sqlx::query_as!(
        Token,
        r#"
            SELECT
                id AS "id: TokenId", name, scopes, machine, enrolled_by AS "enrolled_by: TokenId", created_at,
                expires_at, revoked_at, last_used_at
            FROM token
            ORDER BY id DESC
        "#,
    )
    .fetch_all(conn)
    .await?;
    Ok(tokens)
}

/// Which tokens are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Those that somebody made.
    Made,
    /// Those that agents got when they enrolled: one a machine, so there may be very many.
    Enrolled,
}

/// Tokens of one kind or of both, newest first, revoked ones included, at most `limit`, after the one with the id `after`.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.tokens.page", skip_all)]
pub async fn page(
    conn: &mut PgConnection,
    kind: Option<Kind>,
    after: Option<TokenId>,
    limit: u32,
) -> Result<Page<Token, TokenId>, Error> {
    let tokens = sqlx::query_as!(
        Token,
        r#"
            SELECT
                id AS "id: TokenId", name, scopes, machine, enrolled_by AS "enrolled_by: TokenId", created_at,
                expires_at, revoked_at, last_used_at
            FROM token
            WHERE ($1::boolean IS NULL OR (enrolled_by IS NOT NULL) = $1) AND ($2::uuid IS NULL OR id < $2)
            ORDER BY id DESC
            LIMIT $3
        "#,
        kind.map(|kind| kind == Kind::Enrolled),
        after.map(|id| id.0),
        i64::from(limit) + 1,
    )
    .fetch_all(conn)
    .await?;
    Ok(Page::cut(tokens, limit, |token| token.id))
}

/// One token, or `None` if there is none with this id.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.tokens.find", skip_all, fields(token.id = %id))]
pub async fn find(conn: &mut PgConnection, id: TokenId) -> Result<Option<Token>, Error> {
    let token = sqlx::query_as!(
        Token,
        r#"
            SELECT
                id AS "id: TokenId", name, scopes, machine, enrolled_by AS "enrolled_by: TokenId", created_at,
                expires_at, revoked_at, last_used_at
            FROM token
            WHERE id = $1
        "#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(token)
}

/// Revokes a token and ends its sessions. `None` if there is no such token; a second call changes nothing.
///
/// If it is the latest of a machine, the machine is put out: see [`crate::enrolment`].
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.tokens.revoke", skip_all, fields(token.id = %id))]
pub async fn revoke(conn: &mut PgConnection, id: TokenId, now: OffsetDateTime) -> Result<Option<()>, Error> {
    let done = sqlx::query!(
        "UPDATE token SET revoked_at = coalesce(revoked_at, $2), revoked_with = NULL WHERE id = $1",
        id.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

/// Sees to it that there is a token with the scope `admin`.
///
/// With a text from the environment that text is the token, and texts that the environment held before stop working.
/// Without one, the first start makes a token and hands it out to be printed; later starts answer `None`.
///
/// # Errors
///
/// [`Error::NoRandomness`], [`Error::Database`].
#[tracing::instrument(name = "db.tokens.ensure_admin", skip_all)]
pub async fn ensure_admin(
    conn: &mut PgConnection,
    from_environment: Option<&str>,
    now: OffsetDateTime,
) -> Result<Option<Secret>, Error> {
    let mut transaction = conn.begin().await?;
    // Two replicas that start at once must not both print a token.
    sqlx::query!("LOCK TABLE token IN SHARE ROW EXCLUSIVE MODE")
        .execute(&mut *transaction)
        .await?;
    let secret = match from_environment {
        Some(text) => {
            set_from_environment(&mut transaction, text, now).await?;
            None
        }
        None if has_admin(&mut transaction, now).await? => None,
        None => Some(create(&mut transaction, &admin("first start"), now).await?.1),
    };
    transaction.commit().await?;
    Ok(secret)
}

fn admin(name: &str) -> NewToken {
    NewToken {
        name: name.to_owned(),
        scopes: vec!["admin".to_owned()],
        machine: None,
        expires_at: None,
    }
}

async fn has_admin(conn: &mut PgConnection, now: OffsetDateTime) -> Result<bool, Error> {
    let found = sqlx::query_scalar!(
        r#"
            SELECT EXISTS (
                SELECT FROM token
                WHERE 'admin' = ANY (scopes) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)
            ) AS "found!"
        "#,
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok(found)
}

async fn set_from_environment(conn: &mut PgConnection, text: &str, now: OffsetDateTime) -> Result<(), Error> {
    let hash = Sha256::of(text.as_bytes());
    sqlx::query!(
        "UPDATE token SET revoked_at = $3 WHERE name = $1 AND hash <> $2 AND revoked_at IS NULL",
        FROM_ENVIRONMENT,
        hash.as_bytes(),
        now,
    )
    .execute(&mut *conn)
    .await?;
    // The operator's word stands: a text that was revoked or narrowed before works again when it is set again.
    let known = sqlx::query!(
        r#"
            UPDATE token
            SET revoked_at = NULL, revoked_with = NULL, expires_at = NULL, machine = NULL, scopes = ARRAY['admin']
            WHERE hash = $1
        "#,
        hash.as_bytes(),
    )
    .execute(&mut *conn)
    .await?;
    if known.rows_affected() == 0 {
        insert(conn, &admin(FROM_ENVIRONMENT), hash, now).await?;
    }
    Ok(())
}
