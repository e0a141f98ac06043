//! Which missing files would help most.

use sqlx::PgConnection;

use super::{FileState, SymbolKind};
use crate::{Error, Page, Window, stop_codes};

/// The stop codes named with a missing file.
const STOP_CODES: usize = 3;

/// A missing file and what it would help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked {
    /// Its number in the dictionary.
    pub id: i32,
    /// What it probably is.
    pub kind: SymbolKind,
    /// File name. A stranger's text.
    pub name: String,
    /// Where a symbol server has it: `name/id/name`.
    pub path: String,
    /// Crashes in the window that miss it.
    pub crashes: u64,
    /// Machines those are of.
    pub machines: u64,
    /// Crashes that miss it, whenever they were.
    pub crashes_ever: u64,
    /// Machines those are of.
    pub machines_ever: u64,
    /// The stop codes of those crashes, most crashes first; at most three.
    pub stop_codes: Vec<StopCodeMissed>,
    /// Where a file stands that was uploaded under the key: waiting to be read, or failed.
    pub uploaded: Option<FileState>,
}

/// A stop code that a missing file would help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopCodeMissed {
    /// The code.
    pub code: u32,
    /// Its crashes that miss the file, whenever they were.
    pub crashes: u64,
}

/// The place after one entry of the ranking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MissingCursor {
    /// Its crashes in the window.
    pub crashes: u64,
    /// Its crashes ever.
    pub crashes_ever: u64,
    /// Its number.
    pub id: i32,
}

impl Ranked {
    /// The place after this entry.
    pub fn cursor(&self) -> MissingCursor {
        MissingCursor {
            crashes: self.crashes,
            crashes_ever: self.crashes_ever,
            id: self.id,
        }
    }
}

/// At most `limit` missing files after `after`: most crashes in the window first, then most crashes ever.
///
/// Files that are ready are not missing, also while their crashes wait to be analysed again.
///
/// # Errors
///
/// [`Error::Database`], [`Error::Row`].
#[tracing::instrument(name = "db.symbols.missing", skip_all)]
pub async fn missing(
    conn: &mut PgConnection,
    window: Window,
    after: Option<MissingCursor>,
    limit: u32,
) -> Result<Page<Ranked, MissingCursor>, Error> {
    let rows = sqlx::query_file!(
        "src/symbols/missing.sql",
        window.start(),
        window.end(),
        after.map(|cursor| count(cursor.crashes)),
        after.map_or(0, |cursor| count(cursor.crashes_ever)),
        after.map_or(0, |cursor| cursor.id),
        i64::from(limit) + 1,
    )
    .fetch_all(conn)
    .await?;
    let ranked = rows.into_iter().map(|row| {
        let codes = row.stop_codes.into_iter().map(stop_codes::code_of);
        let crashes = row.stop_code_crashes.into_iter().map(i64::unsigned_abs);
        Ok(Ranked {
            id: row.id,
            kind: SymbolKind::read(&row.kind, "missing_symbol")?,
            name: row.name,
            path: row.path,
            crashes: row.crashes.unsigned_abs(),
            machines: row.machines.unsigned_abs(),
            crashes_ever: row.crashes_ever.unsigned_abs(),
            machines_ever: row.machines_ever.unsigned_abs(),
            stop_codes: codes
                .zip(crashes)
                .take(STOP_CODES)
                .map(|(code, crashes)| StopCodeMissed { code, crashes })
                .collect(),
            uploaded: row.uploaded.as_deref().and_then(FileState::from_name),
        })
    });
    let ranked: Result<Vec<Ranked>, Error> = ranked.collect();
    Ok(Page::cut(ranked?, limit, Ranked::cursor))
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
