//! What stop codes mean, copied into the database, where lists and pages join it.

use std::collections::BTreeMap;

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
    let entries = entries();
    let mut conn = pool.acquire().await?;
    store::stop_codes::upsert_dictionary(&mut conn, &entries).await
}

/// One entry a code that crashes are grouped by.
///
/// The table also has codes with bit 28 set (`0x1000007e`); they are grouped under the code without it, whose own
/// words win.
fn entries() -> Vec<StopCodeEntry> {
    let groups = |info: &&stop_codes::StopCodeInfo| StopCodeNumber::from_raw(info.code).get() == info.code;
    let (own, marked): (Vec<_>, Vec<_>) = stop_codes::all().iter().partition(groups);
    let mut by_code: BTreeMap<u32, StopCodeEntry> = BTreeMap::new();
    for info in own.into_iter().chain(marked) {
        let entry = entry(info);
        by_code.entry(entry.code).or_insert(entry);
    }
    by_code.into_values().collect()
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

    /// The statement that writes them refuses to write one row twice, and the table has both `0x7e` and `0x1000007e`.
    #[test]
    fn each_code_has_one_entry() {
        let entries = entries();
        assert!(entries.windows(2).all(|pair| pair[0].code < pair[1].code));
        let thread = entries.iter().find(|entry| entry.code == 0x7e).unwrap();
        assert_eq!(thread.name, "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED");
    }

    #[test]
    fn the_entry_of_0x76_has_its_words() {
        let info = stop_codes::find(0x76).unwrap();
        let entry = entry(info);
        assert_eq!(entry.name, "PROCESS_HAS_LOCKED_PAGES");
        assert_eq!(entry.class, "driver");
        assert!(!entry.guidance.is_empty());
    }
}
