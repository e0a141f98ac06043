//! How agents get tokens of their own, and how they lose them.
//!
//! ```text
//! enrolment token (scope upload, many machines) ──► token (scope agent, one machine)
//!                                                      │ ends with: a newer enrolment of its machine,
//!                                                      │ its enrolment token if that is wished,
//!                                                      ▼ or an administrator's word
//! ```
//!
//! Only the last of these puts the machine out: it is not let in again until an administrator makes a newer token for
//! it. The first two leave it free to enrol, so that a leaked enrolment token can be replaced on a whole fleet.

use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;

use crate::tokens::{self, NewToken, Secret};
use crate::{Error, TokenId, text};

/// What came of an enrolment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enrolment {
    /// The machine has a token of its own. Its text is handed out for the only time.
    Enrolled(TokenId, Secret),
    /// An administrator revoked the machine's latest token.
    MachineRevoked,
    /// The enrolment token was revoked while it was used.
    EnrolmentRevoked,
}

/// Makes a token for the agent of one machine, and ends those that it was enrolled with before.
///
/// # Errors
///
/// [`Error::NoRandomness`], [`Error::Database`].
#[tracing::instrument(name = "db.enrolment.enrol", skip_all)]
pub async fn enrol(
    conn: &mut PgConnection,
    machine: &str,
    enrolled_by: TokenId,
    agent_version: &str,
    now: OffsetDateTime,
) -> Result<Enrolment, Error> {
    let mut transaction = conn.begin().await?;
    lock_machine(&mut transaction, machine).await?;
    if !is_good(&mut transaction, enrolled_by).await? {
        return Ok(Enrolment::EnrolmentRevoked);
    }
    if is_put_out(&mut transaction, machine).await? {
        return Ok(Enrolment::MachineRevoked);
    }
    let wish = NewToken {
        name: format!("agent {agent_version}"),
        scopes: vec!["agent".to_owned()],
        machine: Some(machine.to_owned()),
        expires_at: None,
    };
    let (id, secret) = tokens::create(&mut transaction, &wish, now).await?;
    sqlx::query!(
        r#"
        -- Tokens of earlier enrolments give way; one that an administrator made stays.
        WITH given_way AS (
            UPDATE token
            SET revoked_at = $4, revoked_with = $1
            WHERE machine = $3 AND enrolled_by IS NOT NULL AND revoked_at IS NULL
        )
        UPDATE token SET enrolled_by = $2 WHERE id = $1
        "#,
        id.0,
        enrolled_by.0,
        text::without_nul(machine),
        now,
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Enrolment::Enrolled(id, secret))
}

/// Puts a machine out: all its tokens end, and it is not let in again until an administrator makes it a newer one.
///
/// `None` if it never had one; a second call changes nothing.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.enrolment.revoke_machine", skip_all)]
pub async fn revoke_machine(
    conn: &mut PgConnection,
    machine: &str,
    now: OffsetDateTime,
) -> Result<Option<()>, Error> {
    let mut transaction = conn.begin().await?;
    lock_machine(&mut transaction, machine).await?;
    let revoked = sqlx::query!(
        r#"
        UPDATE token
        SET revoked_at = coalesce(revoked_at, $2),
            -- Of the latest it must be known that it did not merely give way.
            revoked_with = CASE
                WHEN revoked_at IS NULL THEN NULL
                WHEN id = (SELECT id FROM token WHERE machine = $1 ORDER BY id DESC LIMIT 1) THEN NULL
                ELSE revoked_with
            END
        WHERE machine = $1
        "#,
        text::without_nul(machine),
        now,
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok((revoked.rows_affected() > 0).then_some(()))
}

/// Revokes a token and the agents' tokens that it enrolled; how many those were. `None` if there is no such token.
///
/// Their machines may enrol again with another token.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.enrolment.revoke_with_agents", skip_all, fields(token.id = %id))]
pub async fn revoke_with_agents(
    conn: &mut PgConnection,
    id: TokenId,
    now: OffsetDateTime,
) -> Result<Option<u64>, Error> {
    let mut transaction = conn.begin().await?;
    // First the token, so that whoever enrols with it at this moment is done before its agents are looked for.
    if tokens::revoke(&mut transaction, id, now).await?.is_none() {
        return Ok(None);
    }
    let ended = sqlx::query!(
        "UPDATE token SET revoked_at = $2, revoked_with = $1 WHERE enrolled_by = $1 AND revoked_at IS NULL",
        id.0,
        now,
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Some(ended.rows_affected()))
}

/// Two enrolments of one machine take turns, and so does whoever puts it out.
async fn lock_machine(conn: &mut PgConnection, machine: &str) -> Result<(), Error> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended('enrolment ' || $1, 0))",
        text::without_nul(machine),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether the enrolment token still works. It cannot be revoked before this transaction ends.
async fn is_good(conn: &mut PgConnection, enrolled_by: TokenId) -> Result<bool, Error> {
    let good = sqlx::query_scalar!(
        r#"SELECT revoked_at IS NULL AS "good!" FROM token WHERE id = $1 FOR SHARE"#,
        enrolled_by.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(good.unwrap_or(false))
}

/// Whether an administrator revoked the machine's latest token, by its id, which was made under the machine's lock. Who revokes it now waits for the end of this transaction.
async fn is_put_out(conn: &mut PgConnection, machine: &str) -> Result<bool, Error> {
    let put_out = sqlx::query_scalar!(
        r#"
        SELECT revoked_at IS NOT NULL AND revoked_with IS NULL AS "put_out!"
        FROM token
        WHERE machine = $1
        ORDER BY id DESC
        LIMIT 1
        FOR UPDATE
        "#,
        text::without_nul(machine),
    )
    .fetch_optional(conn)
    .await?;
    Ok(put_out.unwrap_or(false))
}
