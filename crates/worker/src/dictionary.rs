//! What stop codes mean, copied into the database, where lists and pages join it.

use analysis::{guidance, stop_codes};
use store::stop_codes::StopCodeEntry;
use store::{Error, PgPool};
use wire::StopCodeNumber;

/// Writes the table of stop codes into the database. Call it after each migration; it may be called again.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn seed_dictionaries(pool: &PgPool) -> Result<(), Error> {
    let entries: Vec<StopCodeEntry> = stop_codes::all().iter().map(entry).collect();
    let mut conn = pool.acquire().await?;
    store::stop_codes::upsert_dictionary(&mut conn, &entries).await
}

fn entry(info: &stop_codes::StopCodeInfo) -> StopCodeEntry {
    StopCodeEntry {
        code: StopCodeNumber::from_raw(info.code).get(),
        name: info.name.to_owned(),
        class: crate::record::class_word(info.class),
        parameters: info.parameters.map(|meaning| meaning.map(str::to_owned)),
        guidance: guidance::for_stop_code(info.code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_of_0x76_has_its_words() {
        let info = stop_codes::find(0x76).unwrap();
        let entry = entry(info);
        assert_eq!(entry.name, "PROCESS_HAS_LOCKED_PAGES");
        assert_eq!(entry.class, "driver");
        assert!(!entry.guidance.is_empty());
    }
}
