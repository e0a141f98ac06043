//! What stop codes mean, as the program that knows them wrote it.

use std::collections::HashMap;

use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::Error;

/// What is known of a stop code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopCodeEntry {
    /// The code with bit 28 cleared.
    pub code: u32,
    /// Its name.
    pub name: String,
    /// What kind of fault it is, e.g. `driver`.
    pub class: String,
    /// What each of the four parameters means.
    pub parameters: [Option<String>; 4],
    /// What to do about it.
    pub guidance: Vec<String>,
}

/// The name of a code that is not in the dictionary.
pub(crate) const UNKNOWN_NAME: &str = "UNKNOWN_BUGCHECK";

/// Writes the dictionary; entries that are as before are not touched.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn upsert_dictionary(conn: &mut PgConnection, entries: &[StopCodeEntry]) -> Result<(), Error> {
    let codes: Vec<i64> = entries.iter().map(|entry| i64::from(entry.code)).collect();
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let classes: Vec<&str> = entries.iter().map(|entry| entry.class.as_str()).collect();
    // Arrays of arrays must be rectangles in Postgres, and guidance is not: both go as JSON.
    let parameters: Vec<Value> = entries.iter().map(|entry| json!(entry.parameters)).collect();
    let guidance: Vec<Value> = entries.iter().map(|entry| json!(entry.guidance)).collect();
    sqlx::query!(
        r#"
        INSERT INTO stop_code AS known (code, name, class, parameters, guidance)
        SELECT told.code, told.name, told.class,
            ARRAY(SELECT jsonb_array_elements_text(told.parameters)),
            ARRAY(SELECT jsonb_array_elements_text(told.guidance))
        FROM unnest($1::bigint[], $2::text[], $3::text[], $4::jsonb[], $5::jsonb[])
            AS told (code, name, class, parameters, guidance)
        ON CONFLICT (code) DO UPDATE
        SET name = excluded.name, class = excluded.class, parameters = excluded.parameters,
            guidance = excluded.guidance
        WHERE (known.name, known.class, known.parameters, known.guidance)
            IS DISTINCT FROM (excluded.name, excluded.class, excluded.parameters, excluded.guidance)
        "#,
        &codes,
        &names as &[&str],
        &classes as &[&str],
        &parameters,
        &guidance,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The names of stop codes; those that are not in the dictionary are left out.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn names(conn: &mut PgConnection, codes: &[u32]) -> Result<HashMap<u32, String>, Error> {
    let entries = entries(conn, codes).await?;
    Ok(entries
        .into_iter()
        .map(|(code, entry)| (code, entry.name))
        .collect())
}

/// What is known of stop codes; those that are not in the dictionary are left out.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn entries(conn: &mut PgConnection, codes: &[u32]) -> Result<HashMap<u32, StopCodeEntry>, Error> {
    let codes: Vec<i64> = codes.iter().map(|code| i64::from(*code)).collect();
    let rows = sqlx::query!(
        r#"
        SELECT code, name, class, parameters AS "parameters: Vec<Option<String>>", guidance
        FROM stop_code
        WHERE code = ANY($1)
        "#,
        &codes,
    )
    .fetch_all(conn)
    .await?;
    let entries = rows.into_iter().map(|row| {
        let code = code_of(row.code);
        let mut parameters = row.parameters.into_iter();
        let entry = StopCodeEntry {
            code,
            name: row.name,
            class: row.class,
            parameters: std::array::from_fn(|_| parameters.next().flatten()),
            guidance: row.guidance,
        };
        (code, entry)
    });
    Ok(entries.collect())
}

/// A stop code as it is stored. Codes have 32 bits; only this program writes the column.
pub(crate) fn code_of(stored: i64) -> u32 {
    u32::try_from(stored).unwrap_or(u32::MAX)
}

/// The name of a stop code among `names`, or what unknown ones are called.
pub(crate) fn name_of(names: &HashMap<u32, String>, code: u32) -> String {
    names
        .get(&code)
        .cloned()
        .unwrap_or_else(|| UNKNOWN_NAME.to_owned())
}
