//! Stop codes: what they mean and how they spread over the fleet.

mod detail;
mod dictionary;
mod list;

pub use detail::{Share, StopCodeDetail, detail};
pub use dictionary::{StopCodeEntry, entries, names, upsert_dictionary};
pub(crate) use dictionary::{UNKNOWN_NAME, code_of, name_of};
pub(crate) use list::every_day;
pub use list::{CodeDay, DayCount, StopCodeCount, by_day, list};
