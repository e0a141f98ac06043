//! Days as `"2026-11-21"`: without this, `time` would write them as a year and a number within it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::Date;

time::serde::format_description!(iso, Date, "[year]-[month]-[day]");

pub(crate) use iso::{deserialize, option, serialize};

/// A list of days.
pub(crate) mod list {
    use super::{Date, Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Day(#[serde(with = "super::iso")] Date);

    pub(crate) fn serialize<S: Serializer>(days: &[Date], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(days.iter().copied().map(Day))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Date>, D::Error> {
        let days = Vec::<Day>::deserialize(from)?;
        Ok(days.into_iter().map(|Day(day)| day).collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::inventory::Presence;
    use crate::suspects::Window;

    #[test]
    fn a_day_is_written_as_people_write_it() {
        for text in [r#"{"days":["2026-11-21","2026-11-22"]}"#, r#"{"days":[]}"#] {
            let presence: Presence = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&presence).unwrap(), text);
        }
        let text = r#"{"from":"2026-08-24","to":"2026-11-22"}"#;
        let window: Window = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&window).unwrap(), text);
    }

    #[test]
    fn a_day_that_does_not_exist_is_refused() {
        assert!(serde_json::from_str::<Presence>(r#"{"days":["2026-02-29"]}"#).is_err());
    }
}
