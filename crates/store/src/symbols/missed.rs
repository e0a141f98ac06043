//! Which symbol files a crash missed, noted when it is recorded.
//!
//! A file may become ready while a dump that would like it is being analysed: the analysis misses it, and the crash is
//! not there yet when the file's crashes are queued again. So whoever records a crash looks whether a file came since
//! its analysis began. Recording takes a shared lock before that look, and making a file ready an exclusive one before
//! it looks for crashes: of the two, the later one sees what the other did.

use std::time::Duration;

use sqlx::PgConnection;

use super::{Key, SymbolKind};
use crate::crashes::AnalysedDump;
use crate::jobs::interval;
use crate::{Error, text};

/// Any number that no other lock of this program uses.
pub(super) const LOCK: i64 = 0x7379_6d62;

/// A file was ready to be seen at most this long after its row said so. An analysis that is queued again for it waits as
/// long, so that it can only find the file old.
const COMMIT_TIME: Duration = Duration::from_secs(10);

/// The dictionary's ids of the keys, sorted; unknown ones are added. `None` for no keys.
pub(crate) async fn intern(conn: &mut PgConnection, keys: &[Key]) -> Result<Option<Vec<i32>>, Error> {
    if keys.is_empty() {
        return Ok(None);
    }
    // In one order everywhere, so that two crashes with the same new keys never wait for each other in a circle.
    let mut by_canonical: Vec<(String, &Key)> = keys.iter().map(|key| (key.canonical(), key)).collect();
    by_canonical.sort_by(|one, other| one.0.cmp(&other.0));
    by_canonical.dedup_by(|one, other| one.0 == other.0);
    let canonical: Vec<String> = by_canonical.iter().map(|(key, _)| key.clone()).collect();
    // The lock, and in the same round trip what is known; it is had whether anything is known or not.
    let known = sqlx::query!(
        r#"
            WITH locked AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared($2))
            SELECT missing_symbol.id AS "id?", missing_symbol.key AS "key?"
            FROM locked
            LEFT JOIN missing_symbol ON missing_symbol.key = ANY ($1)
        "#,
        &canonical,
        LOCK,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut ids: Vec<i32> = known.iter().filter_map(|row| row.id).collect();
    by_canonical.retain(|(key, _)| !known.iter().any(|row| row.key.as_ref() == Some(key)));
    if !by_canonical.is_empty() {
        ids.extend(insert(conn, &by_canonical).await?);
    }
    ids.sort_unstable();
    Ok(Some(ids))
}

async fn insert(conn: &mut PgConnection, new: &[(String, &Key)]) -> Result<Vec<i32>, Error> {
    let keys: Vec<String> = new.iter().map(|(key, _)| text::without_nul(key)).collect();
    let kinds: Vec<String> = new
        .iter()
        .map(|(_, key)| SymbolKind::of_id(&key.id).as_str().to_owned())
        .collect();
    let names: Vec<String> = new.iter().map(|(_, key)| text::without_nul(&key.name)).collect();
    let paths: Vec<String> = new
        .iter()
        .map(|(_, key)| text::without_nul(&key.path()))
        .collect();
    // The update changes nothing; it makes a row that somebody else has just inserted be returned as well.
    let ids = sqlx::query_scalar!(
        r#"
            INSERT INTO missing_symbol (key, kind, name, path)
            SELECT *
            FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
            ON CONFLICT (key) DO UPDATE SET key = excluded.key
            RETURNING id
        "#,
        &keys,
        &kinds,
        &names,
        &paths,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Queues the dump again if a file that it missed became ready while it was being analysed. Call it in the transaction of
/// [`intern`].
pub(crate) async fn recheck(
    conn: &mut PgConnection,
    dump: AnalysedDump,
    missed: &[i32],
) -> Result<(), Error> {
    sqlx::query!(
        r#"
            INSERT INTO job (kind, key, run_after)
            SELECT 'reanalyze', $1, now() + $4
            WHERE EXISTS (
                SELECT
                FROM missing_symbol
                JOIN symbol_file ON symbol_file.key = missing_symbol.key
                WHERE missing_symbol.id = ANY ($2)
                    AND symbol_file.state = 'ready'
                    AND symbol_file.settled_at > $3::timestamptz - $4::interval
            )
            ON CONFLICT (key) WHERE kind = 'reanalyze' AND state = 0 AND worker IS NULL DO NOTHING
        "#,
        dump.id.to_string(),
        missed,
        dump.claimed_at,
        interval(COMMIT_TIME),
    )
    .execute(conn)
    .await?;
    Ok(())
}
