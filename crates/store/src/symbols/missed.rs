//! Which symbol files a crash missed, noted when it is recorded.
//!
//! A file may become ready while a dump that would like it is being analysed: the analysis misses it, and the crash is
//! not there yet when the file's crashes are queued again. So whoever records a crash looks whether a file came since
//! its analysis began. Recording takes a shared lock before that look, and making a file ready an exclusive one before
//! it looks for crashes: of the two, the later one sees what the other did.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Key, SymbolKind};
use crate::crashes::AnalysedDump;
use crate::jobs::interval;
use crate::{Error, text};

/// Any number that no other lock of this program uses.
pub(super) const LOCK: i64 = 0x7379_6d62;

/// A file was ready to be seen at most this long after its row said so. An analysis that is queued again for it waits as
/// long, so that it can only find the file old.
const COMMIT_TIME: Duration = Duration::from_secs(10);

/// The dictionary's ids of the keys of each crash, sorted; unknown ones are added. `None` for a crash without keys.
pub(crate) async fn intern(
    conn: &mut PgConnection,
    crashes: &[&[Key]],
) -> Result<Vec<Option<Vec<i32>>>, Error> {
    // In one order everywhere, so that two writers with the same new keys never wait for each other in a circle.
    let by_canonical: BTreeMap<String, &Key> = crashes
        .iter()
        .flat_map(|keys| keys.iter().map(|key| (canonical(key), key)))
        .collect();
    if by_canonical.is_empty() {
        return Ok(vec![None; crashes.len()]);
    }
    let asked: Vec<&str> = by_canonical.keys().map(String::as_str).collect();
    // The lock, and in the same round trip what is known; it is had whether anything is known or not.
    let known = sqlx::query!(
        r#"
            WITH locked AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared($2))
            SELECT missing_symbol.id AS "id?", missing_symbol.key AS "key?"
            FROM locked
            LEFT JOIN missing_symbol ON missing_symbol.key = ANY ($1)
        "#,
        &asked as &[&str],
        LOCK,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut ids: HashMap<String, i32> = known.into_iter().filter_map(|row| row.key.zip(row.id)).collect();
    let new: Vec<(&str, &Key)> = by_canonical
        .iter()
        .filter(|(key, _)| !ids.contains_key(*key))
        .map(|(key, told)| (key.as_str(), *told))
        .collect();
    if !new.is_empty() {
        let new = insert(conn, &new).await?;
        ids.extend(new);
    }
    let of_crash = |keys: &&[Key]| {
        let ids: BTreeSet<i32> = keys
            .iter()
            .filter_map(|key| ids.get(&canonical(key)).copied())
            .collect();
        (!ids.is_empty()).then(|| ids.into_iter().collect())
    };
    Ok(crashes.iter().map(of_crash).collect())
}

fn canonical(key: &Key) -> String {
    text::without_nul(&key.canonical())
}

async fn insert(conn: &mut PgConnection, new: &[(&str, &Key)]) -> Result<Vec<(String, i32)>, Error> {
    let keys: Vec<&str> = new.iter().map(|(key, _)| *key).collect();
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
    let rows = sqlx::query!(
        r#"
            INSERT INTO missing_symbol (key, kind, name, path)
            SELECT *
            FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
            ON CONFLICT (key) DO UPDATE SET key = excluded.key
            RETURNING key, id
        "#,
        &keys as &[&str],
        &kinds,
        &names,
        &paths,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.key, row.id)).collect())
}

/// Queues dumps again of which a missed file became ready while they were being analysed. Call it in the transaction of
/// [`intern`].
pub(crate) async fn recheck<'a>(
    conn: &mut PgConnection,
    analysed: impl Iterator<Item = (AnalysedDump, &'a [i32])>,
) -> Result<(), Error> {
    let mut dumps: Vec<String> = Vec::new();
    let mut claimed_at: Vec<OffsetDateTime> = Vec::new();
    let mut missed: Vec<i32> = Vec::new();
    for (dump, files) in analysed {
        let before = missed.len();
        missed.extend(files);
        dumps.extend((before..missed.len()).map(|_| dump.id.to_string()));
        claimed_at.extend((before..missed.len()).map(|_| dump.claimed_at));
    }
    if missed.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"
            INSERT INTO job (kind, key, run_after)
            SELECT DISTINCT 'reanalyze', analysed.dump, now() + $4
            FROM unnest($1::text[], $2::timestamptz[], $3::integer[]) AS analysed (dump, claimed_at, missed)
            JOIN missing_symbol ON missing_symbol.id = analysed.missed
            JOIN symbol_file ON symbol_file.key = missing_symbol.key
            WHERE symbol_file.state = 'ready' AND symbol_file.settled_at > analysed.claimed_at - $4::interval
            ON CONFLICT (key) WHERE kind = 'reanalyze' AND state = 0 AND worker IS NULL DO NOTHING
        "#,
        &dumps,
        &claimed_at,
        &missed,
        interval(COMMIT_TIME),
    )
    .execute(conn)
    .await?;
    Ok(())
}
