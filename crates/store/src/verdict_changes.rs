//! What verdicts said before, and what is new in what they say.
//!
//! A verdict is computed again and again, and mostly says the same. Each time that its word or its first suspect differs
//! from the time before, a row is left. Between two days only what differs at their ends is a change: what came and went
//! in between is not told.

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};

use crate::{Error, drivers, stop_codes};

/// What a verdict says, as far as its changes are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The stop code.
    pub stop_code: u32,
    /// The word, as in the API.
    pub word: &'static str,
    /// Whom it accuses first, in words.
    pub suspect: Option<String>,
    /// The driver versions among them.
    pub driver_version_ids: Vec<i32>,
}

/// A stop code of which something else is said than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The stop code.
    pub stop_code: u32,
    /// Its name.
    pub name: String,
    /// When it changed last.
    pub changed_at: OffsetDateTime,
    /// The word at the start; `None` if there was no verdict yet.
    pub word_before: Option<String>,
    /// The word now.
    pub word: String,
    /// Whom it accuses first now, in words.
    pub suspect: Option<String>,
}

/// A driver version that came under suspicion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regression {
    /// The stop code.
    pub stop_code: u32,
    /// Its name.
    pub stop_code_name: String,
    /// Since when it is the first suspect, or among those that cannot be told apart from it.
    pub suspected_at: OffsetDateTime,
    /// The word now.
    pub word: String,
    /// The driver's base name.
    pub driver: String,
    /// The version, if inventories know it.
    pub version: Option<String>,
    /// The first day on which the fleet had it.
    pub first_seen_on: Date,
}

/// Notes what a verdict says, computed at `now`; nothing if that is what it said before.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.verdict_changes.note", skip_all)]
pub async fn note(conn: &mut PgConnection, said: &Said, now: OffsetDateTime) -> Result<(), Error> {
    let mut versions = said.driver_version_ids.clone();
    versions.sort_unstable();
    versions.dedup();
    sqlx::query!(
        r#"
        WITH latest AS (
            SELECT word, suspect FROM verdict_change WHERE stop_code = $1 ORDER BY changed_at DESC, id DESC LIMIT 1
        )
        INSERT INTO verdict_change (stop_code, changed_at, word_before, word, suspect, driver_version_ids)
        SELECT $1, $2, (SELECT word FROM latest), $3, $4, $5
        WHERE NOT EXISTS (SELECT FROM latest WHERE (latest.word, latest.suspect) IS NOT DISTINCT FROM ($3, $4))
        "#,
        i64::from(said.stop_code),
        now,
        said.word,
        said.suspect,
        &versions,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stop codes whose word is another than at `since`, the latest change first, at most `limit`. A first verdict is a change
/// only if it accuses somebody.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.verdict_changes.list", skip_all)]
pub async fn list(conn: &mut PgConnection, since: OffsetDateTime, limit: u32) -> Result<Vec<Change>, Error> {
    let rows = sqlx::query!(
        r#"
        -- Of each stop code, its last change and the word before its first.
        WITH span AS (
            SELECT DISTINCT ON (stop_code) stop_code, changed_at, word, suspect,
                first_value(word_before) OVER (PARTITION BY stop_code ORDER BY changed_at, id) AS word_before
            FROM verdict_change
            WHERE changed_at >= $1
            ORDER BY stop_code, changed_at DESC, id DESC
        )
        SELECT stop_code, changed_at, word, suspect, word_before
        FROM span
        WHERE word_before IS DISTINCT FROM word
          AND (word_before IS NOT NULL OR word NOT IN ('too-little-data', 'no-driver-explains-this'))
        ORDER BY changed_at DESC, stop_code
        LIMIT $2
        "#,
        since,
        i64::from(limit),
    )
    .fetch_all(&mut *conn)
    .await?;
    let codes: Vec<u32> = rows
        .iter()
        .map(|row| stop_codes::code_of(row.stop_code))
        .collect();
    let names = stop_codes::names(conn, &codes).await?;
    let changes = rows.into_iter().map(|row| {
        let stop_code = stop_codes::code_of(row.stop_code);
        Change {
            stop_code,
            name: stop_codes::name_of(&names, stop_code),
            changed_at: row.changed_at,
            word_before: row.word_before,
            word: row.word,
            suspect: row.suspect,
        }
    });
    Ok(changes.collect())
}

/// Driver versions that are suspected now and were not before `since`, the newest suspicion first, at most `limit`.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.verdict_changes.regressions", skip_all)]
pub async fn regressions(
    conn: &mut PgConnection,
    since: OffsetDateTime,
    limit: u32,
) -> Result<Vec<Regression>, Error> {
    let rows = sqlx::query!(
        r#"
        -- What is said of each stop code now.
        WITH latest AS (
            SELECT DISTINCT ON (stop_code) stop_code, word, driver_version_ids
            FROM verdict_change
            ORDER BY stop_code, changed_at DESC, id DESC
        )
        SELECT latest.stop_code, latest.word, version.id AS "version!", min(change.changed_at) AS "suspected_at!"
        FROM latest
        CROSS JOIN LATERAL unnest(latest.driver_version_ids) AS version (id)
        JOIN verdict_change AS change
            ON change.stop_code = latest.stop_code AND version.id = ANY (change.driver_version_ids)
        GROUP BY latest.stop_code, latest.word, version.id
        HAVING min(change.changed_at) >= $1
        ORDER BY 4 DESC, 1, 3
        LIMIT $2
        "#,
        since,
        i64::from(limit),
    )
    .fetch_all(&mut *conn)
    .await?;
    let ids: Vec<i32> = rows.iter().map(|row| row.version).collect();
    let described = drivers::describe(conn, &ids).await?;
    let codes: Vec<u32> = rows
        .iter()
        .map(|row| stop_codes::code_of(row.stop_code))
        .collect();
    let names = stop_codes::names(conn, &codes).await?;
    let regressions = rows.into_iter().filter_map(|row| {
        let version = described
            .iter()
            .find(|one| one.driver_version_id == row.version)?;
        let stop_code = stop_codes::code_of(row.stop_code);
        Some(Regression {
            stop_code,
            stop_code_name: stop_codes::name_of(&names, stop_code),
            suspected_at: row.suspected_at,
            word: row.word,
            driver: version.name.clone(),
            version: version.version.clone(),
            first_seen_on: version.first_seen_on,
        })
    });
    Ok(regressions.collect())
}

/// Deletes changes from before that time, but for the last of each stop code, which still holds; the number deleted.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.verdict_changes.prune", skip_all)]
pub async fn prune(conn: &mut PgConnection, before: OffsetDateTime) -> Result<u64, Error> {
    let done = sqlx::query!(
        r#"
        DELETE FROM verdict_change AS old
        WHERE changed_at < $1
          AND EXISTS (
              SELECT FROM verdict_change AS newer
              WHERE newer.stop_code = old.stop_code AND (newer.changed_at, newer.id) > (old.changed_at, old.id)
          )
        "#,
        before,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
