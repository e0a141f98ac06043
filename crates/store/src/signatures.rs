//! The rules by which crashes are grouped, and grouping what is stored by new ones.
//!
//! The rules are data of `analysis`; here they are JSON with a version. Version 0 is the rules that are built in.

use std::time::Duration;

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::jobs::{self, JobKind};
use crate::{CrashId, Error, text};

/// The rules in force, when an administrator changed them.
#[derive(Debug, Clone, PartialEq)]
pub struct SignatureRules {
    /// The rules as JSON.
    pub rules: Value,
    /// Counts the changes, from 1.
    pub version: i32,
    /// When they were changed last.
    pub changed_at: OffsetDateTime,
}

/// The rules in force; `None` if the built-in ones are.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.signatures.rules", level = "debug", skip_all)]
pub async fn rules(conn: &mut PgConnection) -> Result<Option<SignatureRules>, Error> {
    let rules = sqlx::query_as!(
        SignatureRules,
        "SELECT rules, version, changed_at FROM signature_rules"
    )
    .fetch_optional(conn)
    .await?;
    Ok(rules)
}

/// Puts new rules in force and has all that is stored grouped by them. Call it in a transaction, and wake the workers
/// afterwards. The same rules again change nothing.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.signatures.put_rules", skip_all)]
pub async fn put_rules(
    conn: &mut PgConnection,
    new: Value,
    now: OffsetDateTime,
) -> Result<SignatureRules, Error> {
    let changed = sqlx::query_as!(
        SignatureRules,
        r#"
            INSERT INTO signature_rules AS known (rules, version, changed_at)
            VALUES ($1, 1, $2)
            ON CONFLICT (one) DO UPDATE
            SET rules = excluded.rules, version = known.version + 1, changed_at = excluded.changed_at
            WHERE known.rules <> excluded.rules
            RETURNING rules, version, changed_at
        "#,
        text::json_without_nul(new),
        now,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(changed) = changed else {
        return rules(conn).await?.ok_or(Error::Row {
            table: "signature_rules",
            column: "one",
        });
    };
    jobs::enqueue(
        conn,
        JobKind::Regroup,
        &changed.version.to_string(),
        Duration::ZERO,
    )
    .await?;
    Ok(changed)
}

/// The place of a crash in the table. Its order is that in which crashes are grouped again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// When it happened.
    pub crashed_at: OffsetDateTime,
    /// Its id.
    pub id: CrashId,
    /// Its machine.
    pub machine_id: Uuid,
}

/// A crash whose signature was made by other rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Outdated {
    /// Which crash.
    pub place: Place,
    /// Its report.
    pub report: Value,
}

/// At most `limit` crashes with dumps after `after` whose signature was made by rules other than of `version`, latest
/// first.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.signatures.outdated", skip_all)]
pub async fn outdated(
    conn: &mut PgConnection,
    version: i32,
    after: Option<Place>,
    limit: u32,
) -> Result<Vec<Outdated>, Error> {
    let rows = sqlx::query!(
        r#"
            SELECT crashed_at, id AS "id: CrashId", machine_id, report
            FROM crash
            WHERE source = 'dump'
                AND signature_rules <> $1
                AND crashed_at <= coalesce($2, 'infinity'::timestamptz)
                AND ($2::timestamptz IS NULL OR (crashed_at, id) < ($2, $3::uuid))
            ORDER BY crashed_at DESC, id DESC
            LIMIT $4
        "#,
        version,
        after.map(|place| place.crashed_at),
        after.map_or(Uuid::nil(), |place| place.id.0),
        i64::from(limit),
    )
    .fetch_all(conn)
    .await?;
    let outdated = rows.into_iter().map(|row| Outdated {
        place: Place {
            crashed_at: row.crashed_at,
            id: row.id,
            machine_id: row.machine_id,
        },
        report: row.report,
    });
    Ok(outdated.collect())
}

/// Gives crashes the signatures that the rules of `version` make of them; the number of those that changed by it. A crash
/// that was replaced meanwhile, or regrouped by later rules, is left alone.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.signatures.regroup", skip_all)]
pub async fn regroup(
    conn: &mut PgConnection,
    version: i32,
    signatures: &[(Place, String)],
) -> Result<u64, Error> {
    let machines: Vec<Uuid> = signatures.iter().map(|(place, _)| place.machine_id).collect();
    let times: Vec<OffsetDateTime> = signatures.iter().map(|(place, _)| place.crashed_at).collect();
    let ids: Vec<Uuid> = signatures.iter().map(|(place, _)| place.id.0).collect();
    let texts: Vec<String> = signatures
        .iter()
        .map(|(_, signature)| text::without_nul(signature))
        .collect();
    let changed = sqlx::query_scalar!(
        r#"
            WITH
                made AS (
                    SELECT *
                    FROM unnest($2::uuid[], $3::timestamptz[], $4::uuid[], $5::text[])
                        AS made (machine_id, crashed_at, id, signature)
                ),
                -- The row as it was, held until it is written.
                held AS (
                    SELECT made.*, crash.signature AS before
                    FROM made
                    JOIN crash USING (machine_id, crashed_at, id)
                    WHERE crash.signature_rules < $1
                    FOR UPDATE OF crash
                ),
                written AS (
                    UPDATE crash
                    SET signature = held.signature, signature_rules = $1,
                        report = jsonb_set(report, '{signature}', to_jsonb(held.signature))
                    FROM held
                    WHERE crash.machine_id = held.machine_id
                        AND crash.crashed_at = held.crashed_at
                        AND crash.id = held.id
                    RETURNING held.before <> held.signature AS changed
                )
            SELECT count(*) FILTER (WHERE changed) AS "changed!" FROM written
        "#,
        version,
        &machines,
        &times,
        &ids,
        &texts,
    )
    .fetch_one(conn)
    .await?;
    Ok(changed.unsigned_abs())
}
